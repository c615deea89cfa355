/** flowstitch resume: retries what failed in a job, or continues one that was cancelled. */
import { findJob, type Resumed, resumeJob } from '../../shared/control/operate.ts';
import { turnsOf } from '../../shared/control/turns.ts';
import type { TaskQueue } from '../../shared/queue/taskqueue.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { printableJson } from '../../shared/text/printable.ts';
import { printEnd, WAIT_EXIT_CODES, WAIT_OPTION } from '../cloud/jobend.ts';
import { checkJobId, JOB_OPERAND } from '../cloud/joboperand.ts';
import { requireSameVersion } from '../cloud/sameversion.ts';
import { CREDENTIALS_NOTE, pipelineOf, STACK_OPTION } from '../cloud/stackoption.ts';
import { commandName, counted } from '../text/format.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';

export const COMMAND = defineCommand({
  name: 'resume',
  group: 'cloud',
  operands: JOB_OPERAND,
  summary: 'continue a job that failed or was cancelled',
  description: [
    'Continues a job that failed or was cancelled, and retries the tasks that failed. Where captures of a committed job could not be read, a new job tries those again and reuses everything else. In place of a job that was superseded, the one that has its captures is resumed.',
  ],
  options: { ...WAIT_OPTION, ...JSON_OPTION, ...STACK_OPTION },
  notes: [CREDENTIALS_NOTE],
  examples: [['resume 3f2a --wait', 'continue the job whose id begins with 3f2a, and follow it until it ends']],
  exitCodes: WAIT_EXIT_CODES,
  async run(values, [id]) {
    checkJobId('resume', id);
    const pipeline = await pipelineOf(values);
    requireSameVersion(pipeline, 'resume');
    const { text, ...resumed } = await resumeText(pipeline.work, pipeline.queue, id);
    const { wait = false, json = false } = values;
    if (json && !wait) print(`${printableJson(resumed)}\n`);
    else if (wait) process.stderr.write(text);
    else print(text);
    return wait ? printEnd(pipeline, resumed.job, json) : 0;
  },
});

/** Resumes a job. @returns the result, and the message to print */
export async function resumeText(
  store: ObjectStore,
  queue: TaskQueue,
  id: string,
): Promise<Resumed & { text: string }> {
  const { dataset, job: named } = await findJob(store, id);
  const resumed = await resumeJob(store, queue, named);
  const { job, state, again } = resumed;
  if (state === 'nothing') return { ...resumed, text: `job ${job} is complete: there is nothing to retry\n` };
  const running = state === 'waits' ? (await turnsOf(store, dataset)).running : null;
  const how = state === 'began' ? 'continues' : `queued${running === null ? '' : ` behind job ${running}`}`;
  const what = again > 0 ? `${counted(again, 'capture')} that could not be read` : '';
  const sentence =
    job === named
      ? `job ${job}: ${how}`
      : `job ${named} is left as it is; job ${job} retries ${what || 'it'}${state === 'began' ? '' : `, ${how}`}`;
  return { ...resumed, text: `${sentence}\n\nnext: ${commandName()} status ${job} --watch\n` };
}
