/**
 * Splits the bucket space into partitions, and partitions into groups that fit
 * into memory. Pure planning on counts.
 */

import type { Sizes } from '../../job/jobconfig.ts';
import type { SegmentTuple } from '../../job/tasks/reducetask.ts';
import { type BatchPlace, MAX_BATCH_ROWS } from '../../shard/shardwriter.ts';
import { batchAt, type PackedShard } from './packedshard.ts';

/** Buckets [from, to). */
export interface BucketRange {
  from: number;
  to: number;
}

/** Rows of each bucket over all shards. */
export function bucketRows(shards: readonly PackedShard[], buckets: number): Float64Array {
  const rows = new Float64Array(buckets);
  for (const shard of shards)
    for (let i = 0; i < shard.buckets.length; i++)
      rows[shard.buckets[i]] += shard.bucketRows[i + 1] - shard.bucketRows[i];
  return rows;
}

/** Rows below which a partition is not worth a task of its own. */
const LEAST_ROWS = 50_000;

/** Buckets are not split: a limit of exactly the fair share would leave a small remainder. */
const BUCKET_SLACK = 1.05;

/** Rows that a partition should have. */
export function partitionTarget(total: number, sizes: Pick<Sizes, 'partitionRows' | 'partitions'>): number {
  const fair = total / Math.max(1, sizes.partitions);
  return Math.min(sizes.partitionRows, Math.max(LEAST_ROWS, Math.ceil(fair * BUCKET_SLACK)));
}

/**
 * Contiguous ranges of about equal rows, as few as keep each at `target` rows or below, none
 * empty. A bucket larger than the target is a partition of its own.
 */
export function cutBuckets(rows: Float64Array, from: number, to: number, target: number): BucketRange[] {
  let left = 0;
  for (let bucket = from; bucket < to; bucket++) left += rows[bucket];
  const ranges: BucketRange[] = [];
  let begin = from;
  let sum = 0;
  let fair = left / Math.ceil(left / target);
  for (let bucket = from; bucket < to; bucket++) {
    const count = rows[bucket];
    if (count === 0) continue;
    if (sum > 0 && (sum + count > target || sum + count / 2 > fair)) {
      ranges.push({ from: begin, to: bucket });
      begin = bucket;
      left -= sum;
      fair = left / Math.ceil(left / target);
      sum = 0;
    }
    sum += count;
  }
  if (sum > 0) ranges.push({ from: begin, to });
  return ranges;
}

/** The place, among the buckets of a shard, of bucket `bucket` or the next one that has rows. */
function placeOf({ buckets }: PackedShard, bucket: number): number {
  let low = 0;
  let high = buckets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (buckets[middle] < bucket) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Batches [first, end) of a shard. */
export interface BatchRange {
  first: number;
  end: number;
}

/** The batches that hold a shard's rows of a range of buckets; null when it has none there. */
export function batchesIn(shard: PackedShard, range: BucketRange): BatchRange | null {
  const first = placeOf(shard, range.from);
  const end = placeOf(shard, range.to);
  if (first === end) return null;
  return { first: batchOf(shard, shard.bucketRows[first]), end: batchOf(shard, shard.bucketRows[end] - 1) + 1 };
}

/** The segment of a shard in a range of buckets, null when it has no rows there. */
export function segmentOf(shard: PackedShard, number: number, range: BucketRange): SegmentTuple | null {
  const first = placeOf(shard, range.from);
  const end = placeOf(shard, range.to);
  if (first === end) return null;
  const from = shard.bucketRows[first];
  const to = shard.bucketRows[end];
  const tuple: SegmentTuple = [number, from, to, end - first === 1 ? 1 : 0];
  const { batchCrcs, batchRows } = shard;
  for (let i = batchOf(shard, from); i < batchCrcs.length && batchRows[i] < to; i++) {
    const { start, end, crc, firstRow, rows } = batchAt(shard, i);
    tuple.push(start, end, crc, firstRow, rows);
  }
  return tuple;
}

/** The batches that a segment's tuple names. */
export function batchesOf(tuple: SegmentTuple): BatchPlace[] {
  const batches: BatchPlace[] = [];
  for (let i = 4; i < tuple.length; i += 5) {
    const [start, end, crc, firstRow, rows] = tuple.slice(i, i + 5);
    batches.push({ start, end, crc, firstRow, rows });
  }
  return batches;
}

/** The batch that holds a row. */
function batchOf({ batchCrcs, batchRows }: PackedShard, row: number): number {
  let low = 0;
  let high = batchCrcs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (batchRows[middle + 1] <= row) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Cuts a partition into groups such that the segments open at one time hold about
 * `openRows` rows. Where shards are many and narrow in time one group is enough;
 * where they are few and large several groups cost no additional requests.
 *
 * @param shards sorted by first time
 * @param closing of inClosingOrder
 */
export function cutGroups(
  shards: readonly PackedShard[],
  rows: Float64Array,
  partition: BucketRange,
  openRows: number,
  closing: Uint32Array = inClosingOrder(shards),
): BucketRange[] {
  let total = 0;
  for (let bucket = partition.from; bucket < partition.to; bucket++) total += rows[bucket];
  const peak = peakRows(shards, closing, partition);
  if (peak <= openRows) return [partition];
  return cutBuckets(rows, partition.from, partition.to, Math.max(1, Math.floor((total * openRows) / peak)));
}

/** The numbers of shards in order of their last time. */
export function inClosingOrder(shards: readonly PackedShard[]): Uint32Array {
  const ends = Float64Array.from(shards, ({ lastUs }) => lastUs);
  return Uint32Array.from(shards.keys()).sort((a, b) => ends[a] - ends[b]);
}

/** The most rows that segments of a range hold open at one time, blocks of single buckets aside. */
function peakRows(shards: readonly PackedShard[], closing: Uint32Array, range: BucketRange): number {
  const most = range.to - range.from === 1 ? MAX_BATCH_ROWS : Number.POSITIVE_INFINITY;
  const held = new Float64Array(shards.length);
  for (let number = 0; number < shards.length; number++) {
    const shard = shards[number];
    const rows = shard.bucketRows[placeOf(shard, range.to)] - shard.bucketRows[placeOf(shard, range.from)];
    held[number] = Math.min(rows, most);
  }
  let closed = 0;
  let sum = 0;
  let peak = 0;
  for (let number = 0; number < shards.length; number++) {
    if (held[number] === 0) continue;
    const { firstUs } = shards[number];
    while (shards[closing[closed]].lastUs < firstUs) sum -= held[closing[closed++]];
    sum += held[number];
    if (sum > peak) peak = sum;
  }
  return peak;
}
