/**
 * The embedded engine: a job on one machine, with a directory as store, a queue
 * in this process and worker threads. The tasks are the very code that functions
 * in the cloud run; only store and queue differ.
 */
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { startJob } from '../control/start.ts';
import { failTask, type TaskReport } from '../control/task.ts';
import { JobError } from '../job/context.ts';
import { makeCurrent } from '../job/currentjob.ts';
import type { Fault } from '../job/fault.ts';
import { type JobConfig, jobId } from '../job/jobconfig.ts';
import { readEnd } from '../job/jobend.ts';
import { summaryKey, WORK_FOLDER } from '../job/keys.ts';
import { RELEASE } from '../job/revisions.ts';
import type { Stage } from '../job/stageresults.ts';
import type { JobSummary } from '../job/summary.ts';
import { InProcessQueue } from '../queue/inprocess.ts';
import type { Delivery } from '../queue/taskqueue.ts';
import { type CaptureRef, fileOpens } from '../store/capturesource.ts';
import { DirectoryStore } from '../store/directorystore.ts';
import { getJson } from '../store/jsonobject.ts';
import { NativeGate } from '../table/parquet/nativecalls.ts';
import { TABLE_NAMES } from '../table/tables.ts';
import type { FromWorker, OwnSetup, ToWorker, WorkerSetup } from './protocol.ts';
import { RunPlace } from './runplace.ts';

/** Folders below that of the results into which runs write. */
const WRITTEN_FOLDERS = [WORK_FOLDER, 'datasets', ...TABLE_NAMES];

export interface EmbeddedOptions {
  /** Folder of the results; made when it is not there. */
  out: string;
  captures: readonly CaptureRef[];
  config: JobConfig;
  /** Worker threads. */
  workers: number;
  /** Memory for DuckDB in each worker, as DuckDB spells sizes. */
  duckdbMemory?: string;
  /** Times a task is tried. */
  tries?: number;
  onStart?: (job: string, state: 'new' | 'resumed' | 'committed') => void;
  onTask?: (report: TaskReport) => void;
  onRetry?: (stage: Stage, task: number, reason: string) => void;
  /** Told of each object of the job that was found damaged and is made again, where need be by a new try of the whole job. */
  onDamaged?: (words: string) => void;
  signal?: AbortSignal;
}

/**
 * Runs a job to its end and returns what it found.
 * @throws JobError when a stage failed each time it was tried; the signal's reason when it was stopped;
 *   JobInProgress when another run is doing this job; PlaceLost when the folder of results vanished meanwhile
 */
export async function runEmbedded(options: EmbeddedOptions): Promise<JobSummary> {
  const { out, config, captures } = options;
  const work = join(out, WORK_FOLDER);
  const place = await RunPlace.take({ out, work, written: WRITTEN_FOLDERS }, jobId(config, captures));
  try {
    for (let tries = MOST_TRIES; ; tries--) {
      const ended = await runTry(place, work, options);
      if (ended instanceof DamagedJob && tries > 1) {
        options.onDamaged?.(ended.message);
        continue;
      }
      place.check();
      if (ended instanceof DamagedJob) throw ended;
      return ended;
    }
  } catch (error) {
    if (error !== options.signal?.reason) place.check(error);
    throw error;
  } finally {
    place.leave();
  }
}

/** A job that met an object of its own which was damaged: its next try makes that again. */
class DamagedJob extends JobError {
  override name = 'DamagedJob';
}

/** Tries of a job in one run, each ended by something damaged: a disk that damages more than that is past help. */
const MOST_TRIES = 4;

async function runTry(place: RunPlace, work: string, options: EmbeddedOptions): Promise<JobSummary | DamagedJob> {
  const writer = { name: place.owner, presence: place.scratch };
  const store = new DirectoryStore(work, writer);
  const results = new DirectoryStore(options.out, writer);
  const queue = new InProcessQueue(options.tries ?? 3);
  const { job, state } = await startJob(store, queue, options.config, options.captures, {
    results,
    opens: fileOpens,
    onDamaged: options.onDamaged,
  });
  options.onStart?.(job.job, state);
  if (state !== 'committed') {
    const duckdbMemory = options.duckdbMemory ?? '256MB';
    const setup = { work, results: options.out, scratch: place.scratch, duckdbMemory, writer };
    await new Pool(options, store, queue, setup, () => place.check()).drain();
  }
  const failed = await readEnd(store, job.job);
  if (failed?.state === 'failed') {
    const { stage, task, reason, damaged } = failed;
    const words = `${stage} task ${task} failed: ${reason}`;
    if (damaged !== undefined) return new DamagedJob(words, job.job, stage, task);
    throw new JobError(words, job.job, stage, task);
  }
  const summary = await getJson<JobSummary>(store, summaryKey(job.job));
  if (summary === undefined) throw new JobError(`job ${job.job} ended without a summary (version ${RELEASE})`, job.job);
  // Another job may have been committed since: the one that was asked for last is the one that queries are to see.
  if (state === 'committed') await makeCurrent(results, summary);
  return summary;
}

/** Milliseconds that a worker which is to end has to come to a pause: after a piece of a capture, or a block of a shard. */
const PAUSE_MS = 2000;

