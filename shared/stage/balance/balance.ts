/**
 * The balance stage, one task: ranks the captures, joins the fragments of all map tasks, cuts packet time into intervals,
 * finds which of them an earlier job has made, and cuts the buckets into partitions of about equal rows of the others.
 */

import type { AnomalyRow } from '../../capture/anomaly.ts';
import { requireJson, type TaskContext } from '../../job/context.ts';
import type { Job } from '../../job/jobconfig.ts';
import { copiesAmong } from '../../job/notices/copies.ts';
import { attemptPrefix } from '../../job/protocol/keys.ts';
import { PartsWriter } from '../../job/protocol/listparts.ts';
import type { StageResults } from '../../job/protocol/stageresults.ts';
import { stageResults } from '../../job/protocol/taskends.ts';
import { compareCaptures } from '../../job/rank.ts';
import {
  type AnomalyPlaces,
  type CaptureOutcome,
  groupsIn,
  type JoinedSummary,
  type MapSpec,
  type MapSummary,
  type PlannedCapture,
  type RankedCapture,
} from '../../job/tasks/maptask.ts';
import { LEFT_OUT } from '../../shard/batchdecoder.ts';
import { inParallel } from '../../store/inparallel.ts';
import { jsonBytes, listBytes } from '../../store/jsonobject.ts';
import { checkJoined } from '../commit/reconcile.ts';
import { planIntervals } from '../interval/planintervals.ts';
import { specsOf } from '../specs.ts';
import type { StageWork } from '../stage.ts';
import { failedOutcome } from '../unreadable.ts';
import { joinFragments } from './joinfragments.ts';
import { checkKept } from './kept.ts';
import { type PackedShard, ShardPacker } from './packedshard.ts';
import { type RankedShard, writeReduceSpecs } from './reducespecs.ts';

/** Summaries read at a time. */
const PARALLEL_READS = 16;

/** A summary with its shards as planning needs them. */
type PackedSummary = Omit<MapSummary, 'shards'> & {
  shards: PackedShard[];
  /** Whether this job has mapped its captures. */
  fresh: boolean;
};

export const balanceStage: StageWork<'balance'> = { stage: 'balance', run: runBalance };

async function runBalance(
  context: TaskContext,
  job: Job,
  _task: number,
  attempt: string,
): Promise<StageResults['balance']> {
  const { store } = context;
  const prefix = attemptPrefix(job.job, 'balance', 0, attempt);
  const packer = new ShardPacker();
  const summaries = await readSummaries(context, job, packer);

  const outcomes: { outcome: CaptureOutcome; task: number; number: number }[] = [];
  for (const [task, summary] of summaries.entries())
    for (const [number, outcome] of summary.captures.entries()) outcomes.push({ outcome, task, number });
  outcomes.sort((a, b) => compareCaptures(a.outcome, b.outcome));
  const ranks = summaries.map((summary) => new Array<number>(summary.captures.length));
  for (const [rank, { task, number }] of outcomes.entries()) ranks[task][number] = rank;

  await checkKept(store, job, outcomes);
  const ordered = outcomes.map(({ outcome }) => outcome);
  const copies = copiesAmong(ordered);
  const copyOf = job.config.keepCopies === true ? copies.map(() => null) : copies;
  const isCopy = (rank: number): boolean => copyOf[rank] !== null;

  const shards: RankedShard[] = [];
  let copiedRows = 0;
  const anomalies = new PartsWriter<AnomalyRow>(store, `${prefix}anomalies-`);
  for (const [task, summary] of summaries.entries()) {
    const used = ranks[task].map((rank) => (isCopy(rank) ? LEFT_OUT : rank));
    for (const shard of summary.shards) {
      let copied = 0;
      for (let i = 0; i < shard.captures.length; i += 2)
        if (used[shard.captures[i]] === LEFT_OUT) copied += shard.captures[i + 1];
      // A shard of nothing else need not be read.
      if (copied === shard.rows) continue;
      copiedRows += copied;
      shards.push({ ...shard, ranks: used });
    }
  }
  const joined = await joinFragments(context, job, summaries, ranks, isCopy, prefix, anomalies);
  const mapped = shards.slice();
  for (const shard of joined.shards) shards.push({ ...packer.pack(shard), ranks: null });
  shards.sort((a, b) => a.firstUs - b.firstUs);
  mapped.sort((a, b) => a.firstUs - b.firstUs);

  const captures: RankedCapture[] = outcomes.map(({ outcome }, rank) => ({
    ...outcome,
    fragmentsCompleted: joined.completed[rank],
    fragmentsIncomplete: joined.neverCompleted[rank],
    copyOf: copyOf[rank],
  }));
  checkJoined(job, captures);
  await anomalies.add(duplicates(captures, copies));
  const places: AnomalyPlaces = { ranks, parts: await anomalies.end() };
  await store.put(`${prefix}anomalies.json`, listBytes(places));
  const captureParts = new PartsWriter<RankedCapture>(store, `${prefix}captures-`);
  await captureParts.add(captures);
  await store.put(`${prefix}captures.json`, jsonBytes(await captureParts.end()));
  const nameParts = new PartsWriter<string>(store, `${prefix}names-`);
  for (const { capture } of captures) await nameParts.add([capture.name]);
  await store.put(`${prefix}names.json`, jsonBytes(await nameParts.end()));

  let endUs = 0;
  for (const { lastUs } of shards) if (lastUs > endUs) endUs = lastUs;
  let freshUs = Number.POSITIVE_INFINITY;
  for (const { fresh, shards } of summaries)
    if (fresh) for (const { firstUs } of shards) freshUs = Math.min(freshUs, firstUs);
  const intervals = await planIntervals(context, job, captures, mapped, shards.length === 0 ? -1 : endUs, freshUs);
  await store.put(`${prefix}intervals.json`, listBytes(intervals.plan));
  const { partitions, merges } = await writeReduceSpecs(store, `${prefix}reduce-`, job.config, shards, intervals, {
    captures: captures.length,
    endUs,
  });
  return {
    captures: `${prefix}captures.json`,
    names: `${prefix}names.json`,
    anomalies: `${prefix}anomalies.json`,
    specs: `${prefix}reduce-`,
    partitions,
    merges,
    intervals: `${prefix}intervals.json`,
    first: intervals.plan.made.length,
    endUs,
    rows: shards.reduce((sum, shard) => sum + shard.rows, 0),
    copiedRows,
    innermostBytes: innermostBytes(summaries, ranks, isCopy),
    joined: joined.shards.reduce((sum, shard) => sum + shard.rows, 0),
    shuffleBytes:
      shards.reduce((sum, shard) => sum + shard.bytes, 0) +
      summaries.reduce((sum, { fragments }) => sum + fragments.reduce((inner, file) => inner + file.bytes, 0), 0),
  };
}

