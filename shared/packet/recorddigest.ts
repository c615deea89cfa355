/**
 * Digest of a capture's records: breaks the tie between captures of equal first and last time, and captures with the
 * same digest hold the same packets. It covers what results can depend on, not name, format or compression of a capture:
 * packets in their order, fragments in theirs, the places of fragments among packets, and every record that is neither
 * (ARP, what cannot be decoded) by its time, lengths and bytes. Two 32-bit multiplicative hashes each, in parallel: a
 * cryptographic one over every packet would cost a third of the map.
 */
import { int32 } from '../algorithm/bytes.ts';
import type { PacketColumns } from './columns.ts';
import { type FlowTable, KEY_FLAG_V6, KEY_PORTS, KEY_PROTO, KEY_WORDS } from './flow/flowtable.ts';
import { END_WORDS, type FragmentColumns } from './fragmentcolumns.ts';

/** Of a longer record that is not decoded, this many bytes at its beginning and at its end are digested. */
const EDGE_BYTES = 64;

export class RecordDigest {
  private a = 0x2545f491;
  private b = 0x1b873593;
  private fragmentA = 0x6a09e667;
  private fragmentB = 0x3c6ef372;
  private otherA = 0xa54ff53a;
  private otherB = 0x510e527f;
  /** Rows of packets hashed. */
  private rows = 0;

  /**
   * Hashes rows [from, to) of packets and rows [fragmentFrom, fragmentTo) of fragments: all rows of a part of the
   * capture, both in the order of the file.
   */
  records(
    columns: PacketColumns,
    flows: FlowTable,
    from: number,
    to: number,
    fragments: FragmentColumns,
    fragmentFrom: number,
    fragmentTo: number,
  ): void {
    // A joined datagram is at the place of one of its fragments, so the order of packets and fragments must be equal
    // too.
    let row = from;
    for (let fragment = fragmentFrom; fragment < fragmentTo; fragment++) {
      while (row < to && columns.offset[row] <= fragments.offset[fragment]) row++;
      this.fragment(fragments, fragment, this.rows + row - from);
    }
    this.packets(columns, flows, from, to);
    this.rows += to - from;
  }

  private packets(columns: PacketColumns, flows: FlowTable, from: number, to: number): void {
    const {
      us,
      ns,
      flow,
      meta,
      hint,
      vlan,
      innerVlan,
      tunnel,
      capLen,
      origLen,
      ipLen,
      payloadLen,
      seq,
      ack,
      window,
      tcpFlags,
      mark,
    } = columns;
    const { words, tunnels } = flows;
    let { a, b } = this;
    for (let row = from; row < to; row++) {
      const at = flow[row] * KEY_WORDS;
      const proto = words[at + KEY_PROTO];
      let key =
        words[at + 3] ^ Math.imul(words[at + 7], 0x9e3779b1) ^ Math.imul(words[at + KEY_PORTS], 0x85ebca77) ^ proto;
      if ((proto & KEY_FLAG_V6) !== 0)
        for (let word = 0; word < 7; word++) key = Math.imul(key ^ words[at + word], 0xc2b2ae3d) ^ (key >>> 15);
      a = Math.imul(a ^ us[row], 0x9e3779b1) ^ (a >>> 15);
      b = Math.imul(b ^ key, 0x85ebca77) ^ (b >>> 13);
      a = Math.imul(a ^ seq[row], 0xc2b2ae3d) ^ (a >>> 16);
      b = Math.imul(b ^ ack[row], 0x27d4eb2f) ^ (b >>> 15);
      a = Math.imul(a ^ (ipLen[row] + (payloadLen[row] << 16)), 0x165667b1) ^ (a >>> 13);
      b = Math.imul(b ^ (window[row] | (tcpFlags[row] << 16)), 0x9e3779b1) ^ (b >>> 16);
      a = Math.imul(a ^ (ns[row] | (meta[row] << 16) | (hint[row] << 24)), 0x85ebca77) ^ (a >>> 15);
      b = Math.imul(b ^ (vlan[row] | (innerVlan[row] << 16)), 0xc2b2ae3d) ^ (a >>> 17) ^ (b >>> 13);
      a = Math.imul(a ^ (capLen[row] + (origLen[row] << 16)), 0x27d4eb2f) ^ (a >>> 14);
      b = Math.imul(b ^ mark[row], 0x165667b1) ^ (b >>> 16);
      if (tunnel[row] !== 0) b = Math.imul(b ^ tunnels.hash(tunnel[row]), 0x165667b1) ^ (b >>> 14);
    }
    this.a = a;
    this.b = b;
  }

