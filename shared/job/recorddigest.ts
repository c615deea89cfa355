/**
 * Digest of a capture's decoded records: what breaks the tie between captures of
 * equal first and last time. It covers what results can depend on and nothing
 * else, so that neither name, format nor compression of a capture matters; at 30
 * of some 250 bytes a packet it costs a fraction of hashing the capture.
 */
import { createHash, type Hash } from 'node:crypto';
import type { PacketColumns } from '../packet/columns.ts';
import { type FlowTable, KEY_WORDS } from '../packet/flowtable.ts';
import { END_WORDS, type FragmentColumns } from '../packet/fragments.ts';

function bytesOf(column: Float64Array | Uint32Array | Uint16Array | Uint8Array, from: number, to: number): Uint8Array {
  const size = column.BYTES_PER_ELEMENT;
  return new Uint8Array(column.buffer, column.byteOffset + from * size, (to - from) * size);
}

/** Rows taken in at once: the same for everybody, since it decides the order of the bytes. */
const STEP = 4096;

export class RecordDigest {
  private readonly hash: Hash = createHash('sha256');
  private readonly fragmentHash: Hash = createHash('sha256');
  private readonly headHash: Hash = createHash('sha256');
  /** Rows that wait for their step to fill up, as interleaved words. */
  private readonly words = new Uint32Array(STEP * 12);
  private filled = 0;

  /** Takes in rows [from, to). */
  packets(columns: PacketColumns, flows: FlowTable, from: number, to: number): void {
    const { words } = this;
    let at = this.filled * 12;
    for (let row = from; row < to; row++) {
      const us = columns.us[row];
      const key = columns.flow[row] * KEY_WORDS;
      words[at] = us;
      words[at + 1] = us / 0x100000000;
      words[at + 2] = columns.ns[row] | (columns.meta[row] << 16) | (columns.hint[row] << 24);
      words[at + 3] = flows.words[key] ^ flows.words[key + 1] ^ flows.words[key + 2] ^ flows.words[key + 3];
      words[at + 4] = flows.words[key + 4] ^ flows.words[key + 5] ^ flows.words[key + 6] ^ flows.words[key + 7];
      words[at + 5] = flows.words[key + 8];
      words[at + 6] = flows.words[key + 9] ^ (columns.vlan[row] << 16);
      words[at + 7] = columns.ipLen[row];
      words[at + 8] = columns.payloadLen[row];
      words[at + 9] = columns.seq[row];
      words[at + 10] = columns.ack[row];
      words[at + 11] = columns.window[row] | (columns.tcpFlags[row] << 16);
      at += 12;
      if (++this.filled === STEP) {
        this.hash.update(bytesOf(words, 0, at));
        this.filled = at = 0;
      }
    }
  }

  fragments(columns: FragmentColumns, from: number, to: number): void {
    if (from === to) return;
    const width = 8 + END_WORDS;
    const words = new Uint32Array((to - from) * width);
    for (let row = from, at = 0; row < to; row++, at += width) {
      words[at] = columns.us[row];
      words[at + 1] = columns.us[row] / 0x100000000;
      words[at + 2] = columns.ns[row] | (columns.keyProto[row] << 16);
      words[at + 3] = columns.id[row];
      words[at + 4] = columns.fragOffset[row];
      words[at + 5] = columns.fragLength[row];
      words[at + 6] = columns.more[row] | (columns.headLen[row] << 16);
      words[at + 7] = columns.vlan[row] | (columns.innerVlan[row] << 16);
      words.set(columns.ends.subarray(row * END_WORDS, (row + 1) * END_WORDS), at + 8);
    }
    this.fragmentHash.update(bytesOf(words, 0, words.length));
    // Rows come in the order of the capture, so their heads stand one behind the other in the pool.
    const last = to - 1;
    const heads = columns.heads.subarray(columns.headStart[from], columns.headStart[last] + columns.headLen[last]);
    this.headHash.update(heads);
  }

  /** @param fates records by fate: captures that differ in what is no IP differ too. @returns 32 hex digits */
  finish(fates: ArrayLike<number>): string {
    this.hash.update(bytesOf(this.words, 0, this.filled * 12));
    this.hash.update(this.fragmentHash.digest());
    this.hash.update(this.headHash.digest());
    this.hash.update(Float64Array.from(fates as number[]));
    return this.hash.digest('hex').slice(0, 32);
  }
}
