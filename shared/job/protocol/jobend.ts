/**
 * How a job ends: committed, failed, cancelled, or superseded before it began. A job that was not committed
 * has one key that says so, which its tasks check before they begin; resuming removes the key.
 */
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../../store/objectstore.ts';
import { doneKey, endKey, jobKey } from './keys.ts';
import type { Done, Stage } from './stageresults.ts';

/** jobs/<job>/end.json */
export type JobEnd =
  | {
      state: 'failed';
      stage: Stage;
      task: number;
      reason: string;
      /** Key of the object that was found damaged: another job must make it again. */
      damaged?: string;
    }
  | { state: 'cancelled' /** milliseconds since 1970 */; at: number }
  /** It was not run: a later job of its data set has all its captures, and the same configuration. */
  | { state: 'superseded'; by: string };

/** True once every stage has ended well. */
export async function isCommitted(store: ObjectStore, job: string): Promise<boolean> {
  return (await getJson<Done>(store, doneKey(job, 'commit', 0)))?.ok === true;
}

/** Why a job stopped; undefined while it runs, or when it was committed. */
export function readEnd(store: ObjectStore, job: string): Promise<JobEnd | undefined> {
  return getJson<JobEnd>(store, endKey(job));
}

/** Ends a job early. The first end counts. */
export async function writeEnd(store: ObjectStore, job: string, end: JobEnd): Promise<void> {
  await store.putIfAbsent(endKey(job), jsonBytes(end));
}

/**
 * Whether nothing more happens in a job unless it is resumed. Files of old jobs expire: a job without
 * files blocks no other.
 */
export async function hasEnded(store: ObjectStore, job: string): Promise<boolean> {
  try {
    if ((await isCommitted(store, job)) || (await readEnd(store, job)) !== undefined) return true;
  } catch (error) {
    // Nor does one whose end is damaged.
    if (error instanceof StoreError && error.reason === 'damaged') return true;
    throw error;
  }
  return (await store.head(jobKey(job))) === undefined;
}
