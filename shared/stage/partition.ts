/**
 * Splits the bucket space into partitions, and partitions into groups that fit
 * into memory. Pure planning on counts.
 */

import type { Sizes } from '../job/jobconfig.ts';
import type { ShardPlace } from '../job/maptask.ts';
import type { SegmentTuple } from '../job/reducetask.ts';
import { type BatchPlace, MAX_BATCH_ROWS } from '../shard/shardwriter.ts';

/** Buckets [from, to). */
export interface BucketRange {
  from: number;
  to: number;
}

/** Rows of each bucket over all shards. */
export function bucketRows(shards: readonly ShardPlace[], buckets: number): Float64Array {
  const rows = new Float64Array(buckets);
  for (const shard of shards)
    for (let i = 0; i < shard.buckets.length; i += 2)
      rows[shard.buckets[i]] += (shard.buckets[i + 3] ?? shard.rows) - shard.buckets[i + 1];
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

/** First row of a shard in bucket `bucket` or a later one. */
function rowOf(shard: ShardPlace, bucket: number): number {
  let low = 0;
  let high = shard.buckets.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shard.buckets[middle * 2] < bucket) low = middle + 1;
    else high = middle;
  }
  return shard.buckets[low * 2 + 1] ?? shard.rows;
}

/** The segment of a shard in a range of buckets, null when it has no rows there. */
export function segmentOf(shard: ShardPlace, number: number, range: BucketRange): SegmentTuple | null {
  const from = rowOf(shard, range.from);
  const to = rowOf(shard, range.to);
  if (from === to) return null;
  const tuple: SegmentTuple = [number, from, to, rowOf(shard, firstBucket(shard, range) + 1) >= to ? 1 : 0];
  for (let i = batchOf(shard, from); i < shard.batches.length && shard.batches[i].firstRow < to; i++) {
    const { start, end, crc, firstRow, rows } = shard.batches[i];
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
function batchOf({ batches }: ShardPlace, row: number): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (batches[middle].firstRow + batches[middle].rows <= row) low = middle + 1;
    else high = middle;
  }
  return low;
}

function firstBucket(shard: ShardPlace, range: BucketRange): number {
  for (let i = 0; i < shard.buckets.length; i += 2) if (shard.buckets[i] >= range.from) return shard.buckets[i];
  return range.to;
}

/**
 * Cuts a partition into groups such that the segments open at one time hold about
 * `openRows` rows. Where shards are many and narrow in time one group is enough;
 * where they are few and large several groups cost no additional requests.
 *
 * @param shards sorted by first time
 */
export function cutGroups(
  shards: readonly ShardPlace[],
  rows: Float64Array,
  partition: BucketRange,
  openRows: number,
): BucketRange[] {
  let total = 0;
  for (let bucket = partition.from; bucket < partition.to; bucket++) total += rows[bucket];
  const peak = peakRows(shards, partition);
  if (peak <= openRows) return [partition];
  return cutBuckets(rows, partition.from, partition.to, Math.max(1, Math.floor((total * openRows) / peak)));
}

/** The most rows that segments of a range hold open at one time, blocks of single buckets aside. */
function peakRows(shards: readonly ShardPlace[], range: BucketRange): number {
  const single = range.to - range.from === 1;
  const opening: { firstUs: number; lastUs: number; held: number }[] = [];
  for (const shard of shards) {
    const rows = rowOf(shard, range.to) - rowOf(shard, range.from);
    if (rows === 0) continue;
    opening.push({
      firstUs: shard.firstUs,
      lastUs: shard.lastUs,
      held: single ? Math.min(rows, MAX_BATCH_ROWS) : rows,
    });
  }
  const closing = [...opening].sort((a, b) => a.lastUs - b.lastUs);
  let closed = 0;
  let sum = 0;
  let peak = 0;
  for (const { firstUs, held } of opening) {
    while (closing[closed].lastUs < firstUs) sum -= closing[closed++].held;
    sum += held;
    if (sum > peak) peak = sum;
  }
  return peak;
}
