/**
 * Files of tables that belong to no current results: whoever reads a folder of results with a glob is to find each row
 * once. Only files that a run has named are looked at.
 */
import { shortenChains } from '../../job/dataset/chains.ts';
import type { CurrentJob } from '../../job/dataset/currentjob.ts';
import { currentKey, isTableFile, tablePrefix } from '../../job/protocol/keys.ts';
import { getJson } from '../../store/jsonobject.ts';
import type { ObjectHead, ObjectStore } from '../../store/objectstore.ts';
import { TABLE_NAMES } from '../../table/tables.ts';
import { datasetsWithResults } from './heldcaptures.ts';

/**
 * Files of a data set's tables that its current results do not name; none when it has no current results.
 * @param since none, too, when the results were replaced since then, milliseconds since 1970: readers may have begun before
 */
export async function oldFiles(results: ObjectStore, dataset: string, since?: number): Promise<ObjectHead[]> {
  const current = await getJson<CurrentJob>(results, currentKey(dataset));
  if (current === undefined) return [];
  if (since !== undefined && ((await results.head(currentKey(dataset)))?.modified ?? 0) >= since) return [];
  const files = new Set(Object.values(current.files).flat());
  const old: ObjectHead[] = [];
  for (const table of TABLE_NAMES)
    for await (const head of results.list(tablePrefix(table, dataset)))
      if (isTableFile(head.key) && !files.has(head.key)) old.push(head);
  return old;
}

/**
 * Removes such files of all data sets. No job may be at work: where one may begin meanwhile, `mayGoOn` tells. First the
 * intervals that they belong to are forgotten: a later job that needs them makes them anew, also if this ends between the two.
 * @param since as oldFiles takes it, of each data set
 * @returns whether it came to its end
 */
export async function removeOldFiles(
  store: ObjectStore,
  results: ObjectStore,
  since: (dataset: string) => number | undefined = () => undefined,
  mayGoOn: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  for (const dataset of await datasetsWithResults(results)) {
    const old = new Set((await oldFiles(results, dataset, since(dataset))).map(({ key }) => key));
    if (old.size === 0) continue;
    if (!(await mayGoOn())) return false;
    await shortenChains(store, dataset, ({ files }) => files.some(({ key }) => old.has(key)));
    if (!(await removeInParts(results, [...old], mayGoOn))) return false;
  }
  return true;
}

/** As many keys as one request removes. */
const PART = 1000;

/** Removes objects, and asks before each part of them. @returns whether all are gone */
export async function removeInParts(
  store: ObjectStore,
  keys: readonly string[],
  mayGoOn: () => Promise<boolean>,
): Promise<boolean> {
  for (let from = 0; from < keys.length; from += PART) {
    if (!(await mayGoOn())) return false;
    await store.remove(keys.slice(from, from + PART));
  }
  return true;
}
