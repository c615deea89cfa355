/** The specifications of a job's reduce tasks: which buckets each walks through the intervals, and what it reads. */

import type { JobConfig } from '../../job/jobconfig.ts';
import type { Carried } from '../../job/tasks/interval.ts';
import type { ReduceShard, ReduceShards, ReduceSpec } from '../../job/tasks/reducetask.ts';
import { listBytes } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import type { PlannedIntervals } from '../interval/planintervals.ts';
import { cutMerge, mergedRange, mergeSpec, shardsAtOnce } from '../merge/planmerge.ts';
import { PendingWrites } from '../pendingwrites.ts';
import type { PackedShard } from './packedshard.ts';
import {
  type BucketRange,
  bucketRows,
  cutBuckets,
  cutGroups,
  inClosingOrder,
  partitionTarget,
  segmentOf,
} from './partition.ts';

/** A shard with the rank of each of its captures. */
export interface RankedShard extends PackedShard {
  /** The list of all captures that were mapped with them: the same array for all their shards. */
  ranks: number[] | null;
}

/** Specifications written at a time. */
const PARALLEL_WRITES = 16;

/** How many specifications were written. */
export interface SpecsWritten {
  partitions: number;
  /** Of merge tasks, as `<prefix>merge-<number>.json`. */
  merges: number;
}

/**
 * Writes the specification of each partition as `<prefix><number>.json`, and what they have in common as `<prefix>shards.json`.
 * @param shards of the whole job, in order of their first time
 * @param whole number of captures of the job, and time of its last packet
 */
export async function writeReduceSpecs(
  store: ObjectStore,
  prefix: string,
  { sharding, sizes }: JobConfig,
  shards: readonly RankedShard[],
  { plan, carried }: PlannedIntervals,
  whole: { captures: number; endUs: number },
): Promise<SpecsWritten> {
  const fromUs = plan.made.at(-1)?.toUs ?? 0;
  const needed = plan.rest.length === 0 ? [] : shards.filter(({ lastUs }) => lastUs >= fromUs);
  const rows = bucketRows(needed, sharding.buckets);
  addCarried(rows, carried);
  const total = rows.reduce((sum, count) => sum + count, 0);
  const closing = inClosingOrder(needed);
  const partitions = cutBuckets(rows, 0, sharding.buckets, partitionTarget(total, sizes)).flatMap((partition) =>
    // Fewer rows are open at once in a task of its own for each group.
    cutGroups(needed, rows, partition, sizes.openRows, closing),
  );
  const common = `${prefix}shards.json`;
  await store.put(common, listBytes(commonShards(needed)));
  const writes = new PendingWrites();
  const groups = cutMerge(needed, partitions, shardsAtOnce(needed, partitions, sizes));
  const mergedPrefix = (group: number): string => `${prefix}merged-${group}-`;
  for (const [number, group] of groups.entries()) {
    const spec = mergeSpec(needed, partitions, group, mergedPrefix(number));
    writes.add(store.put(`${prefix}merge-${number}.json`, listBytes(spec)));
    await writes.atMost(PARALLEL_WRITES - 1);
  }
  for (const [number, range] of partitions.entries()) {
    const spec: ReduceSpec = {
      fromBucket: range.from,
      toBucket: range.to,
      first: plan.made.length,
      intervals: plan.rest,
      ranks: [0, whole.captures - 1],
      firstUs: shards[0]?.firstUs ?? 0,
      endUs: whole.endUs,
      carried: carriedIn(carried, range),
      shards: common,
      segments: [],
      merged: [],
    };
    let group = 0;
    let first = 0;
    for (let at = 0; at < needed.length; at++) {
      const segment = segmentOf(needed[at], at, range);
      if (segment !== null) spec.segments.push(segment);
      if (at + 1 !== groups[group]?.to) continue;
      const merged = mergedRange(groups[group], number, mergedPrefix(group), first, spec.segments.length - first);
      if (merged !== null) spec.merged.push(merged);
      first = spec.segments.length;
      group++;
    }
    writes.add(store.put(`${prefix}${number}.json`, listBytes(spec)));
    await writes.atMost(PARALLEL_WRITES - 1);
  }
  await writes.atMost(0);
  return { partitions: partitions.length, merges: groups.length };
}

function commonShards(shards: readonly RankedShard[]): ReduceShards {
  const numbers = new Map<number[], number>();
  const places = shards.map(({ key, baseUs, firstUs, lastUs, ranks }): ReduceShard => {
    if (ranks !== null && !numbers.has(ranks)) numbers.set(ranks, numbers.size);
    return { key, baseUs, firstUs, lastUs, ranks: ranks === null ? null : (numbers.get(ranks) ?? null) };
  });
  return { ranks: [...numbers.keys()], shards: places };
}

/** Counts an open session as a row, of each of the buckets of its carry in equal parts. */
function addCarried(rows: Float64Array, carried: readonly Carried[]): void {
  for (const { fromBucket, toBucket, place } of carried)
    for (let bucket = fromBucket; bucket < toBucket; bucket++)
      rows[bucket] += Math.ceil(place.sessions / (toBucket - fromBucket));
}

/** The carries that may have sessions of a range of buckets. */
function carriedIn(carried: readonly Carried[], { from, to }: BucketRange): Carried[] {
  return carried.filter(({ fromBucket, toBucket }) => fromBucket < to && toBucket > from);
}
