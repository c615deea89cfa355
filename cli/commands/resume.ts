/** flowstitch resume: repeats what failed in a job, or goes on with one that was cancelled. */

import { findJob, type Resumed, resumeJob } from '../../shared/control/operate.ts';
import { turnsOf } from '../../shared/control/turns.ts';
import type { TaskQueue } from '../../shared/queue/taskqueue.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { printableJson } from '../../shared/text/printable.ts';
import { findPipeline, requireSameVersion, STACK_OPTION } from '../cloud/pipeline.ts';
import { commandName, counted } from '../text/format.ts';
import { print } from '../text/output.ts';
import { readOptions } from '../usage/options.ts';
import { oneJob, printEnd } from './status.ts';

/** @returns the exit code */
export async function resume(args: string[]): Promise<number> {
  const { values, positionals } = readOptions('resume', args, {
    ...STACK_OPTION,
    wait: { type: 'boolean' },
    json: { type: 'boolean' },
  });
  const id = oneJob('resume', positionals);
  const pipeline = await findPipeline(values.stack);
  requireSameVersion(pipeline, 'resume');
  const { text, ...resumed } = await resumeText(pipeline.work, pipeline.queue, id);
  const { wait = false, json = false } = values;
  if (json && !wait) print(`${printableJson(resumed)}\n`);
  else if (wait) process.stderr.write(text);
  else print(text);
  return wait ? printEnd(pipeline, resumed.job, json) : 0;
}

/** Resumes a job. @returns what that led to, and what to say of it */
export async function resumeText(
  store: ObjectStore,
  queue: TaskQueue,
  id: string,
): Promise<Resumed & { text: string }> {
  const { dataset, job: named } = await findJob(store, id);
  const resumed = await resumeJob(store, queue, named);
  const { job, state, again } = resumed;
  if (state === 'nothing') return { ...resumed, text: `job ${job} was done whole: nothing is left to repeat\n` };
  const running = state === 'waits' ? (await turnsOf(store, dataset)).running : null;
  const how = state === 'began' ? 'goes on' : `waits for its turn${running === null ? '' : ` behind job ${running}`}`;
  const what = again > 0 ? ` with ${counted(again, 'capture')} that could not be read` : '';
  const sentence =
    job === named ? `job ${job} ${how}` : `job ${named} stays as it is; job ${job} tries again${what}: it ${how}`;
  return { ...resumed, text: `${sentence}\n\nnext: ${commandName()} status ${job} --watch\n` };
}