  /** @param before rows of packets before the fragment */
  private fragment(columns: FragmentColumns, row: number, before: number): void {
    const take = (word: number): void => {
      this.fragmentA = Math.imul(this.fragmentA ^ word, 0x9e3779b1) ^ (this.fragmentA >>> 15);
      this.fragmentB = Math.imul(this.fragmentB ^ word, 0x85ebca77) ^ (this.fragmentB >>> 13) ^ (this.fragmentA >>> 17);
    };
    take(before);
    take(columns.us[row]);
    take(columns.ns[row] | (columns.keyProto[row] << 16));
    take(columns.id[row]);
    take(columns.fragOffset[row]);
    take(columns.fragLength[row]);
    take(columns.more[row] | (columns.proto[row] << 8) | (columns.headLen[row] << 16));
    take(columns.headerLen[row]);
    take(columns.capLen[row]);
    take(columns.origLen[row]);
    take(columns.vlan[row] | (columns.innerVlan[row] << 16));
    take(columns.tunnels.hash(columns.tunnel[row]));
    for (let word = 0; word < END_WORDS; word++) take(columns.ends[row * END_WORDS + word]);
    const start = columns.headStart[row];
    for (let at = start; at < start + columns.headLen[row]; at++) take(columns.heads[at]);
  }

  /**
   * Hashes a record of which neither packet nor fragment came: its bytes, whole up to 128, else the first and last 64.
   * Parameters as of RecordSink.record.
   */
  undecoded(
    bytes: Uint8Array,
    start: number,
    capLen: number,
    origLen: number,
    us: number,
    ns: number,
    linkType: number,
  ): void {
    this.word(us);
    this.word(Math.floor(us / 2 ** 32));
    this.word(ns | (linkType << 16));
    this.word(capLen);
    this.word(origLen);
    if (capLen <= 2 * EDGE_BYTES) this.bytes(bytes, start, start + capLen);
    else {
      this.bytes(bytes, start, start + EDGE_BYTES);
      this.bytes(bytes, start + capLen - EDGE_BYTES, start + capLen);
    }
  }

  private bytes(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    for (; at + 4 <= to; at += 4) this.word(int32(bytes, at));
    for (; at < to; at++) this.word(bytes[at]);
  }

  private word(word: number): void {
    const { otherA, otherB } = this;
    this.otherA = Math.imul(otherA ^ word, 0x9e3779b1) ^ (otherA >>> 15);
    this.otherB = Math.imul(otherB ^ word, 0x85ebca77) ^ (otherB >>> 13) ^ (otherA >>> 17);
  }

  /** @param fates records by fate. @returns 32 hex digits */
  finish(fates: ArrayLike<number>): string {
    let fateA = this.a ^ this.otherA;
    let fateB = this.b ^ this.otherB;
    for (let fate = 0; fate < fates.length; fate++) {
      fateA = Math.imul(fateA ^ fates[fate], 0x9e3779b1) ^ (fateA >>> 15);
      fateB = Math.imul(fateB ^ fates[fate], 0x85ebca77) ^ (fateB >>> 13);
    }
    return [fateA, fateB, this.fragmentA, this.fragmentB]
      .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
      .join('');
  }
}
