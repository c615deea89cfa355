/** flowstitch cancel: stops a job within one task's time. */
import { cancelJob } from '../../shared/control/operate.ts';
import { jobStatus } from '../../shared/control/status.ts';
import { hasOurRevisions } from '../../shared/job/revisions.ts';
import type { TaskQueue } from '../../shared/queue/taskqueue.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { checkJobId, JOB_OPERAND } from '../cloud/joboperand.ts';
import { CREDENTIALS_NOTE, pipelineOf, STACK_OPTION } from '../cloud/stackoption.ts';
import { commandName } from '../text/format.ts';
import { print } from '../text/output.ts';
import { remainingText, stateText } from '../text/statustext.ts';
import { defineCommand } from '../usage/command.ts';

export const COMMAND = defineCommand({
  name: 'cancel',
  group: 'cloud',
  operands: JOB_OPERAND,
  summary: 'stop a job',
  description: [
    'Stops a job: running tasks finish, no further ones start, and the next job of the data set starts. Finished tasks are kept; resume continues from there.',
  ],
  options: STACK_OPTION,
  notes: [CREDENTIALS_NOTE],
  examples: [['cancel 3f2a', 'stop the job whose id begins with 3f2a']],
  async run(values, [id]) {
    checkJobId('cancel', id);
    const { work, queue, version } = await pipelineOf(values);
    print(await cancelText(work, hasOurRevisions(version) ? queue : null, id));
    return 0;
  },
});

/** Cancels a job and says what it leaves. @param queue as cancelJob takes it */
export async function cancelText(store: ObjectStore, queue: TaskQueue | null, id: string): Promise<string> {
  const stopped = await cancelJob(store, queue, id);
  const status = await jobStatus(store, id);
  const { job } = status.entry;
  if (!stopped) return `job ${job} has already ended: ${stateText(status)}\n`;
  return (
    `job ${job} is cancelled; running tasks finish. Remaining: ${remainingText(status)}\n\n` +
    `next: ${commandName()} resume ${job} continues it\n`
  );
}
