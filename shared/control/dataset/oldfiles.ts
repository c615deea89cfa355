/**
 * Files of tables that belong to no current results: whoever reads a folder of results with a glob is to find each row
 * once. Only files that a run has named are looked at.
 */
import { shortenChains } from '../../job/dataset/chains.ts';
import type { CurrentJob } from '../../job/dataset/currentjob.ts';
import { currentKey, isTableFile, replacedKey, tablePrefix } from '../../job/protocol/keys.ts';
import { getJson, listBytes } from '../../store/jsonobject.ts';
import type { ObjectHead, ObjectStore } from '../../store/objectstore.ts';
import { TABLE_NAMES } from '../../table/tables.ts';
import { datasetsWithResults } from './heldcaptures.ts';

/** For programs that read results which have been replaced meanwhile. */
export interface Patience {
  /** Milliseconds since 1970: what was replaced before, nobody reads any more. */
  since: number;
  /** Files that were replaced before then, where results have been replaced again since. */
  replaced: ReadonlySet<string>;
}

/** Files of a data set's tables that its current results do not name; none when it has no current results. */
export async function oldFiles(results: ObjectStore, dataset: string, patience?: Patience): Promise<ObjectHead[]> {
  const current = await getJson<CurrentJob>(results, currentKey(dataset));
  if (current === undefined) return [];
  let isOld = (_key: string): boolean => true;
  if (patience !== undefined && ((await results.head(currentKey(dataset)))?.modified ?? 0) >= patience.since)
    isOld = (key) => patience.replaced.has(key);
  const files = new Set(Object.values(current.files).flat());
  const old: ObjectHead[] = [];
  for (const table of TABLE_NAMES)
    for await (const head of results.list(tablePrefix(table, dataset)))
      if (isTableFile(head.key) && !files.has(head.key) && isOld(head.key)) old.push(head);
  return old;
}

/** datasets/<dataset>/replaced.json: files that were found replaced, and when. */
interface FoundReplaced {
  /** Milliseconds since 1970. */
  at: number;
  keys: string[];
}

/**
 * Of each data set the files that were found replaced before `since`, and are written down since: a data set whose results
 * are replaced every few minutes has files that were replaced long ago, too. What has not been looked for yet is looked for.
 */
export async function replacedBefore(
  store: ObjectStore,
  results: ObjectStore,
  since: number,
  now: number,
): Promise<Map<string, ReadonlySet<string>>> {
  const found = new Map<string, ReadonlySet<string>>();
  for (const dataset of await datasetsWithResults(results)) {
    const noted = await getJson<FoundReplaced>(store, replacedKey(dataset));
    if (noted === undefined) await noteReplaced(store, results, dataset, now);
    else if (noted.at < since) found.set(dataset, new Set(noted.keys));
  }
  return found;
}

/** Writes down which files are replaced now. */
export async function noteReplaced(
  store: ObjectStore,
  results: ObjectStore,
  dataset: string,
  now: number,
): Promise<void> {
  const keys = (await oldFiles(results, dataset)).map(({ key }) => key);
  await store.put(replacedKey(dataset), listBytes({ at: now, keys } satisfies FoundReplaced));
}

/**
 * Removes such files of all data sets. No job may be at work: where one may begin meanwhile, `mayGoOn` tells. First the
 * intervals that they belong to are forgotten: a later job that needs them makes them anew, also if this ends between the two.
 * @param patience as oldFiles takes it, of each data set
 * @returns whether it came to its end
 */
export async function removeOldFiles(
  store: ObjectStore,
  results: ObjectStore,
  patience: (dataset: string) => Patience | undefined = () => undefined,
  mayGoOn: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  for (const dataset of await datasetsWithResults(results)) {
    const old = new Set((await oldFiles(results, dataset, patience(dataset))).map(({ key }) => key));
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
