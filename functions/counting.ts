/** Counts the requests that a function makes while it handles one message of a job. */
import { requestsSince, writeRequests } from '../shared/job/protocol/requestcounts.ts';
import { requestTotals, work } from './environment.ts';
import { logger } from './log.ts';

/** Handles a message, and writes what that cost. Counts that cannot be written are lost, and fail nothing. */
export async function counted(job: string, handle: () => Promise<void>): Promise<void> {
  const before = requestTotals();
  try {
    await handle();
  } finally {
    await writeRequests(work, job, requestsSince(before, requestTotals())).catch((error) =>
      logger.warn('requests could not be counted', error as Error),
    );
  }
}
