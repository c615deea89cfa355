/**
 * The barrier between stages, on conditional writes alone.
 *
 * A task's end is one key; the first writer wins. After writing it, or
 * finding it written, each process calls advance(): when all tasks of the stage have
 * ended and the next stage is not marked sent, it writes the next stage's list,
 * sends its messages, and only then marks it sent. A process that crashes in between
 * leaves a state from which the next caller continues; messages may be sent twice,
 * which is harmless, but none is lost. There are no locks.
 */

import type { Job } from '../job/jobconfig.ts';
import { type JobEnd, readEnd, writeEnd } from '../job/protocol/jobend.ts';
import {
  completeKey,
  completePrefix,
  DONE_GROUP,
  doneGroup,
  doneGroupPrefix,
  doneKey,
  donePrefix,
  listKey,
  sentKey,
  taskOfDoneKey,
} from '../job/protocol/keys.ts';
import type { Stage, StageList } from '../job/protocol/stageresults.ts';
import { eachEnd } from '../job/protocol/taskends.ts';
import type { TaskMessage, TaskQueue } from '../queue/taskqueue.ts';
import { STAGE_ORDER, STAGES } from '../stage/stages.ts';
import { getJson, jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';

/** Computes the task list of a stage from the results of earlier stages; deterministic. */
export type StagePlanner = (stage: Stage) => Promise<StageList>;

/** The task lists of a job's stages, from the stages' descriptions. */
export const stagePlanner =
  (store: ObjectStore, job: Job): StagePlanner =>
  (stage) =>
    STAGES[stage].tasks(store, job);

async function countKeys(store: ObjectStore, prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of store.list(prefix)) count++;
  return count;
}

/** Whether every task of a stage has ended. Checks one group, and the others only once that one is complete. */
async function stageComplete(
  store: ObjectStore,
  job: string,
  stage: Stage,
  tasks: number,
  group: number,
): Promise<boolean> {
  const groups = Math.ceil(tasks / DONE_GROUP);
  const inGroup = Math.min(DONE_GROUP, tasks - group * DONE_GROUP);
  if ((await countKeys(store, doneGroupPrefix(job, stage, group))) < inGroup) return false;
  if (groups === 1) return true;
  await store.putIfAbsent(completeKey(job, stage, group), jsonBytes({}));
  return (await countKeys(store, completePrefix(job, stage))) === groups;
}

/** The result of moving a job on. */
export interface Advance {
  /** The stage whose messages were sent by this call, or null. */
  began: Stage | null;
  /** The job has ended. */
  ended: boolean;
}

const GOES_ON: Advance = { began: null, ended: false };
const ENDED: Advance = { began: null, ended: true };

/**
 * Moves the job on from a stage as far as it can go.
 * @param task a task of the stage that has just ended
 */
export async function advance(
  store: ObjectStore,
  queue: TaskQueue,
  job: string,
  stage: Stage,
  task: number,
  planner: StagePlanner,
): Promise<Advance> {
  let ended: Stage = stage;
  let group = doneGroup(task);
  for (;;) {
    const list = await getJson<StageList>(store, listKey(job, ended));
    if (list === undefined) return GOES_ON;
    if (list.tasks > 0 && !(await stageComplete(store, job, ended, list.tasks, group))) return GOES_ON;
    const next = STAGE_ORDER[STAGE_ORDER.indexOf(ended) + 1];
    // Messages of an ended stage may be delivered again at any time: they stop here.
    if (next !== undefined && (await store.head(sentKey(job, next))) !== undefined) return GOES_ON;
    if (list.tasks > 0) {
      const failed = await failureOf(store, job, ended, list.tasks);
      if (failed === 'unended') return GOES_ON;
      if (failed !== null) {
        await writeEnd(store, job, failed);
        return ENDED;
      }
    }
    if (next === undefined || (await readEnd(store, job)) !== undefined) return ENDED;
    const nextList = await planner(next);
    await store.putIfAbsent(listKey(job, next), jsonBytes(nextList));
    await queue.send(Array.from({ length: nextList.tasks }, (_, number) => ({ job, stage: next, task: number })));
    await store.putIfAbsent(sentKey(job, next), jsonBytes({ tasks: nextList.tasks }));
    if (nextList.tasks > 0) return { began: next, ended: false };
    ended = next;
    group = 0;
  }
}

