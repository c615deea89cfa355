/**
 * What stands for the work of each stage: it takes the time that the work would,
 * reads and writes the same of the job's own keys, and makes results of which it is
 * known beforehand what they must add up to.
 */

import { OutOfTime } from '../../shared/control/failures.ts';
import { requireJson, type TaskContext, Unfinished } from '../../shared/job/context.ts';
import { makeCurrent } from '../../shared/job/dataset/currentjob.ts';
import { type Job, shardingDigest } from '../../shared/job/jobconfig.ts';
import {
  attemptPrefix,
  dayFileKey,
  inputsKey,
  intervalEndKey,
  intervalEndsPrefix,
  jobFileKey,
  knownHeadsPrefix,
  numberOfEndKey,
  shardGroupPrefix,
  summaryKey,
  tablePrefix,
} from '../../shared/job/protocol/keys.ts';
import type { Stage, StageResults } from '../../shared/job/protocol/stageresults.ts';
import { eachEnd, stageResults } from '../../shared/job/protocol/taskends.ts';
import type { DamagedCapture, JobSummary } from '../../shared/job/summary.ts';
import type { IntervalEnd, IntervalsPlan } from '../../shared/job/tasks/interval.ts';
import type { MapSpec } from '../../shared/job/tasks/maptask.ts';
import type { PublishSpec } from '../../shared/job/tasks/publishtask.ts';
import { addGained, type Gained, NOTHING_GAINED } from '../../shared/job/tasks/reduced.ts';
import { CarefulReading } from '../../shared/stage/map/carefulreading.ts';
import { HEADS_PART } from '../../shared/stage/plan/heads.ts';
import { specOf, writeSpecs } from '../../shared/stage/specs.ts';
import type { StageWork, WorkOf } from '../../shared/stage/stage.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { inParallel, numbersTo, REQUESTS_AT_ONCE } from '../../shared/store/inparallel.ts';
import { getJson, jsonBytes } from '../../shared/store/jsonobject.ts';
import { JOB_TABLES, perTable } from '../../shared/table/tables.ts';
import { SLOT_US } from '../../shared/table/window.ts';
import type { Process } from './process.ts';
import type { Shape } from './scenario.ts';

/** Sessions that each partition has in each interval, and open at the end. */
export const SESSIONS = 1000;
const RECORDS = 10;
/** Milliseconds that a function has; a task stops itself a little before. */
const FUNCTION_MS = 885_000;

/** What the work of a task may come upon. */
export interface WorkPlace {
  process: Process;
  /** Told when work begins. */
  working(job: string, stage: Stage, task: number): void;
  /** Whether this task, or this capture of it, kills whoever works on it. */
  poisoned(job: string, stage: Stage, task: number): boolean;
  poisonedCapture(job: string, task: number): boolean;
  /** What is not what the job wrote. */
  violation(text: string): void;
}

/** The name of a capture that tells how large its job is. */
export function shapeName({
  captures,
  mapTasks,
  mergeTasks,
  partitions,
  publishTasks,
  heavyMinutes = 0,
}: Shape): string {
  return `${captures}-${mapTasks}-${mergeTasks}-${partitions}-${publishTasks}-${heavyMinutes}`;
}

/** Captures of a job. They are told by a single one: nothing that is simulated looks at the others, and to digest them all takes longer than the simulation. */
export function inputsOf(shape: Shape, dataset: string, variant: number): CaptureRef[] {
  const name = `s3://captures/${dataset}/${variant}/${shapeName(shape)}`;
  return [{ name, location: name, size: shape.captures * 150e6, version: '1' }];
}

function shapeOf(inputs: readonly CaptureRef[]): Shape {
  const [captures, mapTasks, mergeTasks, partitions, publishTasks, heavyMinutes] = inputs[0].name
    .split('/')
    .at(-1)!
    .split('-')
    .map(Number);
  return { captures, mapTasks, mergeTasks, partitions, publishTasks, heavyMinutes };
}

/** The map tasks of a job: all its captures in groups of about equal number. */
function* mapSpecs(inputs: readonly CaptureRef[]): Generator<MapSpec> {
  const [{ name }] = inputs;
  const { captures, mapTasks } = shapeOf(inputs);
  for (let task = 0; task < mapTasks; task++) {
    const spec: MapSpec = { captures: [], group: `${name.split('/').slice(3).join('-')}-${task}` };
    const end = Math.floor(((task + 1) * captures) / mapTasks);
    for (let number = Math.floor((task * captures) / mapTasks); number < end; number++) {
      const capture = `${number}.pcap`;
      spec.captures.push({
        name: capture,
        location: capture,
        size: 150e6,
        version: '1',
        headUs: number,
        headDigest: '',
      });
    }
    yield spec;
  }
}

