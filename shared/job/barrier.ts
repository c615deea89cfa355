/**
 * The barrier between stages, on conditional writes alone.
 *
 * A task's end is one key, written by whoever is first. After writing it, or
 * finding it written, everybody calls advance(): when all tasks of the stage have
 * ended and the next stage is not marked sent, it writes the next stage's list,
 * sends its messages, and only then marks it sent. Whoever crashes in between
 * leaves a state from which the next caller goes on; messages may be doubled,
 * which harms nothing, but none is lost. No lock is held anywhere.
 */

import type { TaskQueue } from '../queue/taskqueue.ts';
import { getJson, jsonBytes, type ObjectStore } from '../store/objectstore.ts';
import { type JobEnd, readEnd, writeEnd } from './end.ts';
import {
  completeKey,
  completePrefix,
  DONE_GROUP,
  doneGroup,
  doneGroupPrefix,
  doneKey,
  listKey,
  STAGES,
  type Stage,
  sentKey,
} from './keys.ts';
import type { Done, StageList, StageResults } from './types.ts';

/** Done keys read at a time. */
const PARALLEL_READS = 32;

/** Works out the list of a stage from what the stages before it have written: the same list whoever asks. */
export type StagePlanner = (stage: Stage) => Promise<StageList>;

/**
 * Writes how a task ended, unless that is known already.
 * @returns the end that counts: this one, or the one that was first
 */
export async function writeDone<S extends Stage>(
  store: ObjectStore,
  job: string,
  stage: S,
  task: number,
  done: Done<S>,
): Promise<Done<S>> {
  const key = doneKey(job, stage, task);
  if (await store.putIfAbsent(key, jsonBytes(done))) return done;
  return (await getJson<Done<S>>(store, key)) as Done<S>;
}

export function readDone<S extends Stage>(
  store: ObjectStore,
  job: string,
  stage: S,
  task: number,
): Promise<Done<S> | undefined> {
  return getJson<Done<S>>(store, doneKey(job, stage, task));
}

/** How each task of a stage ended, in order of tasks; undefined for those that have not. */
export async function stageEnds<S extends Stage>(
  store: ObjectStore,
  job: string,
  stage: S,
): Promise<(Done<S> | undefined)[]> {
  const tasks = (await getJson<StageList>(store, listKey(job, stage)))?.tasks ?? 0;
  const ends: (Done<S> | undefined)[] = [];
  for (let from = 0; from < tasks; from += PARALLEL_READS) {
    const some = Array.from({ length: Math.min(PARALLEL_READS, tasks - from) }, (_, i) =>
      readDone(store, job, stage, from + i),
    );
    for (const done of await Promise.all(some)) ends.push(done);
  }
  return ends;
}

/** Results of all tasks of a stage that has ended; null for tasks that failed. In order of tasks. */
export async function stageResults<S extends Stage>(
  store: ObjectStore,
  job: string,
  stage: S,
): Promise<(StageResults[S] | null)[]> {
  return (await stageEnds(store, job, stage)).map((done) => (done?.ok ? (done.result as StageResults[S]) : null));
}

async function countKeys(store: ObjectStore, prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of store.list(prefix)) count++;
  return count;
}

/** Whether every task of a stage has ended. Looks at one group, and at the other groups only once that one is complete. */
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

/** True for stages without which nothing after them can be right. A failed map task loses its captures only. */
function isFatal(stage: Stage): boolean {
  return stage !== 'map';
}

/** What moving a job on led to. */
export interface Advance {
  /** The stage whose messages were sent by this call, or null. */
  began: Stage | null;
  /** Nothing more will happen in the job by itself. */
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
    const next = STAGES[STAGES.indexOf(ended) + 1];
    // Messages of an ended stage may come again at any time: they find this and are done.
    if (next !== undefined && (await store.head(sentKey(job, next))) !== undefined) return GOES_ON;
    if (isFatal(ended) && list.tasks > 0) {
      const failed = await firstFailure(store, job, ended);
      if (failed !== undefined) {
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

async function firstFailure(store: ObjectStore, job: string, stage: Stage): Promise<JobEnd | undefined> {
  for (const [task, done] of (await stageEnds(store, job, stage)).entries())
    if (done !== undefined && !done.ok) return { state: 'failed', stage, task, reason: done.reason };
  return undefined;
}

/**
 * Sends the messages again of whatever has not ended: how a job goes on after its
 * processes died, or begins. Failures of its newest stage are forgotten, so that they are tried again.
 * @returns how many messages were sent
 */
export async function resume(
  store: ObjectStore,
  queue: TaskQueue,
  job: string,
  planner: StagePlanner,
): Promise<number> {
  for (const stage of [...STAGES].reverse()) {
    const list = await getJson<StageList>(store, listKey(job, stage));
    if (list === undefined) continue;
    const missing = await unendedTasks(store, job, stage);
    if (missing.length > 0) {
      await queue.send(
        missing.map((task) => ({ job, stage, task })),
        { again: true },
      );
      await store.putIfAbsent(sentKey(job, stage), jsonBytes({ tasks: list.tasks }));
      return missing.length;
    }
    // Every group once: a process may have died between a group's last end and its mark.
    for (let first = 0; first === 0 || first < list.tasks; first += DONE_GROUP) {
      const { began } = await advance(store, queue, job, stage, first, planner);
      if (began !== null) return (await getJson<StageList>(store, listKey(job, began)))?.tasks ?? 0;
    }
    return 0;
  }
  return 0;
}

/** Tasks that have not ended or have failed; of the latter the end is taken away. Ascending. */
async function unendedTasks(store: ObjectStore, job: string, stage: Stage): Promise<number[]> {
  const missing: number[] = [];
  for (const [task, done] of (await stageEnds(store, job, stage)).entries()) {
    if (done?.ok) continue;
    if (done !== undefined) await store.remove([completeKey(job, stage, doneGroup(task)), doneKey(job, stage, task)]);
    missing.push(task);
  }
  return missing;
}
