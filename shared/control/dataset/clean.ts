/**
 * Cleaning: what of a folder of results no current results need, and removing it.
 *
 * Needed are the files of the current results; of each data set the files of its current job, of its newest others where
 * so many are to be kept, and of jobs that were started since and not finished; the shards that these jobs use; and of the
 * jobs before the ends of those intervals that the current results were made of, so that a capture that comes late costs no more than the
 * intervals from its own on.
 */
import type { CurrentJob } from '../../job/dataset/currentjob.ts';
import { type Job, lineOf } from '../../job/jobconfig.ts';
import { isCommitted, type JobEnd, readEnd } from '../../job/protocol/jobend.ts';
import {
  chainKey,
  chainsPrefix,
  currentKey,
  DATASETS_PREFIX,
  doneKey,
  endKey,
  isJobEntry,
  isSessionRun,
  JOBS_PREFIX,
  jobKey,
  jobOfKey,
  jobsPrefix,
  SHARDS_PREFIX,
  shardGroupOf,
  shardSummaryKey,
  summaryKey,
} from '../../job/protocol/keys.ts';
import type { Chain } from '../../job/tasks/interval.ts';
import { inParallel, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import type { ObjectHead, ObjectStore } from '../../store/objectstore.ts';
import type { JobEntry } from '../start.ts';
import { datasetsWithResults } from './heldcaptures.ts';
import { type Needed, needInterval, usedShards } from './needed.ts';
import { oldFiles, type Patience, removeInParts, removeOldFiles } from './oldfiles.ts';

/** What is kept beyond that which current results need. */
export interface Keeping {
  /** So many of the newest jobs of each data set, besides the current one. */
  jobs: number;
  /** A data set of which all jobs go but the current one, whether they have ended or not; those of others stay as said. */
  endedOnly?: string;
  /**
   * Milliseconds since 1970: what was replaced since then somebody may be reading, and files of jobs without an entry that
   * were written since then may be those of a job that is being submitted. Both stay.
   */
  since?: number;
  /** Of each data set the files of tables that were replaced before then. */
  replaced?: ReadonlyMap<string, ReadonlySet<string>>;
  /** Jobs of data sets of which it is not known what their results need stay as they are; otherwise that is an error. */
  leaveUnknown?: true;
  /** Objects after which planning ends: what remains is found the next time. */
  most?: number;
}

/** Asked before each step of cleaning that other programs may work beside: false ends it. */
export type MayGoOn = () => Promise<boolean>;

/** Objects, and their bytes together. */
export interface Removal {
  objects: string[];
  bytes: number;
}

/** What cleaning removes. */
export interface Cleaning {
  /** Files of tables that belong to no current results. */
  tables: Removal;
  shards: Removal;
  /** Files of jobs: runs, ends of intervals, lists. */
  jobs: Removal;
  /** Chains of intervals that the current results are not made of. */
  chains: string[];
  /** Jobs of which ends of intervals are left: they cannot go on. */
  cut: string[];
  /** Jobs of which nothing is left. */
  gone: string[];
  /** Keys of the entries of jobs without files. */
  entries: string[];
  /** There is more than was looked for. */
  more: boolean;
}

/**
 * What is not needed.
 * @param store of the jobs' files
 * @param results of the tables
 * @throws UnknownNeeds when it is not known what current results need
 */
export async function planCleaning(store: ObjectStore, results: ObjectStore, keeping: Keeping): Promise<Cleaning> {
  const tables = nothing();
  const chains: string[] = [];
  const whole = new Map<string, 'committed' | 'open'>();
  const needed: Needed = { keys: new Set(), prefixes: [] };
  const bound = new Bound(keeping.most);
  const entries = await allEntries(store);
  for (const dataset of new Set([...entries.map((entry) => entry.dataset), ...(await datasetsWithResults(results))])) {
    const own = entries.filter((entry) => entry.dataset === dataset).sort((a, b) => b.submitted - a.submitted);
    const current = await getJson<CurrentJob>(results, currentKey(dataset));
    const currentOnly = keeping.endedOnly === dataset;
    for (const [job, state] of await jobsToKeep(store, own, current?.job, currentOnly ? 0 : keeping.jobs, currentOnly))
      whole.set(job, state);
    if (current === undefined) continue;
    for (const old of await oldFiles(results, dataset, patienceFor(keeping, dataset)))
      if (bound.takes()) add(tables, old);
    const file = await currentFile(store, current.job, keeping.leaveUnknown === true && !currentOnly);
    if (file === null) {
      for (const { job } of own) whole.set(job, 'open');
      continue;
    }
    const { config } = file;
    const line = chainKey(dataset, lineOf(config));
    for await (const { key } of store.list(chainsPrefix(dataset))) if (key !== line) chains.push(key);
    const chain = await getJson<Chain>(store, line);
    for (const interval of chain?.intervals ?? []) await needInterval(store, interval, config.packets, needed);
  }
  const used = new Set<string>();
  for (const job of whole.keys()) for (const prefix of await usedShards(store, job)) used.add(prefix);
  const shards = nothing();
  for await (const head of store.list(SHARDS_PREFIX))
    if (!used.has(shardGroupOf(head.key)) && !used.has(folderOf(head.key))) {
      if (!bound.takes()) break;
      add(shards, head);
    }
  const entered = new Set(entries.map(({ job }) => job));
  const isNew = ({ modified = 0 }: ObjectHead, job: string): boolean =>
    keeping.since !== undefined && modified >= keeping.since && !entered.has(job);
  const { jobs, cut, gone } = await unneededOfJobs(store, whole, needed, isNew, bound);
  const without = new Set(gone);
  const entriesGone = entries
    .filter(({ job }) => without.has(job))
    .map(({ job, dataset }) => jobsPrefix(dataset) + job);
  return { tables, shards, jobs, chains, cut, gone, entries: entriesGone, more: bound.reached };
}

/** Counts what is found, up to a bound. */
class Bound {
  private left: number;
  reached = false;

  constructor(most = Number.POSITIVE_INFINITY) {
    this.left = most;
  }

  /** Whether one more is within the bound. */
  takes(): boolean {
    if (this.left-- > 0) return true;
    this.reached = true;
    return false;
  }
}

/** What is replaced since then stays; nothing of the data set that forgets does. */
function patienceFor({ since, replaced, endedOnly }: Keeping, dataset: string): Patience | undefined {
  if (since === undefined || dataset === endedOnly) return undefined;
  return { since, replaced: replaced?.get(dataset) ?? new Set() };
}

/**
 * Removes it. No job may be at work: where one may begin meanwhile, `mayGoOn` tells. What later jobs find things by goes
 * first, so that none that begins behind the question relies on what is removed after it. If this ends early, the next time removes the rest.
 * @returns whether it came to its end
 */
export async function clean(
  store: ObjectStore,
  results: ObjectStore,
  cleaning: Cleaning,
  keeping: Keeping = { jobs: 0 },
  mayGoOn: MayGoOn = async () => true,
): Promise<boolean> {
  const { shards, jobs, chains, cut, gone, entries } = cleaning;
  const patience = (dataset: string): Patience | undefined => patienceFor(keeping, dataset);
  if (!(await removeOldFiles(store, results, patience, mayGoOn))) return false;
  if (!(await mayGoOn())) return false;
  await store.remove(chains);
  // None of these goes on, also if this ends in the middle: the next run of the same captures is another try.
  for (const job of [...cut, ...gone]) {
    const reason = 'its files were removed, as no current results need them';
    const end: JobEnd = { state: 'failed', stage: 'plan', task: 0, reason, damaged: jobKey(job) };
    await store.put(endKey(job), jsonBytes(end));
    await store.remove([doneKey(job, 'commit', 0), summaryKey(job)]);
  }
  // A group is found by its summary: what is to be found is to be whole.
  const isSummary = (key: string): boolean => key === shardSummaryKey(folderOf(key));
  const rest = [shards.objects.filter(isSummary), shards.objects, jobs.objects, gone.map(endKey), entries];
  for (const keys of rest) if (!(await removeInParts(store, keys, mayGoOn))) return false;
  return true;
}

const folderOf = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1);