/** Worker threads that work a queue off. */
class Pool {
  private readonly options: EmbeddedOptions;
  private readonly store: DirectoryStore;
  private readonly queue: InProcessQueue;
  private readonly setup: WorkerSetup;
  private readonly idle: Worker[] = [];
  private readonly busy = new Map<Worker, Delivery>();
  private readonly gates = new Map<Worker, NativeGate>();
  private readonly gone = new Set<Worker>();
  private settle: (() => void) | undefined;
  private error: unknown;
  /** Throws when going on makes no sense, whatever the task. */
  private readonly check: () => void;

  constructor(
    options: EmbeddedOptions,
    store: DirectoryStore,
    queue: InProcessQueue,
    setup: WorkerSetup,
    check: () => void,
  ) {
    this.options = options;
    this.store = store;
    this.queue = queue;
    this.setup = setup;
    this.check = check;
  }

  /** Resolves when no message waits and none is in hands. */
  async drain(): Promise<void> {
    const { signal } = this.options;
    const onAbort = (): void => this.settle?.();
    signal?.addEventListener('abort', onAbort);
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (this.error !== undefined) throw this.error;
        await this.endGivenUp();
        this.assign();
        if (this.busy.size === 0 && this.queue.depth === 0) return;
        await new Promise<void>((resolve) => {
          this.settle = resolve;
          if (signal?.aborted) resolve();
        });
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      const all = [...this.idle, ...this.busy.keys()];
      for (const worker of all) this.gone.add(worker);
      await Promise.all(all.map((worker) => this.end(worker)));
    }
  }

  /**
   * Ends a worker at its next pause, after its calls into DuckDB, which are interrupted. A worker that is ended in the
   * midst of its code may be about to make a decompressor, and Node aborts the process over one that is half made: so
   * that is done only to one that does not pause.
   */
  private async end(worker: Worker): Promise<void> {
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ message: null } satisfies ToWorker);
    await this.gates.get(worker)?.closed();
    const patience = setTimeout(() => void worker.terminate(), PAUSE_MS);
    await exited;
    clearTimeout(patience);
  }

  /** Tasks that failed each time are written down as failed, so that the job goes on or ends. */
  private async endGivenUp(): Promise<void> {
    while (this.queue.dead.length > 0) {
      const message = this.queue.dead.shift()!;
      const { reason, fault } = this.lastFailure.get(`${message.stage}/${message.task}`)!;
      await failTask(this.store, this.queue, message, reason, fault);
    }
  }

  /** Why the last attempt at each task failed. */
  private readonly lastFailure = new Map<string, Failure>();

  private assign(): void {
    while (this.queue.depth > 0 && this.busy.size < this.options.workers) {
      const delivery = this.queue.receive()!;
      const worker = this.idle.pop() ?? this.spawn();
      this.busy.set(worker, delivery);
      worker.postMessage({ message: delivery.message, receives: delivery.receives } satisfies ToWorker);
    }
  }

  private spawn(): Worker {
    const gate = new NativeGate();
    const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
      workerData: { ...this.setup, gate: gate.memory } satisfies OwnSetup,
      // With the default of 16 MB the same short-lived arrays are marked over and over: a third of the time in collection.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
      // A thread does not know by itself that its process was told to name sources in stacks.
      execArgv: process.sourceMapsEnabled ? ['--enable-source-maps'] : undefined,
    });
    this.gates.set(worker, gate);
    worker.on('message', (answer: FromWorker) => {
      if (answer.kind === 'send') {
        void this.queue.send(answer.messages);
        return;
      }
      if (answer.kind === 'damaged') {
        this.options.onDamaged?.(answer.words);
        return;
      }
      if (answer.kind === 'dying') {
        died(answer.reason);
        return;
      }
      const delivery = this.busy.get(worker);
      this.busy.delete(worker);
      this.idle.push(worker);
      if (answer.kind === 'report') {
        delivery?.acknowledge();
        this.options.onTask?.(answer.report);
      } else this.failed(delivery, answer);
      this.settle?.();
    });
    const died = (reason: string): void => {
      if (this.gone.has(worker)) return;
      this.gone.add(worker);
      const delivery = this.busy.get(worker);
      this.busy.delete(worker);
      const at = this.idle.indexOf(worker);
      if (at >= 0) this.idle.splice(at, 1);
      this.failed(delivery, { reason, fault: null });
      this.settle?.();
    };
    worker.on('error', (error) => died(`the worker died: ${error instanceof Error ? error.message : String(error)}`));
    worker.on('exit', (code) => died(`the worker ended with code ${code}`));
    return worker;
  }

  private failed(delivery: Delivery | undefined, failure: Failure): void {
    if (delivery === undefined) return;
    try {
      this.check();
    } catch (error) {
      this.error ??= error;
      return;
    }
    const { stage, task } = delivery.message;
    this.lastFailure.set(`${stage}/${task}`, failure);
    if (failure.fault?.damaged) {
      // It stays damaged however often it is read.
      delivery.acknowledge();
      this.queue.dead.push(delivery.message);
      return;
    }
    const again = delivery.receives < this.queue.maxReceives && this.options.signal?.aborted !== true;
    if (again) this.options.onRetry?.(stage as Stage, task, failure.reason);
    delivery.release();
  }
}

/** Why an attempt at a task failed. */
interface Failure {
  reason: string;
  fault: Fault | null;
}