/** The work of all stages, in one process. */
export function worksOf(place: WorkPlace): WorkOf {
  return (stage) => workOf(place, stage);
}

function workOf(place: WorkPlace, stage: Stage): StageWork {
  const run: StageWork['run'] = async (context, job, task, attempt) => {
    place.working(job.job, stage, task);
    const { process } = place;
    const { next, faults } = process.surroundings;
    if (place.poisoned(job.job, stage, task)) {
      await process.sleep(20_000 * next());
      process.die();
    }
    if (next() < faults.hang) {
      await process.sleep(FUNCTION_MS);
      throw new OutOfTime(`${stage} task ${task} of job ${job.job} did not finish within ${FUNCTION_MS / 1000} s`);
    }
    return (WORK[stage] ?? nothingKnown)(place, context, job, task, attempt);
  };
  return { stage, run };
}

type Work = (
  place: WorkPlace,
  context: TaskContext,
  job: Job,
  task: number,
  attempt: string,
) => Promise<StageResults[Stage]>;

const WORK: { readonly [S in Stage]?: Work } = { plan, map, balance, merge, reduce, publish, commit };

/** Works for a time drawn around `ms`, a few tasks for much longer. */
async function takesTime({ process }: WorkPlace, ms: number): Promise<void> {
  const { next } = process.surroundings;
  await process.sleep(ms * (0.4 + 1.2 * next()) * (next() < 0.01 ? 5 : 1));
}

/** A stage of which nothing is simulated but that it takes its time. */
async function nothingKnown(place: WorkPlace): Promise<StageResults[Stage]> {
  await takesTime(place, 10_000);
  return {} as StageResults[Stage];
}

async function plan(
  place: WorkPlace,
  { store }: TaskContext,
  job: Job,
  _task: number,
  attempt: string,
): Promise<StageResults['plan']> {
  const { next, faults } = place.process.surroundings;
  const inputs = await requireJson<CaptureRef[]>(store, inputsKey(job.job));
  const { captures } = shapeOf(inputs);
  for (let part = 0; part * HEADS_PART < captures; part++) {
    const key = `${knownHeadsPrefix(job.config.dataset, job.job)}${part}`;
    if ((await getJson(store, key)) !== undefined) continue;
    if (part > 0 && next() < 20 * faults.unfinished) throw new Unfinished(`${part} parts of the heads are read`);
    await takesTime(place, 10_000);
    await store.put(key, jsonBytes([]));
  }
  const prefix = `${attemptPrefix(job.job, 'plan', 0, attempt)}map-`;
  const { tasks } = await writeSpecs(store, job.job, 'map', mapSpecs(inputs), prefix);
  return { captures, bytes: captures * 150e6, tasks, specs: prefix };
}

/** shards/<sharding>/<group>/summary.json, as far as this simulation needs it. */
interface ShardSummary {
  captures: number;
  left: number[];
  shard: string;
}

async function map(
  place: WorkPlace,
  context: TaskContext,
  job: Job,
  task: number,
  attempt: string,
): Promise<StageResults['map']> {
  const { store, receives = 1 } = context;
  const { next, faults } = place.process.surroundings;
  const spec = await specOf<MapSpec>(context.store, job.job, 'map', task);
  const prefix = shardGroupPrefix(shardingDigest(job.config), spec.group);
  const result = (key: string, { captures }: ShardSummary, reused: boolean): StageResults['map'] => ({
    summary: key,
    captures,
    records: captures * RECORDS,
    reused,
  });
  const known = await getJson<ShardSummary>(store, `${prefix}summary.json`);
  if (known !== undefined) return result(`${prefix}summary.json`, known, true);
  const careful = await CarefulReading.begin(store, job.job, task, receives);
  const left: number[] = [];
  for (const number of spec.captures.keys()) {
    if (careful?.leavesOut(number)) {
      left.push(number);
      continue;
    }
    await careful?.before(number);
    if (number === 1 && place.poisonedCapture(job.job, task)) place.process.die();
    if (careful !== null || number === 0) await takesTime(place, careful === null ? 30_000 : 5_000);
  }
  await careful?.before(null);
  if (next() < faults.unfinished) throw new Unfinished('goes on with another message');
  const summary = { captures: spec.captures.length, left, shard: `${prefix}${attempt}/shard-0.arrow` };
  await store.put(summary.shard, jsonBytes(attempt));
  if (left.length === 0) {
    const key = `${prefix}summary.json`;
    if (await store.putIfAbsent(key, jsonBytes(summary))) return result(key, summary, false);
    return result(key, (await getJson<ShardSummary>(store, key)) ?? summary, false);
  }
  await store.put(`${prefix}${attempt}/summary.json`, jsonBytes(summary));
  return result(`${prefix}${attempt}/summary.json`, summary, false);
}

