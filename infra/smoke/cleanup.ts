/** Removes what one data set has left in a pipeline. Shards stay until they expire: other jobs may use them. */
import { showCurrent } from '../../shared/catalog/showcurrent.ts';
import {
  behindKey,
  currentKey,
  DATASETS_PREFIX,
  jobPrefix,
  jobsPrefix,
  RUNNING_PREFIX,
} from '../../shared/job/protocol/keys.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { TABLE_NAMES } from '../../shared/table/tables.ts';
import { removeAll } from '../deploy/removeall.ts';

export interface Stores {
  /** The prefix of its captures, all of which are removed. */
  captures: ObjectStore;
  work: ObjectStore;
  results: ObjectStore;
}

/** Removes captures, jobs, tables and all that is known of the data set. */
export async function cleanUp({ captures, work, results }: Stores, dataset: string): Promise<void> {
  await removeAll(captures, '');
  const jobs: string[] = [];
  for await (const { key } of work.list(jobsPrefix(dataset))) jobs.push(key.slice(jobsPrefix(dataset).length));
  // Readers look for no file that is not there.
  await results.remove([currentKey(dataset)]);
  await showCurrent(results, dataset);
  for (const table of TABLE_NAMES) await removeAll(results, `${table}/dataset=${dataset}/`);
  await removeAll(results, `${DATASETS_PREFIX}${dataset}/`);
  for (const job of jobs) await removeAll(work, jobPrefix(job));
  await removeAll(work, `${DATASETS_PREFIX}${dataset}/`);
  await removeAll(work, `${RUNNING_PREFIX}${dataset}/`);
  await work.remove([behindKey(dataset)]);
}
