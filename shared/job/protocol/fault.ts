/**
 * Faults: a task failed because of its environment (store, disk, queue), not because of its input. A full disk
 * is not the fault of the capture that was being read, and a damaged object of the job only has
 * to be made again. A fault ends the job, which says why and can be resumed; no capture is given up for it.
 */
import { getJson } from '../../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../../store/objectstore.ts';
import { systemCode, systemWords } from '../../store/systemerror.ts';
import { JobError } from '../context.ts';
import { shortenChains } from '../dataset/chains.ts';
import type { Job } from '../jobconfig.ts';
import { DATASETS_PREFIX, jobKey, jobOfKey, joinedPrefixOf, shardGroupOf, shardSummaryKey } from './keys.ts';

/** Why a task failed, other than its captures. A plain value: it passes between threads and through the store. */
export interface Fault {
  /** For the user, with what to do. */
  reason: string;
  /** Key of the object that is damaged or missing; null for any other fault. */
  damaged: string | null;
}

/** The fault behind a task's error; null when it is not a fault. Errors about captures must not be StoreErrors or system errors. */
export function faultOf(error: unknown): Fault | null {
  if (error instanceof StoreError) {
    // An object that a job has written is missing only if somebody removed it.
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
 * Removes a damaged object. Shards and intervals are kept for later jobs: with a shard the summary by which those
 * find its group is removed, so that the captures are mapped again; with an object of a job its intervals are no longer
 * found, and made again.
 */
export async function discard(store: ObjectStore, key: string): Promise<void> {
  const keys = [key];
  const joined = joinedPrefixOf(key);
  if (joined !== null && !key.startsWith(joined)) {
    const summary = shardSummaryKey(shardGroupOf(key));
    // Summaries that are joined name it too: they are made again of those that are there.
    if (key !== summary) for await (const { key: other } of store.list(joined)) keys.unshift(other);
    keys.unshift(summary);
  }
  const job = jobOfKey(key);
  if (job !== undefined) await forgetIntervals(store, job);
  await store.remove(keys);
}

async function forgetIntervals(store: ObjectStore, job: string): Promise<void> {
  let dataset: string | undefined;
  try {
    dataset = (await getJson<Job>(store, jobKey(job)))?.config.dataset;
  } catch (error) {
    if (!(error instanceof StoreError) || error.reason !== 'damaged') throw error;
  }
  // The files of a job may be gone but for those that later jobs need.
  const datasets = dataset === undefined ? await chainedDatasets(store) : [dataset];
  for (const each of datasets) await shortenChains(store, each, (interval) => interval.job === job);
}

async function chainedDatasets(store: ObjectStore): Promise<Set<string>> {
  const datasets = new Set<string>();
  for await (const { key } of store.list(DATASETS_PREFIX)) {
    const [, dataset, kind] = key.split('/');
    if (kind === 'chains') datasets.add(dataset);
  }
  return datasets;
}

/**
 * Removes the damaged object that ended a try of a job. Only once, before the next try begins: after that, the next
 * try may have made it again.
 */
export async function discardForNext(store: ObjectStore, damaged: string, nextTry: string): Promise<void> {
  if ((await store.head(jobKey(nextTry))) === undefined) await discard(store, damaged);
}

/**
 * The value of an object that can be made again; undefined when it does not exist, or was damaged and has been removed.
 * @param onDamaged called for a damaged object
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