/** The intervals of a job: a publish task has one of them, and the last what is open at the end. */
function intervalsOf({ publishTasks }: Shape): IntervalsPlan {
  const rest = Array.from({ length: publishTasks - 1 }, (_, at) => ({ chain: `${at}`, fromUs: at, toUs: at + 1 }));
  return { made: [], rest };
}

function gainedOf(sessions: number): Gained {
  return { ...NOTHING_GAINED, sessions };
}

async function balance(
  place: WorkPlace,
  { store }: TaskContext,
  job: Job,
  _task: number,
  attempt: string,
): Promise<StageResults['balance']> {
  const shape = shapeOf(await requireJson<CaptureRef[]>(store, inputsKey(job.job)));
  const { mergeTasks, partitions } = shape;
  const prefix = attemptPrefix(job.job, 'balance', 0, attempt);
  const mapped = await stageResults(store, job.job, 'map');
  await takesTime(place, 60_000);
  const captures = mapped.reduce((sum, result) => sum + (result?.captures ?? 0), 0);
  const lost = mapped.flatMap((result, task) => (result === null ? [task] : []));
  await store.put(`${prefix}captures.json`, jsonBytes({ captures, lost }));
  await store.put(`${prefix}anomalies.json`, jsonBytes([]));
  await store.put(`${prefix}intervals.json`, jsonBytes(intervalsOf(shape)));
  for (let group = 0; group < mergeTasks; group++)
    await store.put(`${prefix}reduce-merge-${group}.json`, jsonBytes({ object: `${prefix}reduce-merged-${group}-0` }));
  for (let partition = 0; partition < partitions; partition++)
    await store.put(`${prefix}reduce-${partition}.json`, jsonBytes({ partition, attempt }));
  return {
    captures: `${prefix}captures.json`,
    names: `${prefix}captures.json`,
    anomalies: `${prefix}anomalies.json`,
    specs: `${prefix}reduce-`,
    partitions,
    merges: mergeTasks,
    intervals: `${prefix}intervals.json`,
    first: 0,
    endUs: 0,
    rows: captures * RECORDS,
    joined: 0,
    copiedRows: 0,
    innermostBytes: 0,
    shuffleBytes: 0,
  };
}

async function merge(place: WorkPlace, { store }: TaskContext, job: Job, task: number): Promise<StageResults['merge']> {
  const { object } = await specOf<{ object: string }>(store, job.job, 'merge', task);
  await takesTime(place, 60_000);
  await store.put(object, jsonBytes(task));
  return { objects: 1, bytes: 0 };
}

async function reduce(
  place: WorkPlace,
  context: TaskContext,
  job: Job,
  task: number,
  attempt: string,
): Promise<StageResults['reduce']> {
  const { store } = context;
  const { partition } = await specOf<{ partition: number }>(context.store, job.job, 'reduce', task);
  if (partition !== task) place.violation(`reduce ${task} was told to do partition ${partition}`);
  const [balanced] = await stageResults(store, job.job, 'balance');
  for (let group = task; group < (balanced?.merges ?? 0); group += balanced?.partitions ?? 1)
    if ((await store.head(`${balanced?.specs}merged-${group}-0`)) === undefined)
      place.violation(`reduce ${task} of ${job.job} began before merge ${group} had ended`);
  const { next, faults } = place.process.surroundings;
  const { publishTasks, heavyMinutes = 0 } = shapeOf(await requireJson<CaptureRef[]>(store, inputsKey(job.job)));
  const heavyMs = task === 0 ? heavyMinutes * 60_000 : 0;
  let spentMs = 0;
  let number = 0;
  for await (const { key } of store.list(intervalEndsPrefix(job.job, task)))
    if (numberOfEndKey(key) !== number++) place.violation(`an interval of reduce ${task} of ${job.job} is missing`);
  for (; number < publishTasks; number++) {
    await takesTime(place, 60_000 / publishTasks);
    if (heavyMs > 0) await place.process.sleep(heavyMs);
    spentMs += heavyMs;
    const key = `${attemptPrefix(job.job, 'reduce', task, attempt)}sessions-${number}.arrow`;
    await store.put(key, jsonBytes(attempt));
    const end: IntervalEnd = {
      plan: '',
      carry: null,
      sessionRuns: [{ key, batches: [] }],
      packetRuns: [],
      turned: [],
      sessionStarts: [],
      packetStarts: [],
      slotUs: SLOT_US,
      gained: gainedOf(SESSIONS),
    };
    await store.putIfAbsent(intervalEndKey(job.job, task, number), jsonBytes(end));
    const late = heavyMs > 0 && spentMs + 1.5 * heavyMs > FUNCTION_MS && number + 1 < publishTasks;
    if (late || next() < faults.unfinished) throw new Unfinished(`${number + 1} intervals are done`);
  }
  return { turned: [], gained: gainedOf(publishTasks * SESSIONS) };
}

