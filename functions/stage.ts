/**
 * A function of one stage: receives a task's message from the stage's queue, runs the
 * task, and returns the message to the queue when the task failed. Tasks are idempotent,
 * so a second delivery does no harm; what matters is that each delivery ends.
 */
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import {
  type FailureNote,
  failTooLarge,
  failureNote,
  isTooLarge,
  leaveNote,
  memoryNote,
  OutOfTime,
  takeNote,
} from '../shared/control/failures.ts';
import { endForVersion } from '../shared/control/otherversion.ts';
import { runTask, type TaskReport } from '../shared/control/task.ts';
import { takeTurn } from '../shared/control/turns.ts';
import { loadJobFile, OtherVersion, type TaskContext } from '../shared/job/context.ts';
import type { Done } from '../shared/job/protocol/stageresults.ts';
import type { TaskMessage } from '../shared/queue/taskqueue.ts';
import type { StageWork } from '../shared/stage/stage.ts';
import { counted } from './counting.ts';
import { tellEnds } from './ends.ts';
import { captures, queue, queueUrls, requestTotals, results, sqs, work } from './environment.ts';
import { Lease } from './lease.ts';
import { logger, measure, publishMeasures } from './log.ts';
import { watchMemory } from './memorywatch.ts';
import { startWatchdog } from './schedule.ts';
import { removeScratch, takeScratch } from './scratch.ts';
import { stoppableStore } from './stoppablestore.ts';

/** A task is told to stop this long before its function would be killed. */
const STOP_MS = 15_000;
/** The process exits this long before, if the task does not stop. */
const EXIT_MS = 5_000;

/** The Lambda handler of a stage. */
export function stageHandler(stageWork: StageWork) {
  return async (event: SQSEvent, lambda: Context): Promise<SQSBatchResponse> => {
    logger.addContext(lambda);
    const failed: string[] = [];
    for (const record of event.Records) {
      try {
        const message = messageOf(record);
        await counted(message.job, () => deliver(stageWork, message, record, lambda));
      } catch (error) {
        logger.error('failed', error as Error);
        failed.push(record.messageId);
      }
    }
    publishMeasures();
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

/** The task message in a record's body. @throws RangeError when it is not one */
export function messageOf(record: SQSRecord): TaskMessage {
  const { job, stage, task, continued, first } = JSON.parse(record.body) as Partial<TaskMessage>;
  if (typeof job !== 'string' || typeof stage !== 'string' || !Number.isInteger(task))
    throw new RangeError(`message ${record.messageId} is not a Flowstitch task message: ${record.body.slice(0, 200)}`);
  return { job, stage, task: task as number, continued, first };
}

async function deliver(stageWork: StageWork, message: TaskMessage, record: SQSRecord, lambda: Context): Promise<void> {
  const { stage } = stageWork;
  if (message.stage !== stage) throw new RangeError(`the ${stage} function got a message for ${message.stage}`);
  const { job, task } = message;
  const receives = Number(record.attributes.ApproximateReceiveCount);
  logger.resetKeys();
  logger.appendKeys({ job, stage, task, receives });
  const earlier = await takeNote(work, message, receives);
  const scratch = await takeScratch();
  const lease = new Lease(sqs, queueUrls[stage], record.receiptHandle);
  const clock = new Clock(lambda, message);
  const memoryLimit = Number(lambda.memoryLimitInMB);
  const endWatch = watchMemory(memoryLimit, (use) => void leaveNote(work, message, memoryNote(use, receives, earlier)));
  try {
    // Whoever sent it, and whichever stage the job goes on from.
    if (message.first) await startWatchdog();
    // The attempts before this one died.
    if (earlier !== undefined && isTooLarge(earlier)) await giveUp(message, earlier);
    else {
      const report = await runTask(
        {
          store: stoppableStore(work, clock.signal),
          results: stoppableStore(results, clock.signal),
          captures,
          queue,
          scratch,
          receives,
          shardDays: Number(process.env.FLOWSTITCH_SHARD_DAYS) || undefined,
          timeLeft: () => lambda.getRemainingTimeInMillis() - STOP_MS,
          signal: clock.signal,
          onCapture: (capture) => logger.info('reading', { capture }),
          onBehind: (reason) => logger.warn('the log of the results does not show the job yet', { reason }),
          requests: requestTotals,
        } satisfies TaskContext,
        message,
        () => stageWork,
      );
      tell(report);
      if (report.ended) {
        const { dataset } = report.job.config;
        await takeTurn(work, queue, dataset);
        await tellEnds(dataset);
      }
    }
    lease.end();
  } catch (caught) {
    const error = clock.signal.aborted ? clock.signal.reason : caught;
    if (error instanceof OtherVersion) {
      logger.warn(error.message);
      await endForVersion(work, queue, { job, stage, task }, error);
      lease.end();
      return;
    }
    const note = failureNote(error, receives, earlier);
    await leaveNote(work, message, note);
    if (isTooLarge(note)) {
      await giveUp(message, note);
      lease.end();
      return;
    }
    await lease.release(receives);
    throw error;
  } finally {
    clock.stop();
    endWatch();
    await removeScratch(scratch);
  }
}

/** Ends a task that another attempt would not help, without its remaining attempts. */
async function giveUp(message: TaskMessage, note: FailureNote): Promise<void> {
  logger.error('given up', { ...message, ...note });
  measure('TasksGivenUp', 'count', 1);
  if (!(await failTooLarge(work, queue, message, note))) return;
  const { dataset } = (await loadJobFile(work, message.job)).config;
  await takeTurn(work, queue, dataset);
  await tellEnds(dataset);
}

/** Stops a task whose time runs out, so that it fails with a named error rather than being killed without one. */
class Clock {
  private readonly stopper = new AbortController();
  private readonly timers: NodeJS.Timeout[];
  readonly signal = this.stopper.signal;

  constructor(lambda: Context, { job, stage, task }: TaskMessage) {
    const left = lambda.getRemainingTimeInMillis();
    const seconds = Math.round((left - STOP_MS) / 1000);
    const reason = new OutOfTime(
      `${stage} task ${task} of job ${job} did not finish within ${seconds} s, the time limit of its function`,
    );
    this.timers = [
      setTimeout(() => this.stopper.abort(reason), Math.max(0, left - STOP_MS)),
      setTimeout(() => this.exit(reason), Math.max(0, left - EXIT_MS)),
    ];
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }

  /** The task has not stopped: in a frozen process it would continue beside the next task. */
  private exit(reason: Error): void {
    logger.critical('out of time', reason);
    process.exit(1);
  }
}

/** One log line per task, and its figures as metrics. */
function tell({ done, fresh, instead, began, ended }: TaskReport): void {
  if (done === null || !fresh) {
    logger.info(instead ?? 'done before', { began });
    return;
  }
  if (!done.ok) {
    logger.warn('another attempt has recorded the task as failed', { reason: done.reason, began, ended });
    return;
  }
  const { seconds, cpuSeconds, requests = {} } = done;
  const packets = (done.result as Partial<Extract<Done<'map'>, { ok: true }>['result']>).records ?? 0;
  logger.info('done', { seconds, cpuSeconds, packets, requests, began, ended });
  measure('TaskSeconds', 'seconds', seconds);
  measure('BytesRead', 'bytes', requests.bytesRead ?? 0);
  measure('BytesWritten', 'bytes', requests.bytesWritten ?? 0);
  if (packets > 0) measure('Packets', 'count', packets);
}
