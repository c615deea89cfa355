/** How tasks ended: written once each, and read by later stages. */
import { eachInParallel, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../../store/objectstore.ts';
import { JobError } from '../context.ts';
import { doneKey, listKey } from './keys.ts';
import type { Done, Stage, StageList, StageResults } from './stageresults.ts';

/**
 * Writes how a task ended, unless that is recorded already.
 * @returns the end that counts: this one, or the first
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

/** How each task of a stage ended, in order of tasks, some at a time in memory; undefined for those that have not. */
export async function* eachEnd<S extends Stage>(
  store: ObjectStore,
  job: string,
  stage: S,
): AsyncGenerator<Done<S> | undefined> {
  const tasks = (await getJson<StageList>(store, listKey(job, stage)))?.tasks ?? 0;
  yield* eachInParallel(Array(tasks).keys(), REQUESTS_AT_ONCE, (task) => readDone(store, job, stage, task));
}

/**
 * Results of all tasks of a stage that has ended; null for tasks that failed. In order of tasks.
 * @throws StoreError 'missing' when a task has not ended: the job was resumed, and the task is tried again; or the key was removed
 */
export async function stageResults<S extends Stage>(
  store: ObjectStore,
  job: string,
  stage: S,
): Promise<(StageResults[S] | null)[]> {
  const results: (StageResults[S] | null)[] = [];
  for await (const result of eachResult(store, job, stage)) results.push(result);
  return results;
}

/** The result of a stage of one task. @param by the stage that needs it, for the error. @throws JobError when there is none */
export async function stageResult<S extends 'plan' | 'balance'>(
  store: ObjectStore,
  job: string,
  of: S,
  by: Stage,
): Promise<StageResults[S]> {
  const [result] = await stageResults(store, job, of);
  if (result === null || result === undefined) throw new JobError(`the ${of} stage has no result`, job, by);
  return result;
}

/** As `stageResults`, one at a time: those of reduce locate each batch of each run. */
export async function* eachResult<S extends Stage>(
  store: ObjectStore,
  job: string,
  stage: S,
): AsyncGenerator<StageResults[S] | null> {
  let task = 0;
  for await (const done of eachEnd(store, job, stage)) {
    if (done === undefined) {
      const key = doneKey(job, stage, task);
      throw new StoreError(
        'missing',
        key,
        `${key} is missing: the job's files were changed from outside, or it is being resumed`,
      );
    }
    yield done.ok ? (done.result as StageResults[S]) : null;
    task++;
  }
}
