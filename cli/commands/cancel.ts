/** flowstitch cancel: stops a job within one task's time. */
import { cancelJob } from '../../shared/control/operate.ts';
import { jobStatus } from '../../shared/control/status.ts';
import { hasOurRevisions } from '../../shared/job/revisions.ts';
import type { TaskQueue } from '../../shared/queue/taskqueue.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { findPipeline, STACK_OPTION } from '../cloud/pipeline.ts';
import { commandName } from '../text/format.ts';
import { print } from '../text/output.ts';
import { remainingText, stateText } from '../text/statustext.ts';
import { readOptions } from '../usage/options.ts';
import { oneJob } from './status.ts';

/** @returns the exit code */
export async function cancel(args: string[]): Promise<number> {
  const { values, positionals } = readOptions('cancel', args, STACK_OPTION);
  const id = oneJob('cancel', positionals);
  const { work, queue, version } = await findPipeline(values.stack);
  print(await cancelText(work, hasOurRevisions(version) ? queue : null, id));
  return 0;
}

/** Cancels a job and says what it leaves. @param queue as cancelJob takes it */
export async function cancelText(store: ObjectStore, queue: TaskQueue | null, id: string): Promise<string> {
  const stopped = await cancelJob(store, queue, id);
  const status = await jobStatus(store, id);
  const { job } = status.entry;
  if (!stopped) return `job ${job} had ended before: ${stateText(status)}\n`;
  return (
    `job ${job} is cancelled; tasks that run come to their end. Left to do: ${remainingText(status)}\n\n` +
    `next: ${commandName()} resume ${job} goes on with it\n`
  );
}
