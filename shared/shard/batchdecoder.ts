/**
 * Packet rows of a record batch of a shard, as batchencoder.ts wrote them. No object per row.
 */

import type { RecordBatch } from 'apache-arrow';
import { uint32 } from '../algorithm/bytes.ts';
import { META_FROM_B, type PacketColumns } from '../packet/columns.ts';
import { type FlowTable, KEY_WORDS } from '../packet/flow/flowtable.ts';
import { TunnelTable } from '../packet/flow/tunneltable.ts';
import { Prediction } from './prediction.ts';
import {
  getDouble,
  getKey,
  RARE_AGE,
  RARE_CAPTURE,
  RARE_HINT,
  RARE_KEY,
  RARE_OFFSET,
  RARE_TAGS,
  RARE_TIME,
} from './rarefields.ts';
import { shardColumns } from './shardschema.ts';

/** In place of a capture's number: its rows are left out. */
export const LEFT_OUT = -1;

/** Reads the batches of one segment in their order. */
export class BatchDecoder {
  /** Rows left out so far. */
  leftOut = 0;
  private readonly expected = new Prediction();
  /** Number in the reader's table of each flow of the segment. */
  private flowNumber = new Uint32Array(64);
  private readonly key = new Uint32Array(KEY_WORDS);
  private flows = 0;
  private readonly table: FlowTable;
  private readonly baseUs: number;
  private readonly captureNumbers: ArrayLike<number> | null;

  /**
   * @param table to which the segment's flows are added
   * @param baseUs the shard's base time
   * @param captureNumbers the reader's number for each capture of the shard, or LEFT_OUT; null when they are the same
   */
  constructor(table: FlowTable, baseUs: number, captureNumbers: ArrayLike<number> | null) {
    this.table = table;
    this.baseUs = baseUs;
    this.captureNumbers = captureNumbers;
  }

  /** Appends the rows [from, to) of the segment's next batch to `out`. */
  decode(batch: RecordBatch, from: number, to: number, out: PacketColumns): void {
    out.reserve(out.length + (to - from));
    const before = out.length;
    out.length = this.append(batch, from, to, out);
    this.leftOut += to - from - (out.length - before);
  }

  /** As `decode`, with the room already reserved: the loop is a function of its own. @returns the rows of `out` */
  private append(batch: RecordBatch, from: number, to: number, out: PacketColumns): number {
    const {
      time,
      ns,
      moreOffsets,
      more,
      flowBack,
      offset: offsets,
      ipLen: ipLens,
      headerLen,
      linkLen,
      cutLen,
      seq: seqs,
      ack: acks,
      window: windows,
      tcpFlags: flags,
      meta: metas,
      mark: marks,
    } = shardColumns(batch);
    const { expected, table, captureNumbers } = this;
    let us = this.baseUs;
    let offset = 0;
    let capture = captureNumbers === null ? 0 : captureNumbers[0];
    let at = out.length;
    let moreAt = moreOffsets[0];
    for (let i = 0; i < to; i++) {
      let dUs: number = time[i];
      let dOffset: number = offsets[i];
      let hint = 0;
      let ageUs = 0;
      let ageNs = 0;
      const moreEnd = moreOffsets[i + 1];
      let bits = 0;
      if (moreEnd !== moreAt) {
        bits = more[moreAt++];
        if ((bits & RARE_KEY) !== 0) {
          moreAt = getKey(more, moreAt, this.key);
          if (i >= from) this.enter(table.lookup(this.key));
        }
        if ((bits & RARE_TIME) !== 0) {
          dUs = getDouble(more, moreAt);
          moreAt += 8;
        }
        if ((bits & RARE_OFFSET) !== 0) {
          dOffset = getDouble(more, moreAt);
          moreAt += 8;
        }
        if ((bits & RARE_CAPTURE) !== 0) {
          const number = uint32(more, moreAt);
          capture = captureNumbers === null ? number : captureNumbers[number];
          moreAt += 4;
        }
      }
      us += dUs;
      offset += dOffset;
      if (i < from) {
        moreAt = moreEnd;
        continue;
      }
      const number = this.flows - 1 - flowBack[i];
      const meta = metas[i];
      const side = number * 2 + (meta & META_FROM_B);
      if (moreEnd !== moreAt) {
        if ((bits & RARE_TAGS) !== 0) {
          const vlans = uint32(more, moreAt);
          moreAt += 4;
          expected.sawTags(side, vlans, table.tunnels.take(more, moreAt));
          moreAt += TunnelTable.bytes(more, moreAt);
        }
        if ((bits & RARE_HINT) !== 0) hint = more[moreAt++];
        if ((bits & RARE_AGE) !== 0) {
          ageUs = uint32(more, moreAt);
          ageNs = (more[moreAt + 4] << 8) | more[moreAt + 5];
        }
        moreAt = moreEnd;
      }
      out.us[at] = us;
      out.ns[at] = ns[i];
      out.flow[at] = this.flowNumber[number];
      out.capture[at] = capture;
      out.offset[at] = offset;
      const ipLen = ipLens[i];
      const payloadLen = ipLen - headerLen[i];
      const origLen = ipLen + linkLen[i];
      out.ipLen[at] = ipLen;
      out.payloadLen[at] = payloadLen;
      out.origLen[at] = origLen;
      out.capLen[at] = origLen - cutLen[i];
      const seq = (expected.seq(side) + seqs[i]) >>> 0;
      const window = (expected.lastWindow(side) + windows[i]) & 0xffff;
      const tcpFlags = flags[i];
      out.seq[at] = seq;
      out.ack[at] = expected.seq(side ^ 1) + acks[i];
      out.window[at] = window;
      if ((seq | tcpFlags | window) !== 0) expected.saw(side, seq, payloadLen, tcpFlags, window);
      out.tcpFlags[at] = tcpFlags;
      out.meta[at] = meta;
      const mark = (expected.mark(side) + marks[i]) >>> 0;
      expected.sawMark(side, mark);
      out.mark[at] = mark;
      out.hint[at] = hint;
      const vlans = expected.vlans(number);
      out.vlan[at] = vlans;
      out.innerVlan[at] = vlans >>> 16;
      out.tunnel[at] = expected.tunnel(side);
      out.ageUs[at] = ageUs;
      out.ageNs[at] = ageNs;
      if (capture !== LEFT_OUT) at++;
    }
    return at;
  }

  private enter(flow: number): void {
    if (this.flows === this.flowNumber.length) {
      const grown = new Uint32Array(this.flows * 2);
      grown.set(this.flowNumber);
      this.flowNumber = grown;
    }
    this.flowNumber[this.flows] = flow;
    this.expected.add(this.flows++);
  }
}