const nothing = (): Removal => ({ objects: [], bytes: 0 });

function add(removal: Removal, { key, size }: ObjectHead): void {
  removal.objects.push(key);
  removal.bytes += size;
}

async function allEntries(store: ObjectStore): Promise<JobEntry[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(DATASETS_PREFIX)) if (isJobEntry(key)) keys.push(key);
  const entries = await inParallel(keys, REQUESTS_AT_ONCE, (key) => getJson<JobEntry>(store, key));
  return entries.filter((entry) => entry !== undefined);
}

/** @param own entries of one data set's jobs, the newest first */
async function jobsToKeep(
  store: ObjectStore,
  own: readonly JobEntry[],
  current: string | undefined,
  more: number,
  endedOnly: boolean,
): Promise<Map<string, 'committed' | 'open'>> {
  const keep = new Map<string, 'committed' | 'open'>();
  if (current !== undefined) keep.set(current, 'committed');
  const since = own.find(({ job }) => job === current)?.submitted ?? Number.NEGATIVE_INFINITY;
  for (const { job, submitted } of own) {
    if (keep.has(job)) continue;
    if (await isCommitted(store, job)) {
      if (more-- > 0) keep.set(job, 'committed');
    } else if (!endedOnly && submitted >= since && (await canGoOn(store, job))) keep.set(job, 'open');
  }
  return keep;
}

