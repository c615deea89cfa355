/**
 * Writes a shard: packet records of one map task, sorted by (bucket, time, capture, offset), as an Arrow IPC stream
 * whose batches end where buckets end.
 */
import { crc32 } from 'node:zlib';
import { sortRows } from '../algorithm/roworder.ts';
import { COLUMN_NAMES, META_LEVELS, PacketColumns } from '../packet/columns.ts';
import { bucketOf, type FlowTable, KEY_WORDS, type Sharding, shardHash } from '../packet/flow/flowtable.ts';
import type { CheckedRange } from '../store/checkedrange.ts';
import { BatchEncoder } from './batchencoder.ts';
import { PositionedWriter, SHARD_SCHEMA } from './shardschema.ts';

/** The most rows of one batch: enough to amortize a batch's fixed costs, few enough to hold many batches open. */
export const MAX_BATCH_ROWS = 65536;

/** Position of a batch in its shard. */
export interface BatchPlace extends CheckedRange {
  /** Number of its first row in the shard. */
  firstRow: number;
  rows: number;
}

/** What a planner must know about a shard without reading it. */
export interface ShardIndex {
  rows: number;
  bytes: number;
  /** Time to which the first row of every batch is relative, whole microseconds. */
  baseUs: number;
  /** Time of the earliest and the latest row, whole microseconds. */
  firstUs: number;
  lastUs: number;
  batches: BatchPlace[];
  /** First row of each bucket that has rows, as pairs bucket, row, in ascending order. */
  buckets: number[];
}

/**
 * Order of rows of one record: an outer packet before the packets inside it, as in Zeek, and a datagram before its
 * fragments.
 */
function compareMeta(a: number, b: number): number {
  return (b & META_LEVELS) - (a & META_LEVELS) || a - b;
}

/** Order of records within one stream of time: promise 1 of the design. `capture` must be ranks, or numbers in rank order. */
export function compareRecords(a: PacketColumns, i: number, b: PacketColumns, j: number): number {
  if (a.us[i] !== b.us[j]) return a.us[i] - b.us[j];
  if (a.ns[i] !== b.ns[j]) return a.ns[i] - b.ns[j];
  // Fragments have the time of their datagram; among them the older one, by its own time, comes first.
  if (a.ageUs[i] !== b.ageUs[j]) return b.ageUs[j] - a.ageUs[i];
  if (a.ageNs[i] !== b.ageNs[j]) return b.ageNs[j] - a.ageNs[i];
  if (a.capture[i] !== b.capture[j]) return a.capture[i] - b.capture[j];
  if (a.offset[i] !== b.offset[j]) return a.offset[i] - b.offset[j];
  return compareMeta(a.meta[i], b.meta[j]);
}

export class ShardWriter {
  private readonly encoder = new BatchEncoder(MAX_BATCH_ROWS);
  private readonly sorted = new PacketColumns(0);
  private place = new Uint32Array(0);
  private flowBucket = new Uint32Array(0);
  /** Times of the earliest and the latest row. */
  private firstUs = 0;
  private lastUs = 0;

  /**
   * Rows [0, rows) of `columns` as a shard.
   * @param captureRank orders the captures of equal time: rank by capture number
   * @param batchRows a batch ends with the first bucket that brings it to this many rows, at most MAX_BATCH_ROWS
   */
  write(
    columns: PacketColumns,
    rows: number,
    flows: FlowTable,
    sharding: Sharding,
    captureRank: ArrayLike<number>,
    batchRows: number,
  ): { bytes: Uint8Array; index: ShardIndex } {
    const starts = this.placeRows(columns, rows, flows, sharding, captureRank);
    this.scatter(columns, rows);
    const { sorted, firstUs, lastUs } = this;
    const index: ShardIndex = { rows, bytes: 0, baseUs: firstUs, firstUs, lastUs, batches: [], buckets: [] };
    const writer = new PositionedWriter();
    writer.reset(undefined, SHARD_SCHEMA);
    this.encoder.begin();
    const emit = (from: number, to: number): void => {
      if (from === to) return;
      const start = writer.position;
      writer.write(this.encoder.encode(sorted, flows, from, to, firstUs));
      index.batches.push({ start, end: writer.position, crc: 0, firstRow: from, rows: to - from });
    };
    let pending = 0;
    for (let bucket = 0; bucket < sharding.buckets; bucket++) {
      const from = starts[bucket];
      const to = starts[bucket + 1];
      if (from === to) continue;
      index.buckets.push(bucket, from);
      // A bucket that does not fit with the pending rows gets batches of its own, so that a reader that starts at a
      // bucket's first row sees every flow from its beginning.
      if (to - pending > MAX_BATCH_ROWS) {
        emit(pending, from);
        pending = from;
        while (to - pending > MAX_BATCH_ROWS) {
          emit(pending, pending + MAX_BATCH_ROWS);
          pending += MAX_BATCH_ROWS;
        }
        if (pending !== from) {
          emit(pending, to);
          pending = to;
        }
      }
      if (to - pending >= batchRows) {
        emit(pending, to);
        pending = to;
      }
    }
    emit(pending, rows);
    writer.finish();
    const bytes = writer.toUint8Array(true);
    index.bytes = bytes.length;
    for (const batch of index.batches) batch.crc = crc32(bytes.subarray(batch.start, batch.end));
    return { bytes, index };
  }

