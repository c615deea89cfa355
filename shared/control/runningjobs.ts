/**
 * The index of jobs that run or wait, so that the watchdog need not look at every data set there ever was. An entry is
 * written before a job is queued, and each time it is queued again; the watchdog removes it once the job has ended. One
 * that is left over costs a look, and expires with the job's files.
 */
import { randomBytes } from 'node:crypto';
import { hasEnded } from '../job/jobend.ts';
import { RUNNING_PREFIX, runningKey } from '../job/keys.ts';
import { inParallel, REQUESTS_AT_ONCE } from '../store/inparallel.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';

/** An entry: a job that runs or waits, or has ended since the watchdog last looked. */
export interface RunningEntry {
  key: string;
  job: string;
}

/** Enters a job that is about to be queued, after its end, if it has one, was removed. */
export async function enterRunning(store: ObjectStore, dataset: string, job: string): Promise<void> {
  await store.put(runningKey(dataset, job, randomBytes(6).toString('hex')), jsonBytes({}));
}

/** The entries of each data set that has some. */
export async function runningEntries(store: ObjectStore): Promise<Map<string, RunningEntry[]>> {
  const byDataset = new Map<string, RunningEntry[]>();
  for await (const { key } of store.list(RUNNING_PREFIX)) {
    const [, dataset, job] = key.split('/');
    byDataset.set(dataset, [...(byDataset.get(dataset) ?? []), { key, job }]);
  }
  return byDataset;
}

/**
 * Removes the entries of jobs that have ended. Entries were read before the end is: a job that was queued again since
 * has an entry that is not among them.
 */
export async function removeEnded(store: ObjectStore, entries: readonly RunningEntry[]): Promise<void> {
  const byJob = Map.groupBy(entries, ({ job }) => job);
  const keys = await inParallel([...byJob], REQUESTS_AT_ONCE, async ([job, ofJob]) =>
    (await hasEnded(store, job)) ? ofJob.map(({ key }) => key) : [],
  );
  await store.remove(keys.flat());
}
