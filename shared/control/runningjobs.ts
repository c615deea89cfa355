/**
 * The index of jobs that run or wait, so that the watchdog need not look at every data set there ever was. An entry is
 * written before a job is queued, and each time it is queued again, and removed once the job has ended and that has been
 * told. One that is left over costs a look, and expires with the job's files.
 */
import { randomBytes } from 'node:crypto';
import { hasEnded } from '../job/protocol/jobend.ts';
import { RUNNING_PREFIX, runningKey } from '../job/protocol/keys.ts';
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

/** The entries of each data set that has some. @param dataset of this one alone */
export async function runningEntries(store: ObjectStore, dataset?: string): Promise<Map<string, RunningEntry[]>> {
  const byDataset = new Map<string, RunningEntry[]>();
  for await (const { key } of store.list(dataset === undefined ? RUNNING_PREFIX : `${RUNNING_PREFIX}${dataset}/`)) {
    const [, of, job] = key.split('/');
    byDataset.set(of, [...(byDataset.get(of) ?? []), { key, job }]);
  }
  return byDataset;
}

/** Tells of a job that has ended, which may have been told of before. */
export type Tell = (dataset: string, job: string) => Promise<void>;

/**
 * Tells of jobs that have ended and then removes their entries, so that each is told of at least once. Entries were read
 * before the end is: a job that was queued again since has an entry that is not among them.
 */
export async function settleEnded(
  store: ObjectStore,
  dataset: string,
  entries: readonly RunningEntry[],
  tell: Tell,
): Promise<void> {
  const byJob = Map.groupBy(entries, ({ job }) => job);
  const keys = await inParallel([...byJob], REQUESTS_AT_ONCE, async ([job, ofJob]) => {
    if (!(await hasEnded(store, job))) return [];
    await tell(dataset, job);
    return ofJob.map(({ key }) => key);
  });
  await store.remove(keys.flat());
}
