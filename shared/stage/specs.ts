/** Specifications of a stage's tasks: one object per task, written before the stage begins. */
import { requireJson } from '../job/context.ts';
import { jobPrefix, listKey } from '../job/keys.ts';
import type { Stage, StageList } from '../job/stageresults.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { PendingWrites } from './pendingwrites.ts';

/** Specifications written at a time. */
const PARALLEL_WRITES = 32;

/** Writes one specification per task. @returns the stage's list of tasks */
export async function writeSpecs(
  store: ObjectStore,
  job: string,
  stage: Stage,
  specs: readonly unknown[],
): Promise<StageList> {
  const prefix = `${jobPrefix(job)}${stage}/tasks/`;
  const writes = new PendingWrites();
  for (const [task, spec] of specs.entries()) {
    writes.add(store.put(`${prefix}${task}.json`, jsonBytes(spec)));
    await writes.atMost(PARALLEL_WRITES - 1);
  }
  await writes.atMost(0);
  return { tasks: specs.length, specs: prefix };
}

/** The specification of a task. @throws StoreError 'missing' when its stage has not begun */
export async function specOf<T>(store: ObjectStore, job: string, stage: Stage, task: number): Promise<T> {
  const list = await requireJson<StageList>(store, listKey(job, stage));
  return requireJson<T>(store, `${list.specs}${task}.json`);
}
