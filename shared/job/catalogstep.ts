/**
 * Showing a job in the catalog, apart from its commit: a catalog that refuses (throttled, without a grant in Lake
 * Formation, not deployed) fails no job, whose results are current and readable otherwise. The data set is written
 * down as behind, and what calls catchUp tries again.
 */
import { getJson, jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import type { Catalog, CatalogJob } from './context.ts';
import type { CurrentJob } from './currentjob.ts';
import { BEHIND_PREFIX, behindKey, currentKey } from './keys.ts';

/** behind/<dataset>: the catalog shows an older job than the current one, or none. */
export interface CatalogBehind {
  dataset: string;
  /** The job that it does not show yet. */
  job: string;
  /** Why, in the catalog's words. */
  reason: string;
}

/**
 * Shows a job that was made current.
 * @returns null, or what is to be caught up with
 */
export async function showInCatalog(
  store: ObjectStore,
  catalog: Catalog | undefined,
  shown: CatalogJob,
): Promise<CatalogBehind | null> {
  if (catalog === undefined) return null;
  const { dataset, job } = shown;
  try {
    await catalog.register(shown);
  } catch (error) {
    const behind = { dataset, job, reason: error instanceof Error ? error.message : String(error) };
    await store.put(behindKey(dataset), jsonBytes(behind satisfies CatalogBehind));
    return behind;
  }
  await store.remove([behindKey(dataset)]);
  return null;
}

/** What the catalog lacks of a data set; undefined when nothing. */
export function readBehind(store: ObjectStore, dataset: string): Promise<CatalogBehind | undefined> {
  return getJson<CatalogBehind>(store, behindKey(dataset));
}

/**
 * Tries again for each data set that is behind.
 * @param results where each data set says which job is its current one
 * @returns those that are still behind
 */
export async function catchUp(store: ObjectStore, results: ObjectStore, catalog: Catalog): Promise<CatalogBehind[]> {
  const left: CatalogBehind[] = [];
  for await (const { key } of store.list(BEHIND_PREFIX)) {
    const behind = await catchUpWith(store, results, catalog, key.slice(BEHIND_PREFIX.length));
    if (behind !== null) left.push(behind);
  }
  return left;
}

async function catchUpWith(
  store: ObjectStore,
  results: ObjectStore,
  catalog: Catalog,
  dataset: string,
): Promise<CatalogBehind | null> {
  for (;;) {
    const current = await getJson<CurrentJob>(results, currentKey(dataset));
    if (current === undefined) {
      await store.remove([behindKey(dataset)]);
      return null;
    }
    const behind = await showInCatalog(store, catalog, { dataset, job: current.job, files: current.files });
    // Another job may have been committed meanwhile, and its partitions replaced by those of this one.
    if (behind !== null || (await getJson<CurrentJob>(results, currentKey(dataset)))?.job === current.job)
      return behind;
  }
}
