/**
 * Packet rows as one record batch of a shard. No object per row; columns are staged in arrays that are reused for the
 * next batch.
 */
import type { RecordBatch } from 'apache-arrow';
import { put32 } from '../algorithm/bytes.ts';
import { META_FROM_B, type PacketColumns } from '../packet/columns.ts';
import { type FlowTable, KEY_WORDS } from '../packet/flow/flowtable.ts';
import { Prediction } from './prediction.ts';
import {
  MAX_RARE_BYTES,
  putDouble,
  putKey,
  RARE_AGE,
  RARE_CAPTURE,
  RARE_HINT,
  RARE_KEY,
  RARE_OFFSET,
  RARE_TAGS,
  RARE_TIME,
} from './rarefields.ts';
import { ShardRows, shardBatch } from './shardschema.ts';

const LARGEST_DIFFERENCE = 0xffffffff;

/** Writes batches of one shard after another. */
export class BatchEncoder {
  private readonly rows: ShardRows;
  private readonly moreOffsets: Int32Array;
  private more: Uint8Array;
  private readonly expected = new Prediction();
  /** Number within the shard of each flow of the caller's table, -1 before its first row. */
  private shardFlow = new Int32Array(1024).fill(-1);
  private flows = 0;

  /** @param rows the most rows a batch may have */
  constructor(rows: number) {
    this.rows = new ShardRows(rows);
    this.moreOffsets = new Int32Array(rows + 1);
    this.more = new Uint8Array(rows * 4 + MAX_RARE_BYTES);
  }

  /** Begin a new shard. */
  begin(): void {
    this.shardFlow.fill(-1);
    this.expected.clear();
    this.flows = 0;
  }

  /**
   * The rows [from, to) as one record batch.
   * @param baseUs the shard's base time, to which the first row's time is relative
   */
  encode(columns: PacketColumns, table: FlowTable, from: number, to: number, baseUs: number): RecordBatch {
    const count = to - from;
    if (count > this.rows.capacity) throw new RangeError(`a batch of ${count} rows exceeds ${this.rows.capacity}`);
    this.stage(columns, table, from, count, baseUs);
    return shardBatch(this.rows, this.moreOffsets, this.more, count);
  }

