/** The specifications of a job's reduce tasks: which buckets each walks through the intervals, and what it reads. */
import type { Carried } from '../../job/interval.ts';
import type { JobConfig } from '../../job/jobconfig.ts';
import type { ShardPlace } from '../../job/maptask.ts';
import type { ReduceShard, ReduceSpec } from '../../job/reducetask.ts';
import { listBytes } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { type BucketRange, bucketRows, cutBuckets, cutGroups, partitionTarget, segmentOf } from '../partition.ts';
import { PendingWrites } from '../pendingwrites.ts';
import type { PlannedIntervals } from './planintervals.ts';

/** A shard with the rank of each of its captures. */
export interface RankedShard extends ShardPlace {
  ranks: number[] | null;
}

/** Specifications written at a time. */
const PARALLEL_WRITES = 16;

/**
 * Writes the specification of each partition as `<prefix><number>.json`.
 * @param shards of the whole job, in order of their first time
 * @param whole number of captures of the job, and time of its last packet
 * @returns the number of partitions
 */
export async function writeReduceSpecs(
  store: ObjectStore,
  prefix: string,
  { sharding, sizes }: JobConfig,
  shards: readonly RankedShard[],
  { plan, carried }: PlannedIntervals,
  whole: { captures: number; endUs: number },
): Promise<number> {
  const fromUs = plan.made.at(-1)?.toUs ?? 0;
  const needed = plan.rest.length === 0 ? [] : shards.filter(({ lastUs }) => lastUs >= fromUs);
  const rows = bucketRows(needed, sharding.buckets);
  addCarried(rows, carried);
  const total = rows.reduce((sum, count) => sum + count, 0);
  const partitions = cutBuckets(rows, 0, sharding.buckets, partitionTarget(total, sizes)).flatMap((partition) =>
    // Fewer rows are open at once in a task of its own for each group.
    cutGroups(needed, rows, partition, sizes.openRows),
  );
  const writes = new PendingWrites();
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
      shards: [],
      segments: [],
    };
    for (const shard of needed) {
      const segment = segmentOf(shard, spec.shards.length, range);
      if (segment === null) continue;
      const { key, baseUs, firstUs, lastUs, ranks } = shard;
      spec.shards.push({ key, baseUs, firstUs, lastUs, ranks } satisfies ReduceShard);
      spec.segments.push(segment);
    }
    writes.add(store.put(`${prefix}${number}.json`, listBytes(spec)));
    await writes.atMost(PARALLEL_WRITES - 1);
  }
  await writes.atMost(0);
  return partitions.length;
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
