/**
 * The balance stage, one task: ranks the captures, joins the fragments of all map
 * tasks, and cuts the buckets into partitions of about equal rows.
 *
 * All fragments are joined here, none in map: which fragments belong together
 * depends on all fragments of the datagram's key in time order, and a map task that joins
 * what completes inside it would join the wrong ones where a key is reused in
 * another capture. This way sessions do not depend on how the packets were split into captures.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AnomalyLog, type AnomalyRow } from '../capture/anomaly.ts';
import { requireJson, type TaskContext } from '../job/context.ts';
import type { Job } from '../job/jobconfig.ts';
import { attemptPrefix } from '../job/keys.ts';
import { PART_ROWS, PartsWriter } from '../job/listparts.ts';
import type {
  AnomalyPlaces,
  CaptureOutcome,
  MapSpec,
  MapSummary,
  PlannedCapture,
  RankedCapture,
  ShardPlace,
} from '../job/maptask.ts';
import { copiesAmong } from '../job/notices/copies.ts';
import { compareCaptures } from '../job/rank.ts';
import type { ReduceShard, ReduceSpec } from '../job/reducetask.ts';
import type { StageResults } from '../job/stageresults.ts';
import { stageResults } from '../job/taskends.ts';
import { PacketColumns } from '../packet/columns.ts';
import { FlowTable } from '../packet/flow/flowtable.ts';
import { FragmentJoiner } from '../packet/fragment/fragmentjoin.ts';
import { byDepth, sortedFragmentOrder } from '../packet/fragment/fragmentorder.ts';
import { MAX_LAYERS } from '../packet/tunnellayers.ts';
import { LEFT_OUT } from '../shard/batchdecoder.ts';
import { encodeFragments, type FragmentFile, mergeFragments } from '../shard/fragmentfile.ts';
import { rangeReader } from '../shard/scratch.ts';
import { ShardWriter } from '../shard/shardwriter.ts';
import { inParallel } from '../store/inparallel.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import { slotLength } from '../table/window.ts';
import { bucketRows, cutBuckets, cutGroups, partitionTarget, segmentOf } from './partition.ts';
import { checkJoined } from './reconcile.ts';
import { specsOf } from './specs.ts';
import type { StageWork } from './stage.ts';
import { failedOutcome } from './unreadable.ts';

/** Rows of a shard of joined datagrams before it is written. */
const JOINED_ROWS = 500_000;
/** Fragments found inside of datagrams before they are written. */
const NESTED_ROWS = 100_000;
/** Summaries read at a time. */
const PARALLEL_READS = 16;

interface RankedShard extends ShardPlace {
  ranks: number[] | null;
}

export const balanceStage: StageWork<'balance'> = { stage: 'balance', run: runBalance };

async function runBalance(
  context: TaskContext,
  job: Job,
  _task: number,
  attempt: string,
): Promise<StageResults['balance']> {
  const { store } = context;
  const { sizes, sharding } = job.config;
  const prefix = attemptPrefix(job.job, 'balance', 0, attempt);
  const summaries = await readSummaries(context, job);

  const outcomes: { outcome: CaptureOutcome; task: number; number: number }[] = [];
  for (const [task, summary] of summaries.entries())
    for (const [number, outcome] of summary.captures.entries()) outcomes.push({ outcome, task, number });
  outcomes.sort((a, b) => compareCaptures(a.outcome, b.outcome));
  const ranks = summaries.map((summary) => new Array<number>(summary.captures.length));
  for (const [rank, { task, number }] of outcomes.entries()) ranks[task][number] = rank;

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
  for (const shard of joined.shards) shards.push(shard);
  shards.sort((a, b) => a.firstUs - b.firstUs);

  const captures: RankedCapture[] = outcomes.map(({ outcome }, rank) => ({
    ...outcome,
    fragmentsCompleted: joined.completed[rank],
    fragmentsIncomplete: joined.neverCompleted[rank],
    copyOf: copyOf[rank],
  }));
  checkJoined(job, captures);
  await anomalies.add(duplicates(captures, copies));
  const places: AnomalyPlaces = { ranks, parts: await anomalies.end() };
  await store.put(`${prefix}anomalies.json`, jsonBytes(places));
  const captureParts = new PartsWriter<RankedCapture>(store, `${prefix}captures-`);
  await captureParts.add(captures);
  await store.put(`${prefix}captures.json`, jsonBytes(await captureParts.end()));
  const nameParts = new PartsWriter<string>(store, `${prefix}names-`);
  for (const { capture } of captures) await nameParts.add([capture.name]);
  await store.put(`${prefix}names.json`, jsonBytes(await nameParts.end()));

  const rows = bucketRows(shards, sharding.buckets);
  const total = rows.reduce((sum, count) => sum + count, 0);
  const partitions = cutBuckets(rows, 0, sharding.buckets, partitionTarget(total, sizes));
  let endUs = 0;
  for (const { lastUs } of shards) if (lastUs > endUs) endUs = lastUs;
  const slotUs = slotLength(shards[0]?.firstUs ?? 0, endUs);
  for (const [number, partition] of partitions.entries()) {
    const spec: ReduceSpec = { endUs, slotUs, shards: [], groups: [] };
    const numbers = new Map<RankedShard, number>();
    for (const group of cutGroups(shards, rows, partition, sizes.openRows)) {
      const segments = [];
      for (const shard of shards) {
        const at = numbers.get(shard) ?? spec.shards.length;
        const segment = segmentOf(shard, at, group);
        if (segment === null) continue;
        if (at === spec.shards.length) {
          numbers.set(shard, at);
          const { key, baseUs, firstUs, lastUs } = shard;
          spec.shards.push({ key, baseUs, firstUs, lastUs, ranks: shard.ranks } satisfies ReduceShard);
        }
        segments.push(segment);
      }
      spec.groups.push({ segments });
    }
    await store.put(`${prefix}reduce-${number}.json`, jsonBytes(spec));
  }
  return {
    captures: `${prefix}captures.json`,
    names: `${prefix}names.json`,
    anomalies: `${prefix}anomalies.json`,
    specs: `${prefix}reduce-`,
    partitions: partitions.length,
    slotUs,
    rows: total,
    copiedRows,
    innermostBytes: innermostBytes(summaries, ranks, isCopy),
    joined: joined.shards.reduce((sum, shard) => sum + shard.rows, 0),
    shuffleBytes:
      shards.reduce((sum, shard) => sum + shard.bytes, 0) +
      summaries.reduce((sum, { fragments }) => sum + fragments.reduce((inner, file) => inner + file.bytes, 0), 0),
  };
}

