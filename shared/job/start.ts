/** Beginning a job: what is written before its first task runs. */
import { randomInt } from 'node:crypto';
import type { ShardBy } from '../packet/flowtable.ts';
import type { TaskQueue } from '../queue/taskqueue.ts';
import type { Sharding } from '../shard/writer.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import { getJson, jsonBytes, type ObjectStore } from '../store/objectstore.ts';
import { resume } from './barrier.ts';
import { type JobConfig, jobId, SOFTWARE } from './config.ts';
import { loadJob } from './context.ts';
import { datasetKey, inputsKey, jobKey, listKey, sentKey } from './keys.ts';
import { isCommitted, stagePlanner } from './task.ts';
import type { Job } from './types.ts';

/** Buckets of a data set unless told otherwise. */
export const DEFAULT_BUCKETS = 1024;

/**
 * The data set's sharding. Buckets and seed are fixed by its first job, so that later
 * jobs can use its shards; the seed is drawn, so that nobody can aim flows at one bucket.
 */
export async function datasetSharding(
  store: ObjectStore,
  dataset: string,
  by: ShardBy,
  buckets: number | undefined,
): Promise<Sharding> {
  const key = datasetKey(dataset);
  const drawn = { buckets: buckets ?? DEFAULT_BUCKETS, seed: randomInt(2 ** 32) };
  let fixed = await getJson<{ buckets: number; seed: number }>(store, key);
  if (fixed === undefined)
    fixed = (await store.putIfAbsent(key, jsonBytes(drawn))) ? drawn : await getJson<typeof drawn>(store, key);
  // Asking for another number of buckets makes shards of its own; the seed stays.
  return { buckets: buckets ?? fixed!.buckets, seed: fixed!.seed, by };
}

/** What starting a job led to. */
export interface StartedJob {
  job: Job;
  /** new: begun now. resumed: some of it was done before. committed: nothing is left to do. */
  state: 'new' | 'resumed' | 'committed';
}

/** Begins a job, or goes on with it where it stands. */
export async function startJob(
  store: ObjectStore,
  queue: TaskQueue,
  config: JobConfig,
  captures: readonly CaptureRef[],
): Promise<StartedJob> {
  const id = jobId(config, captures);
  const fresh = await store.putIfAbsent(inputsKey(id), jsonBytes(captures));
  await store.putIfAbsent(jobKey(id), jsonBytes({ job: id, software: SOFTWARE, config } satisfies Job));
  const job = await loadJob(store, id);
  if (await isCommitted(store, id)) return { job, state: 'committed' };
  const planner = stagePlanner(store, job);
  await store.putIfAbsent(listKey(id, 'plan'), jsonBytes(await planner('plan')));
  await store.putIfAbsent(sentKey(id, 'plan'), jsonBytes({ tasks: 1 }));
  await resume(store, queue, id, planner);
  return { job, state: fresh ? 'new' : 'resumed' };
}
