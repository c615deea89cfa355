/**
 * One message, one task: what worker threads and Lambda functions do when
 * a message arrives.
 */
import { randomBytes } from 'node:crypto';
import { loadJob, type TaskContext, Unfinished } from '../job/context.ts';
import type { Job } from '../job/jobconfig.ts';
import type { Fault } from '../job/protocol/fault.ts';
import { isCommitted, readEnd, writeEnd } from '../job/protocol/jobend.ts';
import { requestsSince } from '../job/protocol/requestcounts.ts';
import type { Done, Stage } from '../job/protocol/stageresults.ts';
import { readDone, writeDone } from '../job/protocol/taskends.ts';
import type { TaskMessage, TaskQueue } from '../queue/taskqueue.ts';
import type { StageWork, WorkOf } from '../stage/stage.ts';
import { asStage, STAGES } from '../stage/stages.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { advance, stagePlanner } from './barrier.ts';

/**
 * Messages of one task, each sent by the one before it: ten days of functions that use their 15 minutes. The cloud is
 * told to let such chains be, so this alone ends one that gets no further.
 */
export const MOST_MESSAGES = 1000;

/** The result of a task's message, for showing progress. */
export interface TaskReport {
  message: TaskMessage;
  job: Job;
  /** How the task ended; null when it was not run (`skipped`) or is not finished yet (`unfinished`). */
  done: Done | null;
  /** False when the task had ended before and the message was only delivered again. */
  fresh: boolean;
  /** skipped: the job has failed or was cancelled, or has been ended here. unfinished: the task continues with another message. */
  instead: 'skipped' | 'unfinished' | null;
  /** The stage that this task's end has started, or null. */
  began: Stage | null;
  /** Whether the job has ended. */
  ended: boolean;
}

/**
 * Runs the task that a message names, unless it is done, and moves the job on.
 * @param workOf the code of the message's stage
 */
export async function runTask(context: TaskContext, message: TaskMessage, workOf: WorkOf): Promise<TaskReport> {
  const { store, queue } = context;
  const job = await loadJob(store, message.job);
  const stage = asStage(message.stage);
  let done: Done | undefined = await readDone(store, job.job, stage, message.task);
  const fresh = done === undefined;
  if (done === undefined) {
    const not = { message, job, done: null, fresh, began: null };
    if ((await readEnd(store, job.job)) !== undefined) return { ...not, instead: 'skipped', ended: true };
    try {
      done = await attemptTask(context, job, await workOf(stage), message.task);
    } catch (error) {
      if (!(error instanceof Unfinished)) throw error;
      const continued = (message.continued ?? 0) + 1;
      if (continued < MOST_MESSAGES) {
        await queue.send([{ ...message, continued }], { again: true });
        return { ...not, instead: 'unfinished', ended: false };
      }
      const reason = `not done after ${MOST_MESSAGES} messages, each as long as its function may run: ${error.message}. flowstitch resume ${job.job} goes on from there`;
      await writeEnd(store, job.job, { state: 'failed', stage, task: message.task, reason });
      return { ...not, instead: 'skipped', ended: true };
    }
  }
  const advanced = await advance(store, queue, job.job, stage, message.task, stagePlanner(store, job));
  return { message, job, done, fresh, instead: null, ...advanced };
}

/** One attempt of a task; records its end. */
async function attemptTask(context: TaskContext, job: Job, { stage, run }: StageWork, task: number): Promise<Done> {
  const startedAt = performance.now();
  const cpuBefore = process.threadCpuUsage();
  const requestsBefore = { ...context.requests?.() };
  const attempt = randomBytes(6).toString('hex');
  const result = await run(context, job, task, attempt);
  const cpu = process.threadCpuUsage(cpuBefore);
  return writeDone(context.store, job.job, stage, task, {
    ok: true,
    attempt,
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    requests: context.requests && requestsSince(requestsBefore, context.requests()),
    result,
  } as Done<typeof stage>);
}

/**
 * Ends a task that failed on every attempt, and moves the job on. Where its stage expects another
 * message to help, the task is tried again instead. A fault ends the job, and leaves the task to be run on resume.
 * @param fault why the last attempt failed, where that was a fault
 * @returns whether the job has ended
 */
export async function failTask(
  store: ObjectStore,
  queue: TaskQueue,
  message: TaskMessage,
  reason: string,
  fault: Fault | null = null,
): Promise<boolean> {
  const job = await loadJob(store, message.job);
  // An attempt that still ran behind the commit finds objects gone that nobody needs any more.
  if (await isCommitted(store, job.job)) return true;
  const stage = asStage(message.stage);
  // The task may have succeeded, and the damaged object have been found while moving the job on.
  const endsJob =
    fault !== null && (fault.damaged !== null || (await readDone(store, job.job, stage, message.task)) === undefined);
  if (endsJob) {
    const damaged = fault.damaged === null ? {} : { damaged: fault.damaged };
    await writeEnd(store, job.job, { state: 'failed', stage, task: message.task, reason, ...damaged });
    return true;
  }
  const ended = (await readDone(store, job.job, stage, message.task)) !== undefined;
  if (!ended && (await STAGES[stage].anotherMessage?.(store, job.job, message.task))) {
    await queue.send([message], { again: true });
    return false;
  }
  await writeDone(store, job.job, stage, message.task, { ok: false, attempt: '', reason });
  return (await advance(store, queue, job.job, stage, message.task, stagePlanner(store, job))).ended;
}
