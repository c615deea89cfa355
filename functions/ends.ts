/**
 * Tells EventBridge of jobs that have ended: after the end is written, so after results are visible; at least once,
 * since a job stays in the index of running jobs until it has been told of, and the watchdog looks at that index.
 */
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { ENDED_EVENT, EVENT_SOURCE, type JobEnded, jobEnded } from '../shared/control/jobended.ts';
import { runningEntries, settleEnded } from '../shared/control/runningjobs.ts';
import { work } from './environment.ts';
import { logger } from './log.ts';
import { eventBridge } from './schedule.ts';

/** Tells of one job. @throws Error when EventBridge does not take it */
export async function tellEnd(dataset: string, job: string): Promise<void> {
  const ended = await jobEnded(work, dataset, job);
  if (ended === undefined) return;
  const detail = { stack: process.env.FLOWSTITCH_STACK, ...ended } satisfies JobEnded & { stack?: string };
  const { FailedEntryCount, Entries } = await eventBridge.send(
    new PutEventsCommand({
      Entries: [{ Source: EVENT_SOURCE, DetailType: ENDED_EVENT, Detail: JSON.stringify(detail) }],
    }),
  );
  if (FailedEntryCount === 0) return;
  const { ErrorCode, ErrorMessage } = Entries?.[0] ?? {};
  throw new Error(`EventBridge did not take the end of job ${job}: ${ErrorCode}: ${ErrorMessage}`);
}

/** Tells of a data set's jobs that have ended. What cannot be told now is left to the watchdog. */
export async function tellEnds(dataset: string): Promise<void> {
  try {
    const entries = (await runningEntries(work, dataset)).get(dataset) ?? [];
    await settleEnded(work, dataset, entries, tellEnd);
  } catch (error) {
    logger.warn('the end of a job could not be told', error as Error);
  }
}