/** The summary of each group of captures, with the names that captures have in this job. A failed task has outcomes that say so. */
async function readSummaries(context: TaskContext, job: Job, packer: ShardPacker): Promise<PackedSummary[]> {
  const { store } = context;
  const specOf = await specsOf<MapSpec>(store, job.job, 'map');
  const results = await stageResults(store, job.job, 'map');
  const groups = await inParallel(results, PARALLEL_READS, async (result, task): Promise<PackedSummary[]> => {
    const spec = await specOf(task);
    if (result === null)
      return [
        {
          captures: spec.captures.map(failedOutcome),
          shards: [],
          fragments: [],
          innermostBytes: spec.captures.map(() => 0),
          anomalies: [],
          fresh: false,
        },
      ];
    let number = 0;
    return groupsIn(await requireJson<MapSummary | JoinedSummary>(store, result.summary)).map((summary) => {
      const captures = summary.captures.map((outcome) => inThisJob(outcome, spec.captures[number++]));
      // Anomalies are left to commit, which reads them one task at a time.
      const shards = summary.shards.map((shard) => packer.pack(shard));
      return { ...summary, captures, shards, anomalies: [], fresh: !result.reused };
    });
  });
  return groups.flat();
}

/** An outcome, which another job may have found, of a capture as this job's inputs have it. */
function inThisJob(outcome: CaptureOutcome, capture: PlannedCapture): CaptureOutcome {
  const { facts, failure } = outcome;
  const open = capture.recent === true && failure === null && facts.status === 'truncated';
  return { ...outcome, capture, facts: open ? { ...facts, status: 'open' } : facts };
}

/** A report of each capture that holds the same packets as another one. @param copies of copiesAmong */
function* duplicates(captures: readonly RankedCapture[], copies: readonly (number | null)[]): Generator<AnomalyRow> {
  for (const [rank, original] of copies.entries()) {
    if (original === null) continue;
    const { capture, copyOf } = captures[rank];
    const what = copyOf === null ? 'both are used' : 'it was passed over';
    const detail = `${capture.name} holds the same packets as ${captures[original].capture.name}; ${what}`;
    yield { capture: rank, name: 'duplicate_capture', us: -1, ns: 0, offset: 0, detail, count: 1 };
  }
}

/** IP bytes of the innermost packets in the shards of map tasks, without those of copies. */
function innermostBytes(
  summaries: readonly Pick<MapSummary, 'innermostBytes'>[],
  ranks: readonly number[][],
  isCopy: (rank: number) => boolean,
): number {
  let sum = 0;
  for (const [task, summary] of summaries.entries())
    for (const [number, bytes] of summary.innermostBytes.entries()) if (!isCopy(ranks[task][number])) sum += bytes;
  return sum;
}
