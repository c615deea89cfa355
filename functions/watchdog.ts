/** The watchdog function: every few minutes while jobs run. */
import type { Context } from 'aws-lambda';
import { catchUp } from '../shared/catalog/step.ts';
import { lookAfterJobs } from '../shared/control/watchdog.ts';
import { tellEnd } from './ends.ts';
import { queue, results, work } from './environment.ts';
import { logger, measure, publishMeasures } from './log.ts';
import { startWatchdog, stopWatchdog } from './schedule.ts';

export async function handler(_event: unknown, lambda: Context): Promise<void> {
  logger.addContext(lambda);
  let { running, stalled } = await lookAfterJobs(work, queue, Date.now(), tellEnd);
  const behind = await catchUp(work, results);
  if (running.length === 0 && behind.length === 0) {
    await stopWatchdog();
    // A job may have begun in between, and turned the schedule on before it was turned off here.
    ({ running, stalled } = await lookAfterJobs(work, queue, Date.now(), tellEnd));
    if (running.length > 0) await startWatchdog();
  }
  for (const job of stalled) logger.error('no progress', job);
  for (const each of behind) logger.error('the log of the results does not show a committed job', { ...each });
  measure('JobStalled', 'count', stalled.length);
  measure('CatalogBehind', 'count', behind.length);
  publishMeasures();
}