/**
 * What ends the job after a stage that seemed complete, or null. `unended` when it is not, or no longer, complete: marks
 * and earlier listings may be older than the removal of a failed end. A successful end is never removed.
 */
async function failureOf(
  store: ObjectStore,
  job: string,
  stage: Stage,
  tasks: number,
): Promise<JobEnd | 'unended' | null> {
  if (!STAGES[stage].fatal) return (await countKeys(store, donePrefix(job, stage))) < tasks ? 'unended' : null;
  let task = 0;
  let unended = false;
  for await (const done of eachEnd(store, job, stage)) {
    if (done === undefined) unended = true;
    else if (!done.ok) return { state: 'failed', stage, task, reason: done.reason };
    task++;
  }
  return unended ? 'unended' : null;
}

/**
 * Sends the messages of all unended tasks again: how a job starts, or continues after its processes died.
 * @returns how many messages were sent
 */
export async function resume(
  store: ObjectStore,
  queue: TaskQueue,
  job: string,
  planner: StagePlanner,
): Promise<number> {
  const stage = await newestStage(store, job);
  if (stage === null) return 0;
  let sent = await sendUnended(store, queue, job, stage);
  // A job may have been moved on from a stage while its failures were removed: they are waited for.
  const before = STAGE_ORDER[STAGE_ORDER.indexOf(stage) - 1];
  if (before !== undefined) sent += await sendUnended(store, queue, job, before);
  if (sent > 0) return sent;
  const tasks = (await getJson<StageList>(store, listKey(job, stage)))?.tasks ?? 0;
  // Every group once: a process may have died between a group's last end and its mark.
  for (let first = 0; first === 0 || first < tasks; first += DONE_GROUP) {
    const { began } = await advance(store, queue, job, stage, first, planner);
    if (began !== null) return (await getJson<StageList>(store, listKey(job, began)))?.tasks ?? 0;
  }
  return 0;
}

/** The last stage whose tasks are known; null before the first. */
export async function newestStage(store: ObjectStore, job: string): Promise<Stage | null> {
  for (const stage of [...STAGE_ORDER].reverse())
    if ((await store.head(listKey(job, stage))) !== undefined) return stage;
  return null;
}

async function sendUnended(store: ObjectStore, queue: TaskQueue, job: string, stage: Stage): Promise<number> {
  const tasks = (await getJson<StageList>(store, listKey(job, stage)))?.tasks ?? 0;
  const ended = new Set<number>();
  for await (const { key } of store.list(donePrefix(job, stage))) ended.add(taskOfDoneKey(key));
  const missing: TaskMessage[] = [];
  for (let task = 0; task < tasks; task++) if (!ended.has(task)) missing.push({ job, stage, task });
  if (missing.length === 0) return 0;
  await queue.send(missing, { again: true });
  await store.putIfAbsent(sentKey(job, stage), jsonBytes({ tasks }));
  return missing.length;
}

/**
 * Removes the ends of the newest stage's failed tasks, so that they are tried again. To be called while the job
 * has ended: then no task begins that could succeed just before its end is removed.
 */
export async function forgetFailures(store: ObjectStore, job: string): Promise<void> {
  const stage = await newestStage(store, job);
  if (stage === null) return;
  let task = 0;
  for await (const done of eachEnd(store, job, stage)) {
    if (done !== undefined && !done.ok)
      await store.remove([completeKey(job, stage, doneGroup(task)), doneKey(job, stage, task)]);
    task++;
  }
}
