/** What the functions of functions/ do around the job's own code: the same steps, without Lambda's clothes. */

import {
  type FailureNote,
  failTooLarge,
  failureNote,
  isTooLarge,
  leaveNote,
  takeNote,
} from '../../shared/control/failures.ts';
import { endForVersion } from '../../shared/control/otherversion.ts';
import { failTask, runTask } from '../../shared/control/task.ts';
import { takeTurn } from '../../shared/control/turns.ts';
import { lookAfterJobs } from '../../shared/control/watchdog.ts';
import { loadJobFile, OtherVersion, type TaskContext, UnknownJob } from '../../shared/job/context.ts';
import { soundOrDiscarded } from '../../shared/job/protocol/fault.ts';
import { errorKey } from '../../shared/job/protocol/keys.ts';
import { writeRequests } from '../../shared/job/protocol/requestcounts.ts';
import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import type { TaskMessage, TaskQueue } from '../../shared/queue/taskqueue.ts';
import type { WorkOf } from '../../shared/stage/stage.ts';
import type { CaptureSource } from '../../shared/store/capturesource.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';

/** What a function has at hand. */
export interface Hands {
  store: ObjectStore;
  results: ObjectStore;
  queue: TaskQueue;
}

/** The watchdog's rule. */
export interface Rule {
  enabled: boolean;
}

const NO_CAPTURES: CaptureSource = {
  stream() {
    throw new Error('the simulation has no captures');
  },
};

/** functions/stage.ts. @returns whether the job was at its end. @throws what makes the message come again */
export async function stageFunction(
  hands: Hands,
  rule: Rule,
  message: TaskMessage,
  receives: number,
  workOf: WorkOf,
): Promise<boolean> {
  const { store, results, queue } = hands;
  const { job, task } = message;
  const stage = message.stage as Stage;
  if (message.first) rule.enabled = true;
  const context: TaskContext = {
    store,
    results,
    queue,
    captures: NO_CAPTURES,
    scratch: '',
    receives,
  };
  const earlier = await takeNote(store, message, receives);
  try {
    const report = await runTask(context, message, workOf);
    if (report.ended) await takeTurn(store, queue, report.job.config.dataset);
    return report.ended;
  } catch (error) {
    if (error instanceof OtherVersion) {
      await endForVersion(store, queue, { job, stage, task }, error);
      return true;
    }
    const note = failureNote(error, receives, earlier);
    await leaveNote(store, message, note);
    if (!isTooLarge(note)) throw error;
    const ended = await failTooLarge(store, queue, message, note);
    if (ended) await takeTurn(store, queue, (await loadJobFile(store, job)).config.dataset);
    return ended;
  }
}

/** functions/dead-letter.ts. @throws what makes the message come again */
export async function deadLetterFunction({ store, queue }: Hands, message: TaskMessage): Promise<void> {
  const stage = message.stage as Stage;
  const key = errorKey(message.job, stage, message.task);
  const known = await soundOrDiscarded<FailureNote>(store, key);
  try {
    const { config } = await loadJobFile(store, message.job);
    if (await failTask(store, queue, message, known?.reason ?? 'its function ended without an error', known?.fault))
      await takeTurn(store, queue, config.dataset);
  } catch (error) {
    if (error instanceof OtherVersion) return endForVersion(store, queue, { ...message, stage }, error);
    if (!(error instanceof UnknownJob)) throw error;
  }
}

/** functions/counting.ts, without counts. */
export async function counted<T>({ store }: Hands, { job }: TaskMessage, handle: () => Promise<T>): Promise<T> {
  try {
    return await handle();
  } finally {
    await writeRequests(store, job, {}).catch(() => undefined);
  }
}

/** functions/watchdog.ts. */
export async function watchdogFunction({ store, queue }: Hands, rule: Rule, now: () => number): Promise<void> {
  let { running } = await lookAfterJobs(store, queue, now());
  if (running.length > 0) return;
  rule.enabled = false;
  ({ running } = await lookAfterJobs(store, queue, now()));
  if (running.length > 0) rule.enabled = true;
}
