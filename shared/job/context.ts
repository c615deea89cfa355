/** What a task works with, and the errors that stages throw. */
import type { TaskQueue } from '../queue/taskqueue.ts';
import type { CaptureSource } from '../store/capturesource.ts';
import { getJson } from '../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import type { Job } from './jobconfig.ts';
import { jobKey } from './protocol/keys.ts';
import type { RequestTotals, Stage } from './protocol/stageresults.ts';
import { hasOurRevisions, RELEASE } from './revisions.ts';

export interface TaskContext {
  /** Shards and the job's own files. */
  store: ObjectStore;
  /** The tables, and which job is current: what readers see. */
  results: ObjectStore;
  captures: CaptureSource;
  queue: TaskQueue;
  /** An empty local folder for this task alone; its creator removes it. */
  scratch: string;
  /** How often the task's message was delivered, this time included. */
  receives?: number;
  /** Milliseconds left for the task; missing where there is no time limit. */
  timeLeft?: () => number;
  /** Days after which the store lets shards expire; missing where they are kept. */
  shardDays?: number;
  /** Aborted when the task is to stop: its reason names the task and says why. */
  signal?: AbortSignal;
  /** Called for each capture that a map task begins to read. */
  onCapture?: (name: string) => void;
  /** Called for each object that was found damaged and is made again. */
  onDamaged?: (words: string) => void;
  /** Called when the log of the results does not show a committed job, with the reason: it is caught up later. */
  onBehind?: (reason: string) => void;
  /** Requests of the task's process so far, by kind. */
  requests?: () => RequestTotals;
}

/** The task needs another invocation: what is done is kept, and its message is to be sent again. */
export class Unfinished extends Error {
  override name = 'Unfinished';
}

/** A task that cannot be done; the message is for the user. */
export class JobError extends Error {
  override name = 'JobError';
  readonly job: string;
  readonly stage: Stage | undefined;
  readonly task: number | undefined;

  constructor(message: string, job: string, stage?: Stage, task?: number, cause?: unknown) {
    super(message, { cause });
    this.job = job;
    this.stage = stage;
    this.task = task;
  }
}

/** A job that has no files. */
export class UnknownJob extends JobError {
  override name = 'UnknownJob';
}

/** A job that was started by a version with other revisions. */
export class OtherVersion extends JobError {
  override name = 'OtherVersion';
}

/**
 * The job's file, whatever version wrote it.
 * @throws UnknownJob when there is no such job
 */
export async function loadJobFile(store: ObjectStore, id: string): Promise<Job> {
  const job = await getJson<Job>(store, jobKey(id));
  if (job === undefined) throw new UnknownJob(`there is no job ${id} in this store`, id);
  return job;
}

/**
 * The job's configuration.
 * @throws UnknownJob when there is no such job; OtherVersion when its rules have other revisions: tasks
 *   of both in one job would mix them
 */
export async function loadJob(store: ObjectStore, id: string): Promise<Job> {
  const job = await loadJobFile(store, id);
  if (!hasOurRevisions(job.software))
    throw new OtherVersion(
      `job ${id} belongs to version ${job.software}; this is ${RELEASE}. Submit the job again`,
      id,
    );
  return job;
}

/**
 * An object that must exist.
 * @throws StoreError 'missing' when it does not
 */
export async function requireJson<T>(store: ObjectStore, key: string): Promise<T> {
  const value = await getJson<T>(store, key);
  if (value === undefined)
    throw new StoreError('missing', key, `${key} is missing: the job's files were changed from outside`);
  return value;
}
