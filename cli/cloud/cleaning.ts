/** Cleaning in a pipeline, as commands ask for it. */
import type { Keeping } from '../../shared/control/dataset/clean.ts';
import { SETTLED_MS, setDue } from '../../shared/control/dataset/duecleanings.ts';
import { cleaningKey } from '../../shared/job/protocol/keys.ts';
import type { Pipeline } from './pipeline.ts';

/** Notes that a cleaning is due, and starts it. */
export async function askCleaning(pipeline: Pick<Pipeline, 'work' | 'startCleaning'>, keepJobs: number): Promise<void> {
  await setDue(pipeline.work, cleaningKey('asked'), { keepJobs });
  await pipeline.startCleaning();
}

/** What cleaning keeps, as the clean function does it now, or in a folder. */
export function keepingIn(place: string | Pipeline, jobs: number): Keeping {
  return typeof place === 'string' ? { jobs } : { jobs, since: Date.now() - SETTLED_MS, leaveUnknown: true };
}