  /** Fills `place`, the sorted place of each row; returns the first place of each bucket, and the end. */
  private placeRows(
    columns: PacketColumns,
    rows: number,
    flows: FlowTable,
    sharding: Sharding,
    captureRank: ArrayLike<number>,
  ): Uint32Array {
    const { buckets } = sharding;
    if (this.flowBucket.length < flows.count) this.flowBucket = new Uint32Array(flows.count * 2);
    const { flowBucket } = this;
    bucketsOfFlows(flows, sharding, flowBucket);
    if (this.place.length < rows) this.place = new Uint32Array(rows);
    const { place } = this;
    const rowFlow = columns.flow;
    const starts = new Uint32Array(buckets + 1);
    countRows(rowFlow, rows, flowBucket, starts);
    for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1] += starts[bucket];

    const { us, ns, capture, offset, meta, ageUs, ageNs } = columns;
    const byTime = (a: number, b: number): number => {
      if (us[a] !== us[b]) return us[a] - us[b];
      if (ns[a] !== ns[b]) return ns[a] - ns[b];
      if (ageUs[a] !== ageUs[b]) return ageUs[b] - ageUs[a];
      if (ageNs[a] !== ageNs[b]) return ageNs[b] - ageNs[a];
      if (capture[a] !== capture[b]) return captureRank[capture[a]] - captureRank[capture[b]];
      if (offset[a] !== offset[b]) return offset[a] - offset[b];
      return compareMeta(meta[a], meta[b]);
    };
    const next = starts.slice(0, buckets);
    const newest = new Int32Array(buckets).fill(-1);
    let ordered = true;
    let firstUs = Number.POSITIVE_INFINITY;
    let lastUs = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < rows; row++) {
      if (us[row] < firstUs) firstUs = us[row];
      if (us[row] > lastUs) lastUs = us[row];
      const bucket = flowBucket[rowFlow[row]];
      place[row] = next[bucket]++;
      const previous = newest[bucket];
      newest[bucket] = row;
      // Nearly every row is later than its bucket's last: one comparison.
      if (previous >= 0 && us[row] <= us[previous] && byTime(previous, row) > 0) ordered = false;
    }
    this.firstUs = firstUs;
    this.lastUs = lastUs;
    if (!ordered) {
      const order = new Uint32Array(rows);
      for (let row = 0; row < rows; row++) order[place[row]] = row;
      const scratch = new Uint32Array(rows);
      for (let bucket = 0; bucket < buckets; bucket++)
        sortRows(order, starts[bucket], starts[bucket + 1], byTime, scratch);
      for (let at = 0; at < rows; at++) place[order[at]] = at;
    }
    return starts;
  }

  /**
   * Moves every column into sorted order. Column by column and from source order: the writes run along as many streams
   * as there are buckets, which fit into the caches; gathering whole rows would miss on each column of each row.
   */
  private scatter(columns: PacketColumns, rows: number): void {
    const { sorted, place } = this;
    sorted.reserve(rows);
    sorted.length = rows;
    for (const name of COLUMN_NAMES) {
      const from: Float64Array | Uint32Array | Uint16Array | Uint8Array = columns[name];
      const to = sorted[name];
      // Many columns are all zero in most captures (VLAN, tunnel, age, nanoseconds).
      if (isZero(from, rows)) {
        to.fill(0, 0, rows);
        continue;
      }
      // A loop for each type of array, so that each is monomorphic.
      if (from instanceof Float64Array) scatterDoubles(from, to as Float64Array, place, rows);
      else if (from instanceof Uint32Array) scatter32(from, to as Uint32Array, place, rows);
      else if (from instanceof Uint16Array) scatter16(from, to as Uint16Array, place, rows);
      else scatter8(from, to as Uint8Array, place, rows);
    }
  }
}

function bucketsOfFlows(flows: FlowTable, { buckets, seed, by }: Sharding, flowBucket: Uint32Array): void {
  const { words, count } = flows;
  for (let flow = 0; flow < count; flow++)
    flowBucket[flow] = bucketOf(shardHash(words, flow * KEY_WORDS, seed, by), buckets);
}

/** Counts the rows of each bucket b at b + 1. */
function countRows(rowFlow: Uint32Array, rows: number, flowBucket: Uint32Array, starts: Uint32Array): void {
  for (let row = 0; row < rows; row++) starts[flowBucket[rowFlow[row]] + 1]++;
}

/** Checks the column's bytes four at a time: one type of array for any column, and no branch a row. */
function isZero(column: Float64Array | Uint32Array | Uint16Array | Uint8Array, rows: number): boolean {
  const bytes = rows * column.BYTES_PER_ELEMENT;
  const words = new Uint32Array(column.buffer, column.byteOffset, bytes >>> 2);
  const step = 4096;
  for (let from = 0; from < words.length; from += step) {
    const to = Math.min(from + step, words.length);
    if (allBits(words, from, to) !== 0) return false;
  }
  for (let row = Math.floor((words.length * 4) / column.BYTES_PER_ELEMENT); row < rows; row++)
    if (column[row] !== 0) return false;
  return true;
}

function allBits(words: Uint32Array, from: number, to: number): number {
  let any = 0;
  for (let at = from; at < to; at++) any |= words[at];
  return any;
}

function scatterDoubles(from: Float64Array, to: Float64Array, place: Uint32Array, rows: number): void {
  for (let row = 0; row < rows; row++) to[place[row]] = from[row];
}

function scatter32(from: Uint32Array, to: Uint32Array, place: Uint32Array, rows: number): void {
  for (let row = 0; row < rows; row++) to[place[row]] = from[row];
}

function scatter16(from: Uint16Array, to: Uint16Array, place: Uint32Array, rows: number): void {
  for (let row = 0; row < rows; row++) to[place[row]] = from[row];
}

function scatter8(from: Uint8Array, to: Uint8Array, place: Uint32Array, rows: number): void {
  for (let row = 0; row < rows; row++) to[place[row]] = from[row];
}
