/**
 * Cleanings that are due in a pipeline, each an object that is removed once the cleaning has come to its end: one that
 * ends early, or finds jobs at work, is done by whoever looks next. What is done is seen from what is there, so two that
 * clean at the same time, or a message that comes twice, do no harm.
 */
import type { CurrentJob } from '../../job/dataset/currentjob.ts';
import { allInputs } from '../../job/inputs.ts';
import { isForgotten } from '../../job/notices/forgotten.ts';
import { hasEnded, isCommitted, readEnd } from '../../job/protocol/jobend.ts';
import { CLEANINGS_PREFIX, currentKey, forgettingKey } from '../../job/protocol/keys.ts';
import { inParallel, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { runningEntries } from '../runningjobs.ts';
import { clean, type Keeping, planCleaning } from './clean.ts';
import { noteReplaced, replacedBefore } from './oldfiles.ts';

/** cleaning/<name> */
export interface DueCleaning {
  /** So many of each data set's other jobs are kept. */
  keepJobs: number;
  /** It is due once this job, which forgets captures of its data set, is committed; all other jobs of the data set go. */
  forgets?: { dataset: string; job: string };
}

/** Longer than a query may take (half an hour in Athena), and than a job is being submitted; milliseconds. */
export const SETTLED_MS = 60 * 60_000;
/** Objects of one part of a cleaning: about 40 MB while they are held. */
const PART_OBJECTS = 100_000;

/** Notes that a cleaning is due. @param key cleaningKey or forgettingKey */
export async function setDue(store: ObjectStore, key: string, due: DueCleaning): Promise<void> {
  await store.put(key, jsonBytes(due));
}

/** Whether what a job forgets is still to be removed from storage. */
export async function isForgettingDue(store: ObjectStore, job: string): Promise<boolean> {
  return (await store.head(forgettingKey(job))) !== undefined;
}

/** What was done. */
export interface CleaningDone {
  /** Cleanings that came to their end. */
  done: number;
  /** Those that wait for a job to be committed. */
  waiting: number;
  objects: number;
  bytes: number;
  /** Why it ended before all that is due was done: jobs are at work, or time has run out. */
  stopped: 'busy' | 'time' | null;
  /** What keeps a cleaning from being done, until somebody does something about it. */
  problems: string[];
}

/**
 * Does the cleanings that are due, if no job runs or waits. It stops as soon as one does.
 * @param now milliseconds since 1970
 * @param hasTime asked before each request that removes
 */
export async function cleanDue(
  store: ObjectStore,
  results: ObjectStore,
  now: number,
  hasTime: () => boolean,
  most = PART_OBJECTS,
): Promise<CleaningDone> {
  const report: CleaningDone = { done: 0, waiting: 0, objects: 0, bytes: 0, stopped: null, problems: [] };
  const keys: string[] = [];
  for await (const { key } of store.list(CLEANINGS_PREFIX)) keys.push(key);
  const since = now - SETTLED_MS;
  const replaced = keys.length === 0 ? new Map() : await replacedBefore(store, results, since, now);
  for (const key of keys) {
    const due = await getJson<DueCleaning>(store, key);
    if (due === undefined) continue;
    const when = await isDue(store, results, due);
    if (when === 'later') report.waiting++;
    else if (when !== 'now') report.problems.push(when.problem);
    if (when !== 'now') continue;
    const keeping: Keeping = {
      jobs: due.keepJobs,
      since,
      replaced,
      leaveUnknown: true,
      most,
      ...(due.forgets && { endedOnly: due.forgets.dataset }),
    };
    const mayGoOn = async (): Promise<boolean> => {
      if (!hasTime()) report.stopped = 'time';
      else if (await jobsAtWork(store)) report.stopped = 'busy';
      return report.stopped === null;
    };
    for (let more = true; more; ) {
      if (!(await mayGoOn())) return report;
      const cleaning = await planCleaning(store, results, keeping);
      if (!(await clean(store, results, cleaning, keeping, mayGoOn))) return report;
      for (const { objects, bytes } of [cleaning.tables, cleaning.shards, cleaning.jobs]) {
        report.objects += objects.length;
        report.bytes += bytes;
      }
      ({ more } = cleaning);
    }
    await store.remove([key]);
    report.done++;
  }
  if (report.done > 0) for (const dataset of replaced.keys()) await noteReplaced(store, results, dataset, now);
  return report;
}

/** Whether any job runs or waits. */
async function jobsAtWork(store: ObjectStore): Promise<boolean> {
  const jobs = new Set([...(await runningEntries(store)).values()].flat().map(({ job }) => job));
  const ended = await inParallel([...jobs], REQUESTS_AT_ONCE, (job) => hasEnded(store, job));
  return ended.includes(false);
}

async function isDue(
  store: ObjectStore,
  results: ObjectStore,
  { forgets }: DueCleaning,
): Promise<'now' | 'later' | { problem: string }> {
  if (forgets === undefined) return 'now';
  const { dataset, job } = forgets;
  let by = job;
  for (let end = await readEnd(store, by); end?.state === 'superseded'; end = await readEnd(store, by)) by = end.by;
  // It is noted before the job is submitted, and a job that failed can be resumed.
  if (!(await isCommitted(store, by))) return 'later';
  const current = await getJson<CurrentJob>(results, currentKey(dataset));
  if (current === undefined || current.job === job) return 'now';
  const now = new Map((await allInputs(store, current.job)).map((capture) => [capture.name, capture]));
  const back = (await allInputs(store, job)).find(({ name, refused }) => {
    const capture = now.get(name);
    return isForgotten({ refused }) && capture !== undefined && !isForgotten(capture);
  });
  if (back === undefined) return 'now';
  return {
    problem: `job ${current.job} has read ${back.name} again, which job ${job} had forgotten: forget it once more`,
  };
}
