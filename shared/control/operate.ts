/** Operations on the jobs of a pipeline: submit, list, cancel, resume. */

import { JobError, loadJob } from '../job/context.ts';
import { allInputs } from '../job/inputs.ts';
import { type JobConfig, jobId } from '../job/jobconfig.ts';
import { isForgotten } from '../job/notices/forgotten.ts';
import { discardForNext } from '../job/protocol/fault.ts';
import { hasEnded, isCommitted, readEnd, writeEnd } from '../job/protocol/jobend.ts';
import { DATASETS_PREFIX, doneKey, jobKey, jobsPrefix, summaryKey } from '../job/protocol/keys.ts';
import { type JobSummary, lostCaptures } from '../job/summary.ts';
import type { TaskQueue } from '../queue/taskqueue.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import { inParallel, REQUESTS_AT_ONCE } from '../store/inparallel.ts';
import { getJson } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { forgetFailures } from './barrier.ts';
import { type JobEntry, type JobSource, registerJob } from './start.ts';
import { enqueueJob, reopenJob, takeTurn } from './turns.ts';

/** The result of submitting a job. */
export interface Submitted {
  job: string;
  /** began: it runs. waits: another job of the data set runs. committed: the same job is done already. ended: it failed or was cancelled. */
  state: 'began' | 'waits' | 'committed' | 'ended';
}

/** Submits a job over these captures. The same captures and configuration are the same job, however often it is submitted. */
export async function submitJob(
  store: ObjectStore,
  queue: TaskQueue,
  config: JobConfig,
  captures: readonly CaptureRef[],
  source: JobSource,
): Promise<Submitted> {
  const id = jobId(config, captures);
  // It may have run before, and its files may have been removed since: that turn is over.
  if ((await store.head(jobKey(id))) === undefined) await reopenJob(store, config.dataset, id);
  const { job } = await registerJob(store, config, captures, source);
  if (await isCommitted(store, job.job)) return { job: job.job, state: 'committed' };
  const end = await readEnd(store, job.job);
  // Asked for again, it is the newest.
  if (end?.state === 'superseded') await reopenJob(store, config.dataset, job.job);
  else if (end !== undefined) return { job: job.job, state: 'ended' };
  return { job: job.job, state: (await enqueueJob(store, queue, config.dataset, job.job)) ? 'began' : 'waits' };
}

/**
 * Makes the tables of a committed job current again, after those of another job: repeats its
 * commit.
 * @returns began, or waits
 */
export async function recommitJob(store: ObjectStore, queue: TaskQueue, id: string): Promise<Submitted> {
  const { job, dataset } = await findJob(store, id);
  await reopenJob(store, dataset, job);
  await store.remove([doneKey(job, 'commit', 0)]);
  return { job, state: (await enqueueJob(store, queue, dataset, job)) ? 'began' : 'waits' };
}

/**
 * Stops a job within one task's time, and starts the next one of its data set.
 * @param queue null where the pipeline has another version, which must start the next job itself
 * @param id as findJob takes it
 * @returns whether the job was running or waiting
 * @throws JobError when there is no such job
 */
export async function cancelJob(store: ObjectStore, queue: TaskQueue | null, id: string): Promise<boolean> {
  const { job, dataset } = await findJob(store, id);
  const running = !(await hasEnded(store, job));
  if (running) await writeEnd(store, job, { state: 'cancelled', at: Date.now() });
  if (queue !== null) await takeTurn(store, queue, dataset);
  return running;
}

/** The result of resuming a job. */
export interface Resumed {
  /** The job that runs now: a new one when the named job was committed without some captures. */
  job: string;
  /** nothing: the job is complete. */
  state: 'began' | 'waits' | 'nothing';
  /** Captures that are tried again by another job. */
  again: number;
}

/**
 * Repeats what failed. A job that failed or was cancelled continues where it stopped. One that was committed
 * without some captures, or that found a damaged object, cannot: a new job with the same captures and
 * configuration tries again, and reuses all sound shards. A running job gets its messages again. In place of one that
 * was superseded the job that has its captures is resumed.
 * @param id as findJob takes it
 * @throws JobError when there is no such job, OtherVersion when another version started it
 */
export async function resumeJob(store: ObjectStore, queue: TaskQueue, id: string): Promise<Resumed> {
  const { job, dataset, source } = await findJob(store, id);
  const { config } = await loadJob(store, job);
  const nextTry = async (again: number, damaged?: string): Promise<Resumed> => {
    const captures = await allInputs(store, job);
    const retry = (config.retry ?? 0) + 1;
    // Captures that were known to be unreadable may have been repaired since.
    const fresh = captures.map((all) => {
      if (isForgotten(all)) return all;
      const { refused: _, ...capture } = all;
      return capture;
    });
    if (damaged !== undefined) await discardForNext(store, damaged, jobId({ ...config, retry }, fresh));
    const next = await submitJob(store, queue, { ...config, retry }, fresh, source);
    if (next.state === 'committed' || next.state === 'ended') return resumeJob(store, queue, next.job);
    return { job: next.job, state: next.state, again };
  };
  if (await isCommitted(store, job)) {
    const summary = await getJson<JobSummary>(store, summaryKey(job));
    const lost = summary === undefined ? 0 : lostCaptures(summary).length;
    return lost === 0 ? { job, state: 'nothing', again: 0 } : nextTry(lost);
  }
  const end = await readEnd(store, job);
  if (end?.state === 'superseded') return resumeJob(store, queue, end.by);
  if (end?.state === 'failed' && end.damaged !== undefined) return nextTry(0, end.damaged);
  if (end !== undefined) await forgetFailures(store, job);
  await reopenJob(store, dataset, job);
  const began = await enqueueJob(store, queue, dataset, job);
  return { job, state: began ? 'began' : 'waits', again: 0 };
}

/** All jobs of the pipeline, or of one data set, the newest first. */
export async function listJobs(store: ObjectStore, dataset?: string): Promise<JobEntry[]> {
  return readEntries(store, dataset === undefined ? DATASETS_PREFIX : jobsPrefix(dataset), '');
}

/**
 * A job's entry.
 * @param id its id, or a unique prefix of it
 * @throws JobError when there is none, or several
 */
export async function findJob(store: ObjectStore, id: string): Promise<JobEntry> {
  const jobs = await readEntries(store, DATASETS_PREFIX, id);
  if (jobs.length === 1) return jobs[0];
  if (jobs.length === 0) throw new JobError(`there is no job ${id} in this pipeline`, id);
  throw new JobError(`${id} is a prefix of several jobs: ${jobs.map(({ job }) => job).join(', ')}`, id);
}

/** Entries below a prefix, of jobs whose ids begin with `id`, the newest first. */
async function readEntries(store: ObjectStore, prefix: string, id: string): Promise<JobEntry[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) {
    const [, , kind, job] = key.split('/');
    if (kind === 'jobs' && job.startsWith(id)) keys.push(key);
  }
  const entries = await inParallel(keys, REQUESTS_AT_ONCE, (key) => getJson<JobEntry>(store, key));
  return entries.filter((entry) => entry !== undefined).sort((a, b) => b.submitted - a.submitted);
}
