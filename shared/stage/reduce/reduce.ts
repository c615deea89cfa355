/**
 * The reduce stage: one partition's segments, merged by time, through the session tracker, interval by interval, to runs
 * of sessions and packets. In memory are the open sessions, the blocks of rows that the merge has open, and one run.
 */

import { requireJson, type TaskContext, Unfinished } from '../../job/context.ts';
import type { Job } from '../../job/jobconfig.ts';
import { attemptPrefix, intervalEndKey, intervalEndsPrefix, numberOfEndKey } from '../../job/protocol/keys.ts';
import type { StageResults } from '../../job/protocol/stageresults.ts';
import { stageResult } from '../../job/protocol/taskends.ts';
import type { Carried, IntervalEnd } from '../../job/tasks/interval.ts';
import { addGained, NOTHING_GAINED, type TurnedPart } from '../../job/tasks/reduced.ts';
import type { MergedRange, ReduceShards, ReduceSpec, SegmentTuple } from '../../job/tasks/reducetask.ts';
import { mergeSegments } from '../../shard/merge.ts';
import { type ReadRange, readingAhead, type Segment } from '../../shard/segment.ts';
import { inParallel, numbersTo, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { batchesOf } from '../balance/partition.ts';
import { checkReduced } from '../commit/reconcile.ts';
import { specOf } from '../specs.ts';
import type { StageWork } from '../stage.ts';
import { CaptureNames } from './capturenames.ts';
import { type MergedSegment, mergedReads } from './mergedread.ts';
import { IntervalWalk } from './walk.ts';

/** Time that must be left for an interval beside what the longest so far took. */
const SPARE_MS = 30_000;

export const reduceStage: StageWork<'reduce'> = { stage: 'reduce', run: runReduce };

async function runReduce(
  context: TaskContext,
  job: Job,
  task: number,
  attempt: string,
): Promise<StageResults['reduce']> {
  const { store, timeLeft = () => Number.POSITIVE_INFINITY } = context;
  const spec = await specOf<ReduceSpec>(store, job.job, 'reduce', task);
  const ended = await earlierEnds(context, job, task, spec);
  const turned = ended.flatMap((end, at) => end.turned.map((part) => ({ ...part, interval: spec.first + at })));
  const balance = await stageResult(store, job.job, 'balance', 'reduce');
  const names = await CaptureNames.open(store, balance.names);
  // Its last end is that of what was left open: everything is done.
  const gained = ended.reduce((sum, end) => addGained(sum, end.gained), NOTHING_GAINED);
  if (ended.length > spec.intervals.length) return { turned, gained };

  const prefix = attemptPrefix(job.job, 'reduce', task, attempt);
  const walk = new IntervalWalk(context, job, task, prefix, spec, names, ended.length);
  const carried = ended.length === 0 ? spec.carried : lastCarry(ended);
  await walk.restore(carried, await ranksOf(names, carried, spec.ranks));
  const { fromUs } = walk;
  const common = await requireJson<ReduceShards>(store, spec.shards);
  const needed = ([shard]: SegmentTuple): boolean => common.shards[shard].lastUs >= fromUs;
  const segments = spec.segments.filter(needed);
  const leftOut = await mergeSegments(segmentsOf(context, common, spec, needed), walk.flows, walk.emitter(), {
    maxOpenRows: job.config.sizes.openRows,
    scratch: context.scratch,
    between: () => walk.pause(),
    borders: {
      get nextUs() {
        return walk.nextUs;
      },
      cross: async () => {
        await walk.cross();
        if (timeLeft() < walk.needsMs + SPARE_MS) throw new Unfinished(walk.progress);
      },
    },
  });
  const walked = await walk.finish();
  checkReduced(job, task, segments, walked, leftOut);
  for (const { interval, part } of walk.turned) turned.push({ ...part, interval });
  return { turned: turned satisfies TurnedPart[], gained: addGained(gained, walked.gained) };
}

/** The ends that earlier attempts have written, in order, none missing in between. */
async function earlierEnds({ store }: TaskContext, job: Job, task: number, spec: ReduceSpec): Promise<IntervalEnd[]> {
  const numbers = new Set<number>();
  for await (const { key } of store.list(intervalEndsPrefix(job.job, task))) numbers.add(numberOfEndKey(key));
  let count = 0;
  while (numbers.has(spec.first + count)) count++;
  const ends = await inParallel(numbersTo(count), REQUESTS_AT_ONCE, (at) =>
    requireJson<IntervalEnd>(store, intervalEndKey(job.job, task, spec.first + at)),
  );
  const other = ends.findIndex(({ plan }) => plan !== spec.shards);
  return other < 0 ? ends : ends.slice(0, other);
}

function lastCarry(ends: readonly IntervalEnd[]): Carried[] {
  const { carry } = ends[ends.length - 1];
  return carry === null ? [] : [carry];
}

/** Finds the ranks that captures, which a carry names, have in this job. */
async function ranksOf(
  names: CaptureNames,
  carried: readonly Carried[],
  [lowest, highest]: ReduceSpec['ranks'],
): Promise<(identity: string) => number> {
  if (carried.length === 0) return () => -1;
  await names.need(lowest, highest);
  const ranks = new Map<string, number>();
  for (let rank = lowest; rank <= highest; rank++) ranks.set(names.nameOf(rank), rank);
  return (identity) => {
    const rank = ranks.get(identity);
    if (rank === undefined) throw new Error(`the job has no capture ${identity}, of which sessions are open`);
    return rank;
  };
}

/** The segments that are needed: those that were merged are read together. */
function segmentsOf(
  { store }: TaskContext,
  common: ReduceShards,
  { segments, merged }: ReduceSpec,
  needed: (tuple: SegmentTuple) => boolean,
): Segment[] {
  const found: Segment[] = [];
  let next = 0;
  for (const range of [...merged, { key: '', start: 0, from: segments.length, to: segments.length }]) {
    for (; next < range.from; next++) {
      const tuple = segments[next];
      const { key } = common.shards[tuple[0]];
      const read: ReadRange = (start, end) => store.get(key, { start, end });
      if (needed(tuple)) found.push(segmentFrom(common, tuple, key, read));
    }
    found.push(...mergedSegments(store, common, range, segments.slice(range.from, range.to), needed));
    next = range.to;
  }
  return found;
}

function mergedSegments(
  store: ObjectStore,
  common: ReduceShards,
  { key, start }: MergedRange,
  tuples: readonly SegmentTuple[],
  needed: (tuple: SegmentTuple) => boolean,
): Segment[] {
  const first = tuples.findIndex(needed);
  if (first < 0) return [];
  const rest = tuples.slice(first, tuples.findLastIndex(needed) + 1);
  const places = rest.map((tuple) => ({ ...placeOf(tuple), needed: needed(tuple) }));
  const before = tuples.slice(0, first).reduce((sum, tuple) => sum + lengthOf(tuple), 0);
  const reads = mergedReads((from, to) => store.get(key, { start: from, end: to }), key, start + before, places);
  return rest.flatMap((tuple, at) => (needed(tuple) ? [segmentFrom(common, tuple, key, reads[at])] : []));
}

/** The bytes of a segment in its shard. */
function placeOf(tuple: SegmentTuple): Omit<MergedSegment, 'needed'> {
  const batches = batchesOf(tuple);
  return { start: batches[0].start, end: batches[batches.length - 1].end };
}

function lengthOf(tuple: SegmentTuple): number {
  const { start, end } = placeOf(tuple);
  return end - start;
}

/** @param key of the object that is read, for errors */
function segmentFrom({ shards, ranks }: ReduceShards, tuple: SegmentTuple, key: string, read: ReadRange): Segment {
  const shard = shards[tuple[0]];
  const segment: Segment = {
    key,
    read,
    baseUs: shard.baseUs,
    firstUs: shard.firstUs,
    lastUs: shard.lastUs,
    from: tuple[1],
    to: tuple[2],
    oneBucket: tuple[3] === 1,
    batches: batchesOf(tuple),
    captures: shard.ranks === null ? null : ranks[shard.ranks],
  };
  return { ...segment, ...readingAhead(segment, read) };
}
