/** The watchdog function: every few minutes while jobs run. */
import type { Context } from 'aws-lambda';
import { lookAfterJobs } from '../shared/control/watchdog.ts';
import { queue, work } from './environment.ts';
import { logger, measure, publishMeasures } from './log.ts';
import { startWatchdog, stopWatchdog } from './schedule.ts';

export async function handler(_event: unknown, lambda: Context): Promise<void> {
  logger.addContext(lambda);
  let { running, stalled } = await lookAfterJobs(work, queue, Date.now());
  if (running.length === 0) {
    await stopWatchdog();
    // A job may have begun in between, and turned the schedule on before it was turned off here.
    ({ running, stalled } = await lookAfterJobs(work, queue, Date.now()));
    if (running.length > 0) await startWatchdog();
  }
  for (const job of stalled) logger.error('no progress', job);
  measure('JobStalled', 'count', stalled.length);
  publishMeasures();
}
