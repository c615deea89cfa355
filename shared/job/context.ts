/** What a task works with, and the errors that stages raise. */
import type { TaskQueue } from '../queue/taskqueue.ts';
import type { CaptureSource } from '../store/capturesource.ts';
import { getJson } from '../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import type { Job } from './jobconfig.ts';
import { jobKey } from './keys.ts';
import { hasOurRevisions, RELEASE } from './revisions.ts';
import type { RequestTotals, Stage } from './stageresults.ts';
import type { JobSummary } from './summary.ts';

export interface TaskContext {
  /** Shards and the job's own files. */
  store: ObjectStore;
  /** The tables, and which job's are current: what readers see. */
  results: ObjectStore;
  captures: CaptureSource;
  queue: TaskQueue;
  /** An empty local folder for this task alone; whoever made it removes it. */
  scratch: string;
  /** Memory that DuckDB may take, as it writes sizes: '256MB'. */
  duckdbMemory: string;
  /** How many times the task's message has been given out, this time included. */
  receives?: number;
  /** Milliseconds that are left for the task; missing where nothing ends it. */
  timeLeft?: () => number;
  /** Days after which the store lets shards expire; missing where they are kept. */
  shardDays?: number;
  /** Raised when the task is to stop: its reason names the task and says why. */
  signal?: AbortSignal;
  /** Told of each capture that a map task begins to read. */
  onCapture?: (name: string) => void;
  /** Told of each object that was found damaged and is made again. */
  onDamaged?: (words: string) => void;
  /** Makes a committed job's files known to whoever finds tables by a catalog. */
  catalog?: Catalog;
  /** Requests that the task's process has made so far, by kind. */
  requests?: () => RequestTotals;
}

/** A catalog of tables, like Glue's. */
export interface Catalog {
  /** Shows the job's files, and no others of its data set. Doing it again changes nothing. */
  register(summary: JobSummary): Promise<void>;
}

/** The task cannot be done in one go: what is done is kept, and its message is to be sent again. */
export class Unfinished extends Error {
  override name = 'Unfinished';
}

/** A task that cannot be done, in words for people. */
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

/** A job of which nothing is written down. */
export class UnknownJob extends JobError {
  override name = 'UnknownJob';
}

/** A job that software of other revisions began. */
export class OtherVersion extends JobError {
  override name = 'OtherVersion';
}

/**
 * The job as it was written down, whatever version did it.
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
    throw new OtherVersion(`job ${id} belongs to version ${job.software}; this is ${RELEASE}. Start the job anew`, id);
  return job;
}

/**
 * An object that must be there.
 * @throws StoreError 'missing' when it is not
 */
export async function requireJson<T>(store: ObjectStore, key: string): Promise<T> {
  const value = await getJson<T>(store, key);
  if (value === undefined)
    throw new StoreError('missing', key, `${key} is missing: the job's files were changed from outside`);
  return value;
}
