/**
 * Which shards are merged before they are reduced. Each reduce task needs a range of bytes of each shard: with many
 * shards and partitions these are millions of small reads. A merge task takes some shards that follow each other in time
 * and puts the ranges that a partition needs of them side by side, so that one read gets them all. The bytes stay as
 * they are: what is reduced, and hence the results, are the same with and without.
 */
import type { MergedObject, MergeShard, MergeSpec } from '../../job/tasks/mergetask.ts';
import type { MergedRange } from '../../job/tasks/reducetask.ts';
import type { PackedShard } from '../balance/packedshard.ts';
import { type BatchRange, type BucketRange, batchesIn } from '../balance/partition.ts';

/** What decides whether and how shards are merged. */
export interface MergeSizes {
  /** Reads of segments that the reduce tasks of a job may make: with more its shards are merged. */
  directReads: number;
  /** Bytes that a reduce task should get with one read. */
  readBytes: number;
}

/** Most shards that a merge task has open. */
export const MOST_SHARDS = 64;
/** Bytes of a merged object, which its task holds in memory until it is written. */
export const OBJECT_BYTES = 64 << 20;
/** Segments that are together larger than this are read by themselves: a heavy host's are large enough. */
const MOST_READ_BYTES = 8 << 20;

/** Shards [from, to) of those that a job reduces, and where each partition finds its segments of them. */
export interface MergeGroup {
  from: number;
  to: number;
  /** By partition: which object has its segments, and the first byte; -1 where they are read from the shards. */
  objects: Int32Array;
  starts: Uint32Array;
  /** Bytes of each object. */
  bytes: number[];
}

/**
 * How many shards a group should have; 1 when merging is not worth while.
 * @param shards those that are needed, in order of their first time
 */
export function shardsAtOnce(
  shards: readonly PackedShard[],
  partitions: readonly BucketRange[],
  { directReads, readBytes }: MergeSizes,
): number {
  if (shards.length * partitions.length <= directReads) return 1;
  let reads = 0;
  let bytes = 0;
  for (const shard of shards)
    for (const range of partitions) {
      const batches = batchesIn(shard, range);
      if (batches === null) continue;
      reads++;
      bytes += bytesOf(shard, batches);
    }
  if (reads <= directReads) return 1;
  return Math.min(MOST_SHARDS, Math.max(1, Math.floor((readBytes * reads) / Math.max(1, bytes))));
}

/** Groups of `atOnce` shards that follow each other; none when that is 1. */
export function cutMerge(
  shards: readonly PackedShard[],
  partitions: readonly BucketRange[],
  atOnce: number,
): MergeGroup[] {
  const groups: MergeGroup[] = [];
  if (atOnce < 2) return groups;
  for (let from = 0; from < shards.length; from += atOnce) {
    const to = Math.min(from + atOnce, shards.length);
    // Of one shard every range is one read already.
    if (to - from > 1) groups.push(cutGroup(shards, partitions, from, to));
  }
  return groups;
}

function cutGroup(
  shards: readonly PackedShard[],
  partitions: readonly BucketRange[],
  from: number,
  to: number,
): MergeGroup {
  const objects = new Int32Array(partitions.length).fill(-1);
  const starts = new Uint32Array(partitions.length);
  const bytes: number[] = [];
  for (const [number, range] of partitions.entries()) {
    let sum = 0;
    for (let at = from; at < to; at++) {
      const batches = batchesIn(shards[at], range);
      if (batches !== null) sum += bytesOf(shards[at], batches);
    }
    if (sum === 0 || sum > MOST_READ_BYTES) continue;
    if (bytes.length === 0 || bytes[bytes.length - 1] + sum > OBJECT_BYTES) bytes.push(0);
    objects[number] = bytes.length - 1;
    starts[number] = bytes[bytes.length - 1];
    bytes[bytes.length - 1] += sum;
  }
  return { from, to, objects, starts, bytes };
}

/** @param prefix of the keys of its objects */
export function mergeSpec(
  shards: readonly PackedShard[],
  partitions: readonly BucketRange[],
  group: MergeGroup,
  prefix: string,
): MergeSpec {
  const objects = group.bytes.map((bytes, number): MergedObject => {
    return { key: `${prefix}${number}`, bytes, pieces: [] };
  });
  for (const [number, range] of partitions.entries()) {
    const object = objects[group.objects[number]];
    if (object === undefined) continue;
    for (let at = group.from; at < group.to; at++) {
      const batches = batchesIn(shards[at], range);
      if (batches !== null) object.pieces.push(at - group.from, batches.first, batches.end);
    }
  }
  return { shards: shards.slice(group.from, group.to).map(placesIn), objects };
}

function placesIn({ key, batchStarts, batchCrcs }: PackedShard): MergeShard {
  const batches = [batchStarts[0]];
  for (const [number, crc] of batchCrcs.entries()) batches.push(batchStarts[number + 1], crc);
  return { key, batches };
}

/**
 * Where a partition finds its segments of a group.
 * @param first number of the first of these segments among those of the partition
 * @param prefix as of mergeSpec
 */
export function mergedRange(
  group: MergeGroup,
  partition: number,
  prefix: string,
  first: number,
  count: number,
): MergedRange | null {
  const object = group.objects[partition];
  return object < 0 || count === 0
    ? null
    : { key: `${prefix}${object}`, start: group.starts[partition], from: first, to: first + count };
}

function bytesOf({ batchStarts }: PackedShard, { first, end }: BatchRange): number {
  return batchStarts[end] - batchStarts[first];
}
