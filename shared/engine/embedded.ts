/**
 * The embedded engine: a job on one machine, with a directory as store, a queue
 * in this process and worker threads. The tasks run the same code as the functions
 * in the cloud; only store and queue differ.
 */
import { extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { currentState } from '../catalog/showcurrent.ts';
import { showInCatalog } from '../catalog/step.ts';
import { capturesRead, type HeldCaptures, heldCaptures } from '../control/dataset/heldcaptures.ts';
import { removeOldFiles } from '../control/dataset/oldfiles.ts';
import { type Shortage, shortageOf } from '../control/failures.ts';
import { startJob } from '../control/start.ts';
import { type StageAt, stageOf } from '../control/status.ts';
import { failTask, type TaskReport } from '../control/task.ts';
import { JobError } from '../job/context.ts';
import { makeCurrent } from '../job/dataset/currentjob.ts';
import { keepCaptures } from '../job/dataset/datasetcaptures.ts';
import { withForgottenHosts } from '../job/dataset/forgottenhosts.ts';
import { type JobConfig, jobId } from '../job/jobconfig.ts';
import type { Fault } from '../job/protocol/fault.ts';
import { readEnd } from '../job/protocol/jobend.ts';
import { summaryKey, WORK_FOLDER } from '../job/protocol/keys.ts';
import type { Stage } from '../job/protocol/stageresults.ts';
import { RELEASE } from '../job/revisions.ts';
import type { JobSummary } from '../job/summary.ts';
import { InProcessQueue } from '../queue/inprocess.ts';
import type { Delivery } from '../queue/taskqueue.ts';
import { type CaptureRef, fileOpens } from '../store/capturesource.ts';
import { DirectoryStore } from '../store/directorystore.ts';
import { getJson } from '../store/jsonobject.ts';
import { foldersOf } from './folders.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.ts';
import { OtherRun, type RunNote, RunPlace } from './runplace.ts';

export interface EmbeddedOptions {
  /** Folder of the results; created if missing. */
  out: string;
  captures: readonly CaptureRef[];
  /**
   * Makes the job's captures of those that the data set holds and `captures`. The run then waits until no other run of
   * the data set is at work: what that adds is not to be lost.
   */
  withHeld?: (
    held: HeldCaptures | undefined,
    captures: readonly CaptureRef[],
  ) => readonly CaptureRef[] | Promise<readonly CaptureRef[]>;
  config: JobConfig;
  /** Worker threads. */
  workers: number;
  /** Times a task is tried. */
  tries?: number;
  /** Called once the captures are known, before anything is written. */
  onCaptures?: (captures: readonly CaptureRef[], held: HeldCaptures | undefined) => void | Promise<void>;
  /** @param stage whose tasks are run first: of a job that was resumed where it had stopped */
  onStart?: (job: string, state: 'new' | 'resumed' | 'committed', stage: Stage) => void;
  /** Called about once a second while another run does this job. */
  onWait?: (other: WaitedFor) => void;
  onTask?: (report: TaskReport) => void;
  onRetry?: (stage: Stage, task: number, reason: string) => void;
  /** Called for each object of the job that was found damaged and is made again, if necessary by a new try of the whole job. */
  onDamaged?: (words: string) => void;
  signal?: AbortSignal;
}

/** A run that does the same job, and how far it is. */
export interface WaitedFor extends RunNote {
  /** Undefined until the job has begun. */
  at: StageAt | undefined;
}

/**
 * Runs a job to its end and returns its summary. While another run does the same job, this one waits; when that ends
 * without having finished, this one continues the job.
 * @throws JobError when a stage failed on every attempt; the signal's reason when it was stopped;
 *   PlaceLost when the results folder vanished meanwhile
 */
export async function runEmbedded(given: EmbeddedOptions): Promise<JobSummary> {
  const work = join(given.out, WORK_FOLDER);
  const { place, captures, config } = await placeAmongRuns(work, given);
  const options = { ...given, config };
  try {
    for (let tries = MOST_TRIES; ; tries--) {
      const ended = await runTry(place, work, options, captures);
      if (ended instanceof DamagedJob && tries > 1) {
        options.onDamaged?.(ended.message);
        continue;
      }
      place.check();
      if (ended instanceof DamagedJob) throw ended;
      const [store, results] = storesOf(place, work, options);
      // Who reads the folder with a glob is to find current rows only.
      await place.whenAlone(async () => void (await removeOldFiles(store, results)));
      return ended;
    }
  } catch (error) {
    if (error !== options.signal?.reason) place.check(error);
    throw error;
  } finally {
    place.leave();
  }
}

/** Milliseconds between two looks at a run that is waited for: whether it lives, and how far it is. */
const LIVES_MS = 100;
const PROGRESS_MS = 1000;

/**
 * Takes a place for the job, as soon as no other run does it.
 * @returns the place, the job's captures, and its configuration: the data set may have forgotten hosts by then
 * @throws the signal's reason
 */
async function placeAmongRuns(
  work: string,
  options: EmbeddedOptions,
): Promise<{ place: RunPlace; captures: readonly CaptureRef[]; config: JobConfig }> {
  const { out, signal, onWait } = options;
  const store = new DirectoryStore(work);
  const results = new DirectoryStore(out);
  const { dataset } = options.config;
  for (;;) {
    let { captures, config } = options;
    let held: HeldCaptures | undefined;
    const taken = await RunPlace.take(foldersOf(out), async () => {
      held = await heldCaptures(store, results, dataset);
      captures = (await options.withHeld?.(held, options.captures)) ?? captures;
      config = await withForgottenHosts(store, config);
      return { job: jobId(config, captures), dataset, waits: options.withHeld !== undefined };
    });
    if (!(taken instanceof OtherRun)) {
      try {
        await options.onCaptures?.(captures, held);
      } catch (error) {
        taken.leave();
        throw error;
      }
      return { place: taken, captures, config };
    }
    let shown = Number.NEGATIVE_INFINITY;
    while (taken.lives) {
      if (onWait !== undefined && performance.now() - shown >= PROGRESS_MS) {
        const { note } = taken;
        // What it writes meanwhile may not be readable yet.
        onWait({ ...note, at: await stageOf(store, note.trying ?? note.job).catch(() => undefined) });
        shown = performance.now();
      }
      await sleep(LIVES_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

function storesOf(
  place: RunPlace,
  work: string,
  { out }: EmbeddedOptions,
): [store: DirectoryStore, results: DirectoryStore] {
  const writer = { name: place.owner, presence: place.scratch };
  return [new DirectoryStore(work, writer), new DirectoryStore(out, writer)];
}

/** A job that found one of its own objects damaged: its next try makes that again. */
class DamagedJob extends JobError {
  override name = 'DamagedJob';
}

/** Tries of a job in one run, each ended by a damaged object: with more than that, the disk is broken. */
const MOST_TRIES = 4;

async function runTry(
  place: RunPlace,
  work: string,
  options: EmbeddedOptions,
  captures: readonly CaptureRef[],
): Promise<JobSummary | DamagedJob> {
  const [store, results] = storesOf(place, work, options);
  const queue = new InProcessQueue(options.tries ?? 3);
  const { job, state, stage } = await startJob(store, queue, options.config, captures, {
    results,
    opens: fileOpens,
    onDamaged: options.onDamaged,
  });
  place.tries(job.job);
  options.onStart?.(job.job, state, stage);
  if (state !== 'committed') {
    const writer = { name: place.owner, presence: place.scratch };
    const setup = { work, results: options.out, scratch: place.scratch, writer };
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
  // Another job may have been committed since: queries are to see the one that was run last.
  if (state === 'committed') {
    const before = await currentState(results, summary.dataset);
    await keepCaptures(store, summary.dataset, job.job, await capturesRead(store, job.job));
    await makeCurrent(results, summary);
    await showInCatalog(store, results, summary, before);
  }
  return summary;
}

/** Worker threads that process a queue. */
class Pool {
  private readonly options: EmbeddedOptions;
  private readonly store: DirectoryStore;
  private readonly queue: InProcessQueue;
  private readonly setup: WorkerSetup;
  private readonly idle: Worker[] = [];
  private readonly busy = new Map<Worker, Delivery>();
  private readonly gone = new Set<Worker>();
  private settle: (() => void) | undefined;
  private error: unknown;
  /** Throws when continuing makes no sense, whatever the task. */
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

  /** Resolves when no message is waiting or in flight. */
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
   * Ends a worker at its next pause. However long that takes, it is not terminated: Node aborts the process over a
   * decompressor that is half created then.
   */
  private async end(worker: Worker): Promise<void> {
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ message: null } satisfies ToWorker);
    await exited;
  }

  /** Records tasks that failed on every attempt as failed, so that the job continues or ends. */
  private async endGivenUp(): Promise<void> {
    while (this.queue.dead.length > 0) {
      const message = this.queue.dead.shift()!;
      const { reason, fault } = this.lastFailure.get(`${message.stage}/${message.task}`)!;
      await failTask(this.store, this.queue, message, reason, fault);
    }
  }

  /** Why the last attempt of each task failed. */
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
    const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
      workerData: this.setup satisfies WorkerSetup,
      // With the default of 16 MB a third of the time goes into collection: the same short-lived arrays are marked repeatedly.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
      // Threads do not inherit the process's setting for source maps.
      execArgv: process.sourceMapsEnabled ? ['--enable-source-maps'] : undefined,
    });
    worker.on('message', (answer: FromWorker) => {
      if (answer.kind === 'send') {
        void this.queue.send(answer.messages);
        return;
      }
      if (answer.kind === 'damaged') {
        this.tell(() => this.options.onDamaged?.(answer.words));
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
        const { report } = answer;
        this.tell(() => this.options.onTask?.(report));
      } else this.failed(delivery, answer);
      this.settle?.();
    });
    const died = (reason: string, shortage: Shortage | null = null): void => {
      if (this.gone.has(worker)) return;
      this.gone.add(worker);
      const delivery = this.busy.get(worker);
      this.busy.delete(worker);
      const at = this.idle.indexOf(worker);
      if (at >= 0) this.idle.splice(at, 1);
      this.failed(delivery, { reason, fault: null, shortage });
      this.settle?.();
    };
    worker.on('error', (error) =>
      died(`the worker died: ${error instanceof Error ? error.message : String(error)}`, shortageOf(error)),
    );
    worker.on('exit', (code) => died(`the worker ended with code ${code}`));
    return worker;
  }

  /** Calls a function of the caller's. An error in it ends the run, as an error in the run itself would. */
  private tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.error ??= error;
      this.settle?.();
    }
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
    const earlier = this.lastFailure.get(`${stage}/${task}`);
    this.lastFailure.set(`${stage}/${task}`, failure);
    const same = failure.shortage !== null && failure.shortage === earlier?.shortage;
    if (failure.fault?.damaged || same) {
      // Another attempt would not help.
      delivery.acknowledge();
      this.queue.dead.push(delivery.message);
      return;
    }
    const again = delivery.receives < this.queue.maxReceives && this.options.signal?.aborted !== true;
    if (again) this.tell(() => this.options.onRetry?.(stage as Stage, task, failure.reason));
    delivery.release();
  }
}

/** Why an attempt of a task failed. */
interface Failure {
  reason: string;
  fault: Fault | null;
  shortage: Shortage | null;
}