  /** Puts the values of `n` rows into this encoder's columns. */
  private stage(columns: PacketColumns, table: FlowTable, from: number, n: number, baseUs: number): void {
    if (this.shardFlow.length < table.count) {
      const grown = new Int32Array(table.count * 2).fill(-1);
      grown.set(this.shardFlow);
      this.shardFlow = grown;
    }
    // Every column in a local variable: property lookups in each of millions of iterations would be slow.
    const {
      flow: cFlow,
      us: cUs,
      ns: cNs,
      offset: cOffset,
      ipLen: cIpLen,
      payloadLen: cPayloadLen,
      origLen: cOrigLen,
      capLen: cCapLen,
      meta: cMeta,
      seq: cSeq,
      ack: cAck,
      window: cWindow,
      tcpFlags: cTcpFlags,
      innerVlan: cInnerVlan,
      vlan: cVlan,
      tunnel: cTunnel,
      capture: cCapture,
      hint: cHint,
      mark: cMark,
      ageUs: cAgeUs,
      ageNs: cAgeNs,
    } = columns;
    const {
      time: sTime,
      ns: sNs,
      flowBack: sFlowBack,
      offset: sOffset,
      ipLen: sIpLen,
      headerLen: sHeaderLen,
      linkLen: sLinkLen,
      cutLen: sCutLen,
      seq: sSeq,
      ack: sAck,
      window: sWindow,
      tcpFlags: sTcpFlags,
      meta: sMeta,
      mark: sMark,
    } = this.rows;
    const { expected, shardFlow, moreOffsets: sMoreOffsets } = this;
    let us = baseUs;
    let offset = 0;
    let capture = 0;
    let moreEnd = 0;
    for (let i = 0; i < n; i++) {
      const row = from + i;
      const flow = cFlow[row];
      let bits = 0;
      let number = shardFlow[flow];
      if (number < 0) {
        number = this.flows++;
        shardFlow[flow] = number;
        expected.add(number);
        bits = RARE_KEY;
      }
      sFlowBack[i] = this.flows - 1 - number;
      const dUs = cUs[row] - us;
      us = cUs[row];
      sTime[i] = dUs;
      if (dUs < 0 || dUs > LARGEST_DIFFERENCE) bits |= RARE_TIME;
      sNs[i] = cNs[row];
      const dOffset = cOffset[row] - offset;
      offset = cOffset[row];
      sOffset[i] = dOffset;
      if (dOffset < 0 || dOffset > LARGEST_DIFFERENCE) bits |= RARE_OFFSET;
      const ipLen = cIpLen[row];
      const payloadLen = cPayloadLen[row];
      const origLen = cOrigLen[row];
      sIpLen[i] = ipLen;
      sHeaderLen[i] = ipLen - payloadLen;
      sLinkLen[i] = origLen - ipLen;
      sCutLen[i] = origLen - cCapLen[row];

      const meta = cMeta[row];
      const side = number * 2 + (meta & META_FROM_B);
      const seq = cSeq[row];
      const window = cWindow[row];
      const tcpFlags = cTcpFlags[row];
      sSeq[i] = seq - expected.seq(side);
      sAck[i] = cAck[row] - expected.seq(side ^ 1);
      sWindow[i] = window - expected.lastWindow(side);
      if ((seq | tcpFlags | window) !== 0) expected.saw(side, seq, payloadLen, tcpFlags, window);
      sTcpFlags[i] = tcpFlags;
      sMeta[i] = meta;
      const mark = cMark[row];
      sMark[i] = mark - expected.mark(side);
      expected.sawMark(side, mark);

      const vlans = (cInnerVlan[row] << 16) | cVlan[row];
      const tunnel = cTunnel[row];
      if (vlans >>> 0 !== expected.vlans(number) || tunnel !== expected.tunnel(side)) bits |= RARE_TAGS;
      if (cCapture[row] !== capture) bits |= RARE_CAPTURE;
      if (cHint[row] !== 0) bits |= RARE_HINT;
      if ((cAgeUs[row] | cAgeNs[row]) !== 0) bits |= RARE_AGE;

      sMoreOffsets[i] = moreEnd;
      if (bits !== 0) {
        if (moreEnd + MAX_RARE_BYTES > this.more.length) {
          const more = new Uint8Array(this.more.length * 2);
          more.set(this.more);
          this.more = more;
        }
        const { more } = this;
        more[moreEnd++] = bits;
        if ((bits & RARE_KEY) !== 0) moreEnd = putKey(table.words, flow * KEY_WORDS, more, moreEnd);
        if ((bits & RARE_TIME) !== 0) moreEnd = putDouble(more, moreEnd, dUs);
        if ((bits & RARE_OFFSET) !== 0) moreEnd = putDouble(more, moreEnd, dOffset);
        if ((bits & RARE_CAPTURE) !== 0) {
          capture = cCapture[row];
          moreEnd = put32(more, moreEnd, capture);
        }
        if ((bits & RARE_TAGS) !== 0) {
          expected.sawTags(side, vlans, tunnel);
          moreEnd = table.tunnels.put(tunnel, more, put32(more, moreEnd, vlans));
        }
        if ((bits & RARE_HINT) !== 0) more[moreEnd++] = cHint[row];
        if ((bits & RARE_AGE) !== 0) {
          moreEnd = put32(more, moreEnd, cAgeUs[row]);
          more[moreEnd++] = cAgeNs[row] >>> 8;
          more[moreEnd++] = cAgeNs[row];
        }
      }
    }
    // Only operations that the loop has too: otherwise code optimized in the loop (on-stack replacement) would be
    // deoptimized here.
    sMoreOffsets[n] = moreEnd;
  }
}
