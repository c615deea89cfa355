/** The dead-letter function: records tasks that failed on every attempt as failed, so that their job moves on or ends. */
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { FailureNote } from '../shared/control/failures.ts';
import { findJob } from '../shared/control/operate.ts';
import { endForVersion } from '../shared/control/otherversion.ts';
import { failTask } from '../shared/control/task.ts';
import { takeTurn } from '../shared/control/turns.ts';
import { loadJobFile, OtherVersion, UnknownJob } from '../shared/job/context.ts';
import { soundOrDiscarded } from '../shared/job/protocol/fault.ts';
import { writeEnd } from '../shared/job/protocol/jobend.ts';
import { errorKey, jobKey } from '../shared/job/protocol/keys.ts';
import type { Stage } from '../shared/job/protocol/stageresults.ts';
import type { TaskMessage } from '../shared/queue/taskqueue.ts';
import { StoreError } from '../shared/store/objectstore.ts';
import { counted } from './counting.ts';
import { tellEnds } from './ends.ts';
import { queue, work } from './environment.ts';
import { logger, measure, publishMeasures } from './log.ts';
import { messageOf } from './stage.ts';

export async function handler(event: SQSEvent, lambda: Context): Promise<SQSBatchResponse> {
  logger.addContext(lambda);
  const failed: string[] = [];
  for (const record of event.Records) {
    try {
      const message = readable(record);
      if (message !== undefined) await counted(message.job, () => endTask(message));
    } catch (error) {
      logger.error('dead letter could not be processed', error as Error);
      failed.push(record.messageId);
    }
  }
  publishMeasures();
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}

/** The record's message; undefined when it is not a task message, which can only be logged. */
function readable(record: SQSRecord): TaskMessage | undefined {
  try {
    return messageOf(record);
  } catch (error) {
    logger.error('not a task message', error as Error);
    return undefined;
  }
}

async function endTask(message: TaskMessage): Promise<void> {
  const stage = message.stage as Stage;
  const known = await soundOrDiscarded<FailureNote>(work, errorKey(message.job, stage, message.task));
  const reason = known?.reason ?? 'its function ended without an error (out of memory, or killed); see its log';
  logger.error('given up', { ...message, reason });
  measure('TasksGivenUp', 'count', 1);
  try {
    const { config } = await loadJobFile(work, message.job);
    if (!(await failTask(work, queue, message, reason, known?.fault))) return;
    await takeTurn(work, queue, config.dataset);
    await tellEnds(config.dataset);
  } catch (error) {
    if (error instanceof OtherVersion) return endForVersion(work, queue, { ...message, stage }, error);
    if (error instanceof StoreError && error.reason === 'damaged' && error.key === jobKey(message.job)) {
      await writeEnd(work, message.job, {
        state: 'failed',
        stage,
        task: message.task,
        reason: error.message,
        damaged: error.key,
      });
      await takeTurn(work, queue, (await findJob(work, message.job)).dataset);
      return;
    }
    // The job's files have been removed: there is nothing left to continue.
    if (!(error instanceof UnknownJob)) throw error;
    logger.warn(error.message);
  }
}
