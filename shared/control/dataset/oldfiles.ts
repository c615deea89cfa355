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

/** Files of a data set's tables that its current results do not name; none when it has no current results. */
export async function oldFiles(results: ObjectStore, dataset: string): Promise<ObjectHead[]> {
  const current = await getJson<CurrentJob>(results, currentKey(dataset));
  if (current === undefined) return [];
  const files = new Set(Object.values(current.files).flat());
  const old: ObjectHead[] = [];
  for (const table of TABLE_NAMES)
    for await (const head of results.list(tablePrefix(table, dataset)))
      if (isTableFile(head.key) && !files.has(head.key)) old.push(head);
  return old;
}

/**
 * Removes such files of all data sets. No job may be at work. First the intervals that they belong to are forgotten: a
 * later job that needs them makes them anew, also if this ends between the two.
 */
export async function removeOldFiles(store: ObjectStore, results: ObjectStore): Promise<void> {
  for (const dataset of await datasetsWithResults(results)) {
    const old = new Set((await oldFiles(results, dataset)).map(({ key }) => key));
    if (old.size === 0) continue;
    await shortenChains(store, dataset, ({ files }) => files.some(({ key }) => old.has(key)));
    await results.remove([...old]);
  }
}
