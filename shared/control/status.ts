/** The status of a job, while it runs and afterwards. */

import { readBehind } from '../catalog/step.ts';
import { loadJobFile, UnknownJob } from '../job/context.ts';
import { isCommitted, type JobEnd, readEnd } from '../job/protocol/jobend.ts';
import { donePrefix, jobKey, listKey, sentKey, summaryKey, taskOfDoneKey } from '../job/protocol/keys.ts';
import { jobRequests } from '../job/protocol/requestcounts.ts';
import type { Done, RequestTotals, Stage, StageList } from '../job/protocol/stageresults.ts';
import { readDone } from '../job/protocol/taskends.ts';
import type { JobSummary } from '../job/summary.ts';
import { STAGE_ORDER } from '../stage/stages.ts';
import { inParallel, REQUESTS_AT_ONCE } from '../store/inparallel.ts';
import { getJson } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { isForgettingDue } from './dataset/duecleanings.ts';
import { findJob } from './operate.ts';
import type { JobEntry } from './start.ts';
import { type Turns, turnsOf } from './turns.ts';

/** One stage of a job. */
export interface StageStatus {
  stage: Stage;
  /** Null while the stage's tasks are not known. */
  tasks: number | null;
  ended: number;
  /** Milliseconds since 1970: when its messages had been sent, and when its last task so far ended. */
  sentAt: number | null;
  lastEnd: number | null;
}

/** The state of a job. */
export interface JobState {
  /** waiting: another job of the data set runs. superseded: it was not run, a later one has all its captures. removed: its files have expired; its tables remain. */
  state: 'waiting' | 'running' | 'committed' | 'failed' | 'cancelled' | 'superseded' | 'removed';
  /** The job that it waits for. */
  behind: string | null;
  /** Why it ended, where it was not committed. */
  end: JobEnd | null;
}

export interface JobStatus extends JobState {
  entry: JobEntry;
  software: string;
  stages: StageStatus[];
  /** Tasks that failed on every attempt. */
  failures: { stage: Stage; task: number; reason: string }[];
  /** Packets that map tasks have read so far, and the captures they were in. */
  mapped: { packets: number; captures: number };
  /** Total seconds of the successful tasks. */
  taskSeconds: number;
  /** Requests of functions to storage and queues for the job, by kind, and bytes moved; undefined where they are not counted. */
  requests: RequestTotals | undefined;
  summary: JobSummary | null;
  /** Why the log of the results does not show a committed job yet; null where it does. */
  notInCatalog: string | null;
  /** What a job has forgotten, or will once it is committed, is still to be removed from storage. */
  cleaningDue: boolean;
}

/** The states of jobs, in their order. */
export async function jobStates(store: ObjectStore, entries: readonly JobEntry[]): Promise<JobState[]> {
  const turns = new Map<string, Promise<Turns>>();
  return inParallel(entries, REQUESTS_AT_ONCE, ({ job, dataset }) =>
    stateOf(store, job, () => {
      const known = turns.get(dataset) ?? turnsOf(store, dataset);
      turns.set(dataset, known);
      return known;
    }),
  );
}

async function stateOf(store: ObjectStore, job: string, turns: () => Promise<Turns>): Promise<JobState> {
  const before = await endedState(store, job);
  if (before !== undefined) return before;
  const { running } = await turns();
  if (running === job) return { state: 'running', behind: null, end: null };
  // It may have ended since.
  return (await endedState(store, job)) ?? { state: 'waiting', behind: running, end: null };
}

/** The state of a job that has ended; undefined for one that runs or waits. */
async function endedState(store: ObjectStore, job: string): Promise<JobState | undefined> {
  if (await isCommitted(store, job)) return { state: 'committed', behind: null, end: null };
  const end = await readEnd(store, job);
  if (end !== undefined) return { state: end.state, behind: null, end };
  if ((await store.head(jobKey(job))) === undefined) return { state: 'removed', behind: null, end: null };
  return undefined;
}

/**
 * @param id as findJob takes it
 * @param known done keys read by an earlier call for the same job: they never change while the job runs
 * @throws JobError when there is no such job, or its files have been removed
 */
