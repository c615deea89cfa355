/** Starting a job: what is written before its first task runs. */
import { loadJob } from '../job/context.ts';
import { writeInputs } from '../job/inputs.ts';
import { type Job, type JobConfig, jobId } from '../job/jobconfig.ts';
import { writeEnd } from '../job/protocol/jobend.ts';
import { endKey, jobKey, jobsPrefix, listKey } from '../job/protocol/keys.ts';
import type { Stage } from '../job/protocol/stageresults.ts';
import { RELEASE } from '../job/revisions.ts';
import type { TaskQueue } from '../queue/taskqueue.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import { forgetFailures, newestStage, resume, stagePlanner } from './barrier.ts';
import { newestTry, type Surroundings } from './tries.ts';

/** Where a job's captures come from, for people. */
export interface JobSource {
  /** Prefix of the captures, as s3://bucket/prefix; null for files. */
  prefix: string | null;
  /** What started it: a user, a marker object, or quiet after uploads. */
  by: 'submit' | 'marker' | 'quiet';
}

/** datasets/<dataset>/jobs/<job> */
export interface JobEntry {
  job: string;
  dataset: string;
  source: JobSource;
  captures: number;
  /** Stored bytes of the captures. */
  bytes: number;
  /** Milliseconds since 1970. */
  submitted: number;
}

/**
 * Writes a job's files, and sends no message. Idempotent.
 * @returns the job, and whether it is new
 */
export async function registerJob(
  store: ObjectStore,
  config: JobConfig,
  captures: readonly CaptureRef[],
  source: JobSource,
): Promise<{ job: Job; fresh: boolean }> {
  const id = jobId(config, captures);
  const fresh = await writeInputs(store, id, captures);
  await store.putIfAbsent(jobKey(id), jsonBytes({ job: id, software: RELEASE, config } satisfies Job));
  const job = await loadJob(store, id);
  await store.putIfAbsent(listKey(id, 'plan'), jsonBytes(await stagePlanner(store, job)('plan')));
  const entry: JobEntry = {
    job: id,
    dataset: config.dataset,
    source,
    captures: captures.length,
    bytes: captures.reduce((sum, { size }) => sum + size, 0),
    submitted: Date.now(),
  };
  // The entry of a job whose files have expired still exists, with its original time and size.
  if (fresh) await store.put(jobsPrefix(config.dataset) + id, jsonBytes(entry));
  else await store.putIfAbsent(jobsPrefix(config.dataset) + id, jsonBytes(entry));
  return { job, fresh };
}

/** The result of starting a job. */
export interface StartedJob {
  job: Job;
  /** new: started now. resumed: partly done before. committed: nothing is left to do. */
  state: 'new' | 'resumed' | 'committed';
  /** The stage whose tasks are run next; of a committed job the last one. */
  stage: Stage;
}

/**
 * Starts a job on this machine, or continues it where it stopped. If it lost captures, or an object of
 * it was damaged, its next try is started.
 * @param around where the tables of a committed job must still be, and what else is checked
 */
export async function startJob(
  store: ObjectStore,
  queue: TaskQueue,
  config: JobConfig,
  captures: readonly CaptureRef[],
  around: Surroundings = {},
): Promise<StartedJob> {
  for (let tries = MOST_DAMAGED; ; tries--) {
    const tried = await newestTry(store, config, captures, around);
    const { job, fresh } = await registerJob(store, tried.config, captures, { prefix: null, by: 'submit' });
    if (tried.committed) return { job, state: 'committed', stage: 'commit' };
    try {
      await forgetFailures(store, job.job);
      await store.remove([endKey(job.job)]);
      await resume(store, queue, job.job, stagePlanner(store, job));
      const stage = (await newestStage(store, job.job)) ?? 'plan';
      return { job, state: fresh ? 'new' : 'resumed', stage };
    } catch (error) {
      if (!(error instanceof StoreError) || error.reason !== 'damaged' || tries === 1) throw error;
      const { message: reason, key: damaged } = error;
      around.onDamaged?.(reason);
      await writeEnd(store, job.job, { state: 'failed', stage: 'plan', task: 0, reason, damaged });
    }
  }
}

/** Jobs that a start gives up because an object of them is damaged: with more than that, the disk is broken. */
const MOST_DAMAGED = 4;