async function canGoOn(store: ObjectStore, job: string): Promise<boolean> {
  const end = await readEnd(store, job);
  return !(end?.state === 'failed' && end.damaged !== undefined);
}

/** The files of a current job are gone: nobody knows what its results need. */
export class UnknownNeeds extends Error {
  override name = 'UnknownNeeds';
}

/**
 * @param orNull null, not an error, when the files of the job are gone
 * @throws UnknownNeeds
 */
async function currentFile(store: ObjectStore, job: string, orNull: boolean): Promise<Job | null> {
  const file = await getJson<Job>(store, jobKey(job));
  if (file !== undefined && (await isCommitted(store, job))) return file;
  if (orNull) return null;
  throw new UnknownNeeds(
    `the files of job ${job}, whose results are the newest, are gone: it is not known what they need. Run it again first`,
  );
}

/**
 * @param whole jobs whose files are kept
 * @param isNew whether an object may be one of a job that is being submitted
 */
async function unneededOfJobs(
  store: ObjectStore,
  whole: ReadonlyMap<string, 'committed' | 'open'>,
  needed: Needed,
  isNew: (head: ObjectHead, job: string) => boolean,
  bound: Bound,
): Promise<Pick<Cleaning, 'jobs' | 'cut' | 'gone'>> {
  const jobs = nothing();
  const removed = new Map<string, ObjectHead[]>();
  const left = new Set<string>();
  const fresh = new Set<string>();
  for await (const head of store.list(JOBS_PREFIX)) {
    const { key } = head;
    const job = jobOfKey(key);
    const state = job === undefined ? 'open' : whole.get(job);
    if (job === undefined || state === 'open') continue;
    if (state === 'committed') {
      // The tables hold what they do.
      if (!isSessionRun(key)) continue;
      if (!bound.takes()) break;
      add(jobs, head);
    } else if (fresh.has(job) || isNew(head, job)) {
      fresh.add(job);
      removed.delete(job);
    } else if (needed.keys.has(key) || needed.prefixes.some((prefix) => key.startsWith(prefix))) left.add(job);
    else {
      if (!bound.takes()) {
        // More of its objects may follow.
        left.add(job);
        break;
      }
      const heads = removed.get(job);
      if (heads === undefined) removed.set(job, [head]);
      else heads.push(head);
    }
  }
  const cut: string[] = [];
  const gone: string[] = [];
  for (const [job, heads] of removed) {
    const some = left.has(job) ? heads.filter(({ key }) => key !== endKey(job)) : heads;
    if (some.length === 0) continue;
    (left.has(job) ? cut : gone).push(job);
    for (const head of some) add(jobs, head);
  }
  return { jobs, cut, gone };
}
