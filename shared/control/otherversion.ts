/** What happens to a job when another version of the software is deployed while it runs. */

import { loadJobFile, type OtherVersion } from '../job/context.ts';
import { writeEnd } from '../job/protocol/jobend.ts';
import type { Stage } from '../job/protocol/stageresults.ts';
import type { TaskQueue } from '../queue/taskqueue.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { takeTurn } from './turns.ts';

/** Ends the job: its tasks must not run by other rules. The next job of its data set may begin. */
export async function endForVersion(
  store: ObjectStore,
  queue: TaskQueue,
  { job, stage, task }: { job: string; stage: Stage; task: number },
  error: OtherVersion,
): Promise<void> {
  await writeEnd(store, job, { state: 'failed', stage, task, reason: error.message });
  await takeTurn(store, queue, (await loadJobFile(store, job)).config.dataset);
}