/** The summary of each map task, with the names that captures have in this job. A failed task has outcomes that say so. */
async function readSummaries(context: TaskContext, job: Job): Promise<MapSummary[]> {
  const { store } = context;
  const specOf = await specsOf<MapSpec>(store, job.job, 'map');
  const results = await stageResults(store, job.job, 'map');
  return inParallel(results, PARALLEL_READS, async (result, task): Promise<MapSummary> => {
    const spec = await specOf(task);
    if (result === null)
      return {
        captures: spec.captures.map(failedOutcome),
        shards: [],
        fragments: [],
        innermostBytes: spec.captures.map(() => 0),
        anomalies: [],
      };
    const summary = await requireJson<MapSummary>(store, result.summary);
    const captures = summary.captures.map((outcome, number) => inThisJob(outcome, spec.captures[number]));
    // Anomalies are left to commit, which reads them one task at a time.
    return { ...summary, captures, anomalies: [] };
  });
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
  summaries: readonly MapSummary[],
  ranks: readonly number[][],
  isCopy: (rank: number) => boolean,
): number {
  let sum = 0;
  for (const [task, summary] of summaries.entries())
    for (const [number, bytes] of summary.innermostBytes.entries()) if (!isCopy(ranks[task][number])) sum += bytes;
  return sum;
}

/** Joins the fragments of all captures that are no copies. */
async function joinFragments(
  context: TaskContext,
  job: Job,
  summaries: readonly MapSummary[],
  ranks: readonly number[][],
  isCopy: (rank: number) => boolean,
  prefix: string,
  anomalies: PartsWriter<AnomalyRow>,
): Promise<{
  shards: RankedShard[];
  completed: Float64Array;
  neverCompleted: Float64Array;
}> {
  const { store } = context;
  const { sizes, sharding, decode } = job.config;
  const captures = ranks.reduce((sum, { length }) => sum + length, 0);
  const files: FragmentFile[][] = Array.from({ length: MAX_LAYERS + 1 }, () => []);
  for (const [task, summary] of summaries.entries())
    for (const { key, depth, batches } of summary.fragments)
      files[depth].push({ key, read: (start, end) => store.get(key, { start, end }), batches, ranks: ranks[task] });
  const columns = new PacketColumns(1024);
  const flows = new FlowTable();
  const log = new AnomalyLog();
  const joiner = new FragmentJoiner(decode, columns, flows, captures, (capture, ...anomaly) => {
    log.capture = capture;
    log.anomaly(...anomaly);
  });
  let mostAnomalies = PART_ROWS;
  const writer = new ShardWriter();
  const shards: RankedShard[] = [];
  const flush = async (): Promise<void> => {
    if (columns.length === 0) return;
    const identity = Uint32Array.from({ length: captures }, (_, rank) => rank);
    const { bytes, index } = writer.write(columns, columns.length, flows, sharding, identity, sizes.batchRows);
    const key = `${prefix}datagrams-${shards.length}.arrow`;
    await store.put(key, bytes);
    shards.push({ ...index, key, captures: [], ranks: null });
    columns.length = 0;
    flows.clear();
  };
  for (let depth = 0; depth <= MAX_LAYERS; depth++) {
    if (files[depth].length === 0) continue;
    const scratch = join(context.scratch, `depth-${depth}`);
    await mkdir(scratch);
    // Fragments found inside datagrams of this depth are joined with those of the next depth.
    const spill = async (): Promise<void> => {
      const { nested } = joiner;
      if (nested.length === 0) return;
      for (const { depth: deeper, order } of byDepth(nested, sortedFragmentOrder(nested))) {
        const path = join(scratch, `nested-${deeper}-${files[deeper].length}`);
        const { bytes, batches } = encodeFragments(nested, order);
        await writeFile(path, bytes);
        files[deeper].push({ key: path, read: rangeReader(path), batches, ranks: null });
      }
      nested.clear();
    };
    await mergeFragments(
      files[depth],
      scratch,
      (from, row) => {
        if (!isCopy(from.capture[row])) joiner.add(from, row);
      },
      async () => {
        if (columns.length >= JOINED_ROWS) await flush();
        if (joiner.nested.length >= NESTED_ROWS) await spill();
        if (log.rows.length >= mostAnomalies) {
          await anomalies.add(log.take());
          // Rows that still count stay, one per capture and name.
          mostAnomalies = log.rows.length + PART_ROWS;
        }
      },
    );
    joiner.end();
    await spill();
  }
  await flush();
  await anomalies.add(log.finish());
  return { shards, completed: joiner.completed, neverCompleted: joiner.neverCompleted };
}