export async function jobStatus(
  store: ObjectStore,
  id: string,
  known: Map<string, Done> = new Map(),
): Promise<JobStatus> {
  const entry = await findJob(store, id);
  // Read first: everything read later is at least as new, so nothing that this state implies is missing.
  const state = await stateOf(store, entry.job, () => turnsOf(store, entry.dataset));
  if (state.state === 'removed')
    throw new UnknownJob(`the files of job ${entry.job} have expired; its tables remain`, entry.job);
  const { software } = await loadJobFile(store, entry.job);
  const status: JobStatus = {
    ...state,
    entry,
    software,
    stages: [],
    failures: [],
    mapped: { packets: 0, captures: 0 },
    taskSeconds: 0,
    requests: await jobRequests(store, entry.job),
    summary: state.state === 'committed' ? ((await getJson<JobSummary>(store, summaryKey(entry.job))) ?? null) : null,
    notInCatalog: state.state === 'committed' ? await notInCatalog(store, entry) : null,
    cleaningDue: await isForgettingDue(store, entry.job),
  };
  for (const stage of STAGE_ORDER) {
    const { status: ofStage, dones } = await stageStatus(store, entry.job, stage, known);
    status.stages.push(ofStage);
    for (const [task, done] of dones) {
      if (!done.ok) {
        status.failures.push({ stage, task, reason: done.reason });
        continue;
      }
      status.taskSeconds += done.seconds;
      if (stage !== 'map') continue;
      const { records, captures } = done.result as Extract<Done<'map'>, { ok: true }>['result'];
      status.mapped.packets += records;
      status.mapped.captures += captures;
    }
  }
  return status;
}

async function notInCatalog(store: ObjectStore, { dataset, job }: JobEntry): Promise<string | null> {
  const behind = await readBehind(store, dataset);
  return behind?.job === job ? behind.reason : null;
}

async function stageStatus(
  store: ObjectStore,
  job: string,
  stage: Stage,
  known: Map<string, Done>,
): Promise<{ status: StageStatus; dones: [number, Done][] }> {
  const list = await getJson<StageList>(store, listKey(job, stage));
  const status: StageStatus = { stage, tasks: list?.tasks ?? null, ended: 0, sentAt: null, lastEnd: null };
  if (list === undefined) return { status, dones: [] };
  status.sentAt = (await store.head(sentKey(job, stage)))?.modified ?? null;
  const ends: { task: number; key: string }[] = [];
  for await (const { key, modified = 0 } of store.list(donePrefix(job, stage))) {
    ends.push({ task: taskOfDoneKey(key), key });
    status.lastEnd = Math.max(status.lastEnd ?? 0, modified);
  }
  status.ended = ends.length;
  const dones: [number, Done][] = [];
  await inParallel(ends, REQUESTS_AT_ONCE, async ({ task, key }) => {
    const done = known.get(key) ?? (await readDone(store, job, stage, task));
    // The job is being resumed.
    if (done === undefined) return;
    if (done.ok) known.set(key, done);
    dones.push([task, done]);
  });
  return { status, dones: dones.sort(([a], [b]) => a - b) };
}

/** How far a job is: its current stage, and how many of that stage's tasks have ended. */
export type StageAt = Pick<StageStatus, 'stage' | 'ended'> & { tasks: number };

/** How far a job is, from listings alone; undefined before it has a stage. */
export async function stageOf(store: ObjectStore, job: string): Promise<StageAt | undefined> {
  for (const stage of STAGE_ORDER.toReversed()) {
    const list = await getJson<StageList>(store, listKey(job, stage));
    if (list === undefined) continue;
    let ended = 0;
    for await (const _ of store.list(donePrefix(job, stage))) ended++;
    return { stage, tasks: list.tasks, ended };
  }
  return undefined;
}

/** The current stage of a job: the last one whose tasks are known. */
export function stageAt({ stages }: Pick<JobStatus, 'stages'>): StageStatus {
  return stages.findLast(({ tasks }) => tasks !== null) ?? stages[0];
}
