/**
 * Faults: a task failed for what it works with (store, disk, queue), and not for what it works on. A full disk
 * says nothing of the capture that was being read, and a damaged object of the job says nothing but that it has
 * to be made again. A fault ends the job, which says why and can be resumed; it never costs captures.
 */
import { getJson } from '../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import { systemCode, systemWords } from '../store/systemerror.ts';
import { JobError } from './context.ts';
import { jobKey, SHARDS_PREFIX, shardGroupOf, shardSummaryKey } from './keys.ts';

/** What made a task fail that is not its captures' doing. Plain: it travels between threads and through the store. */
export interface Fault {
  /** In words for people, with what helps. */
  reason: string;
  /** Key of the object that does not hold what was written, or is gone; null for any other fault. */
  damaged: string | null;
}

/** The fault behind a task's error, null when it is none. Errors about captures must not be StoreErrors or the system's own. */
export function faultOf(error: unknown): Fault | null {
  if (error instanceof StoreError) {
    // What a job has written is there until somebody takes it away.
    const damaged = error.reason === 'damaged' || error.reason === 'missing' ? error.key : null;
    return { reason: error.message, damaged };
  }
  if (systemCode(error) !== undefined) return { reason: systemReason(error as NodeJS.ErrnoException), damaged: null };
  if (error instanceof JobError) return { reason: error.message, damaged: null };
  return null;
}

function systemReason(error: NodeJS.ErrnoException): string {
  const { path, syscall } = error;
  return `${syscall}${path === undefined ? '' : ` ${path}`}: ${systemWords(error)}`;
}

/**
 * Throws a damaged object away. Shards are kept for later jobs: with one of them goes the summary by which those
 * would find its group, so that the captures are mapped again.
 */
export async function discard(store: ObjectStore, key: string): Promise<void> {
  const keys = [key];
  if (key.startsWith(SHARDS_PREFIX)) keys.unshift(shardSummaryKey(shardGroupOf(key)));
  await store.remove(keys);
}

/**
 * Throws away what a try of a job died of. Once only, before its next try begins: by the time that has begun it may
 * have made the object again.
 */
export async function discardForNext(store: ObjectStore, damaged: string, nextTry: string): Promise<void> {
  if ((await store.head(jobKey(nextTry))) === undefined) await discard(store, damaged);
}

/**
 * The value of an object that can be made again; undefined when there is none, or it was damaged and has been thrown away.
 * @param onDamaged told so
 */
export async function soundOrDiscarded<T>(
  store: ObjectStore,
  key: string,
  onDamaged?: (words: string) => void,
): Promise<T | undefined> {
  try {
    return await getJson<T>(store, key);
  } catch (error) {
    if (!(error instanceof StoreError) || error.reason !== 'damaged') throw error;
    onDamaged?.(error.message);
    await discard(store, key);
    return undefined;
  }
}