async function publish(
  place: WorkPlace,
  context: TaskContext,
  job: Job,
  task: number,
): Promise<StageResults['publish']> {
  const { store, results } = context;
  const spec = await specOf<PublishSpec>(context.store, job.job, 'publish', task);
  const [balanced] = await stageResults(store, job.job, 'balance');
  await requireJson(store, spec.names);
  const [ended] = spec.ends;
  if (ended.partitions !== balanced?.partitions) place.violation(`publish ${task} of ${job.job} lacks a partition`);
  if (spec.interval !== task) place.violation(`publish ${task} of ${job.job} was told to do interval ${spec.interval}`);
  const ends = await inParallel(numbersTo(ended.partitions), REQUESTS_AT_ONCE, (partition) =>
    requireJson<IntervalEnd>(store, intervalEndKey(ended.job, partition, ended.number)),
  );
  const gained = ends.reduce((sum, end) => addGained(sum, end.gained), NOTHING_GAINED);
  await takesTime(place, 30_000);
  const day = '2026-01-01';
  // Chains of simulated jobs are not told apart: the job's name stands for its own.
  const key = dayFileKey('sessions', job.config.dataset, day, `${job.job}${spec.unit}`, 0);
  await results.put(key, jsonBytes(gained.sessions));
  return { files: [{ table: 'sessions', key, day, rows: gained.sessions, bytes: gained.sessions }], gained };
}

async function commit(place: WorkPlace, context: TaskContext, job: Job): Promise<StageResults['commit']> {
  const { store, results } = context;
  const { dataset } = job.config;
  const [balanced] = await stageResults(store, job.job, 'balance');
  const { captures } = await requireJson<{ captures: number }>(store, balanced?.captures ?? '');
  await requireJson(store, balanced?.anomalies ?? '');
  const mapped = await stageResults(store, job.job, 'map');
  const reduced = await stageResults(store, job.job, 'reduce');
  const published = (await stageResults(store, job.job, 'publish')).flatMap((result) => result?.files ?? []);
  await takesTime(place, 10_000);
  const files: JobSummary['files'] = { ...perTable(() => []), sessions: published.map(({ key }) => key) };
  for (const table of JOB_TABLES) {
    const key = jobFileKey(table, dataset, job.job);
    await results.put(key, jsonBytes(captures));
    files[table].push(key);
  }
  // The requests that tasks tell of are added up from all ends.
  for (const stage of STAGE_ORDER) for await (const _ of eachEnd(store, job.job, stage));
  const damaged = mapped.flatMap((result, task) => (result === null ? [lostTask(task)] : []));
  const summary = {
    job: job.job,
    dataset,
    captures,
    packets: captures * RECORDS,
    sessions: reduced.reduce((sum, result) => sum + (result?.gained.sessions ?? 0), 0),
    mapTasks: mapped.length,
    reusedTasks: mapped.filter((result) => result?.reused).length,
    partitions: reduced.length,
    damaged,
    files,
  } as JobSummary;
  await store.put(summaryKey(job.job), jsonBytes(summary));
  await results.put(`${tablePrefix('sessions', dataset)}_SUCCESS`, new Uint8Array(0));
  await makeCurrent(results, summary);
  return { summary: summaryKey(job.job) };
}

function lostTask(task: number): DamagedCapture {
  return { capture: `map ${task}`, status: 'unreadable', offset: null, reason: 'task_failed', detail: '' };
}
