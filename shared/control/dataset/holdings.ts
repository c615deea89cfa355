/** What the data sets of a place of results hold, and what that takes. */
import type { CurrentJob } from '../../job/dataset/currentjob.ts';
import { currentKey, jobsPrefix, SHARDS_PREFIX, shardGroupOf, summaryKey } from '../../job/protocol/keys.ts';
import type { JobSummary } from '../../job/summary.ts';
import { getJson } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import type { JobEntry } from '../start.ts';
import { datasetsWithResults } from './heldcaptures.ts';
import { usedShards } from './needed.ts';

/** Of a value that the job's own files tell: null where these are gone. */
export interface Holding {
  dataset: string;
  /** The job whose results are the newest. */
  job: string;
  /** UTC with nanoseconds; null also without packets. */
  firstPacket: string | null;
  lastPacket: string | null;
  captures: number | null;
  sessions: number | null;
  /** Stored bytes of the captures. */
  captureBytes: number | null;
  /** Of the shards that these results were made from. */
  shardBytes: number;
  /** Of the tables. */
  resultBytes: number;
  /** Jobs that there were, without those that have been cleaned away. */
  jobs: number;
}

/** Of each data set that has results, in order of names. */
export async function holdings(store: ObjectStore, results: ObjectStore): Promise<Holding[]> {
  const all: Holding[] = [];
  // One listing for all data sets: the groups of shards may be thousands.
  const groups = new Map<string, number>();
  for await (const { key, size } of store.list(SHARDS_PREFIX)) {
    const group = shardGroupOf(key);
    groups.set(group, (groups.get(group) ?? 0) + size);
  }
  for (const dataset of await datasetsWithResults(results)) {
    const current = await getJson<CurrentJob>(results, currentKey(dataset));
    if (current !== undefined) all.push(await holdingOf(store, results, dataset, current, groups));
  }
  return all;
}

async function holdingOf(
  store: ObjectStore,
  results: ObjectStore,
  dataset: string,
  { job, files, fileBytes }: CurrentJob,
  groups: ReadonlyMap<string, number>,
): Promise<Holding> {
  const summary = await getJson<JobSummary>(store, summaryKey(job));
  const entry = await getJson<JobEntry>(store, jobsPrefix(dataset) + job);
  let resultBytes = 0;
  for (const key of Object.values(files).flat())
    resultBytes += fileBytes?.[key] ?? (await results.head(key))?.size ?? 0;
  let shardBytes = 0;
  for (const group of await usedShards(store, job)) shardBytes += groups.get(group) ?? 0;
  let jobs = 0;
  for await (const _ of store.list(jobsPrefix(dataset))) jobs++;
  return {
    dataset,
    job,
    firstPacket: summary?.firstPacket ?? null,
    lastPacket: summary?.lastPacket ?? null,
    captures: summary?.captures ?? null,
    sessions: summary?.sessions ?? null,
    captureBytes: entry?.bytes ?? null,
    shardBytes,
    resultBytes,
    jobs,
  };
}
