/**
 * Showing a job in the log, apart from its commit: a log that cannot be written (another program's entries, a policy)
 * fails no job, whose results are current and readable otherwise. The data set is written down as behind, and what
 * calls catchUp tries again.
 */
import { BEHIND_PREFIX, behindKey } from '../job/protocol/keys.ts';
import type { JobSummary } from '../job/summary.ts';
import { getJson, jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { type DataSetState, showCurrent } from './showcurrent.ts';

/** behind/<dataset>: the log shows an older job than the current one, or none. */
export interface CatalogBehind {
  dataset: string;
  /** The job that it does not show yet. */
  job: string;
  /** Why. */
  reason: string;
}

/**
 * Shows a job that was made current.
 * @param before the data set's state before, which the log probably shows
 * @returns null, or what is to be caught up with
 */
export async function showInCatalog(
  store: ObjectStore,
  results: ObjectStore,
  { dataset, job }: Pick<JobSummary, 'dataset' | 'job'>,
  before?: DataSetState,
): Promise<CatalogBehind | null> {
  try {
    await showCurrent(results, dataset, before);
  } catch (error) {
    const behind = { dataset, job, reason: error instanceof Error ? error.message : String(error) };
    await store.put(behindKey(dataset), jsonBytes(behind satisfies CatalogBehind));
    return behind;
  }
  await store.remove([behindKey(dataset)]);
  return null;
}

/** What the log lacks of a data set; undefined when nothing. */
export function readBehind(store: ObjectStore, dataset: string): Promise<CatalogBehind | undefined> {
  return getJson<CatalogBehind>(store, behindKey(dataset));
}

/**
 * Tries again for each data set that is behind: what is current now is shown.
 * @returns those that are still behind
 */
export async function catchUp(store: ObjectStore, results: ObjectStore): Promise<CatalogBehind[]> {
  const left: CatalogBehind[] = [];
  for await (const { key } of store.list(BEHIND_PREFIX)) {
    const dataset = key.slice(BEHIND_PREFIX.length);
    const { job = '' } = (await readBehind(store, dataset)) ?? {};
    const behind = await showInCatalog(store, results, { dataset, job });
    if (behind !== null) left.push(behind);
  }
  return left;
}
