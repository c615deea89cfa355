/** Specifications of a stage's tasks: one object per task, written before the stage begins. */
import { requireJson } from '../job/context.ts';
import { jobPrefix, listKey } from '../job/protocol/keys.ts';
import type { Stage, StageList } from '../job/protocol/stageresults.ts';
import { listBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { PendingWrites } from './pendingwrites.ts';

/** Specifications written at a time. */
const PARALLEL_WRITES = 32;

/**
 * Writes one specification per task.
 * @param prefix of their keys; missing where whoever writes them writes the same
 * @returns the stage's list of tasks
 */
export async function writeSpecs(
  store: ObjectStore,
  job: string,
  stage: Stage,
  specs: Iterable<unknown> | AsyncIterable<unknown>,
  prefix = `${jobPrefix(job)}${stage}/tasks/`,
): Promise<StageList> {
  const writes = new PendingWrites();
  let tasks = 0;
  for await (const spec of specs) {
    writes.add(store.put(`${prefix}${tasks++}.json`, listBytes(spec)));
    await writes.atMost(PARALLEL_WRITES - 1);
  }
  await writes.atMost(0);
  return { tasks, specs: prefix };
}

/** The specification of a task. @throws StoreError 'missing' when its stage has not begun */
export async function specOf<T>(store: ObjectStore, job: string, stage: Stage, task: number): Promise<T> {
  return (await specsOf<T>(store, job, stage))(task);
}

/** Reads the specifications of a stage's tasks. @throws StoreError 'missing' when it has not begun */
export async function specsOf<T>(store: ObjectStore, job: string, stage: Stage): Promise<(task: number) => Promise<T>> {
  const { specs } = await requireJson<StageList>(store, listKey(job, stage));
  return (task) => requireJson<T>(store, `${specs}${task}.json`);
}
