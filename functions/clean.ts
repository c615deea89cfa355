/**
 * The clean function: removes what no current results need. It is started by its schedule, by whoever asks for a cleaning,
 * and by the end of each job, behind which a cleaning may be due.
 */
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { Context, EventBridgeEvent } from 'aws-lambda';
import { cleanDue, setDue } from '../shared/control/dataset/duecleanings.ts';
import { CLEANING_EVENT, EVENT_SOURCE } from '../shared/control/jobended.ts';
import { cleaningKey } from '../shared/job/protocol/keys.ts';
import { results, work } from './environment.ts';
import { logger, measure, publishMeasures } from './log.ts';
import { eventBridge } from './schedule.ts';

/** Time reserved for the request under way and for going on in another invocation, milliseconds. */
const SPARE_MS = 60_000;

/** @throws Error when it cannot go on: EventBridge tries again, and then the schedule does */
export async function handler(event: Partial<EventBridgeEvent<string, unknown>>, lambda: Context): Promise<void> {
  logger.addContext(lambda);
  if (event['detail-type'] === 'Scheduled Event') await setDue(work, cleaningKey('schedule'), { keepJobs: 0 });
  const report = await cleanDue(work, results, Date.now(), () => lambda.getRemainingTimeInMillis() > SPARE_MS);
  logger.info('cleaned', { ...report });
  for (const problem of report.problems) logger.error('what was forgotten is there again', { problem });
  measure('ObjectsRemoved', 'count', report.objects);
  measure('CleaningFailed', 'count', report.problems.length);
  publishMeasures();
  if (report.stopped === 'time') await goOn();
}

async function goOn(): Promise<void> {
  const Detail = JSON.stringify({ stack: process.env.FLOWSTITCH_STACK });
  const { FailedEntryCount } = await eventBridge.send(
    new PutEventsCommand({ Entries: [{ Source: EVENT_SOURCE, DetailType: CLEANING_EVENT, Detail }] }),
  );
  if (FailedEntryCount !== 0) throw new Error('EventBridge did not take the event by which cleaning goes on');
}
