/** Forgetting in a pipeline: the job over what is left, and the cleaning that is due behind it. */
import { loadJobFile } from '../../job/context.ts';
import { jobId } from '../../job/jobconfig.ts';
import { forgettingKey } from '../../job/protocol/keys.ts';
import type { TaskQueue } from '../../queue/taskqueue.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { cancelJob, recommitJob, resumeJob, submitJob } from '../operate.ts';
import type { JobSource } from '../start.ts';
import { turnsOf } from '../turns.ts';
import { setDue } from './duecleanings.ts';
import type { Forgetting } from './forget.ts';

export interface StartedForgetting {
  job: string;
  /** done: the job was committed before, and only its cleaning may be due. */
  state: 'began' | 'waits' | 'done';
}

/**
 * Notes the cleaning and starts the job. Where it is interrupted, doing it again goes on.
 * @param held the job whose results are the newest, from which it was planned
 * @throws Error when another job of the data set runs or waits: its captures would be lost, or bring back the forgotten ones
 */
export async function startForgetting(
  store: ObjectStore,
  queue: TaskQueue,
  dataset: string,
  held: string,
  { captures }: Pick<Forgetting, 'captures'>,
  source: JobSource,
): Promise<StartedForgetting> {
  const { retry: _, ...config } = (await loadJobFile(store, held)).config;
  const id = jobId(config, captures);
  await requireAlone(store, dataset, id);
  const note = (job: string): Promise<void> =>
    setDue(store, forgettingKey(job), { keepJobs: 0, forgets: { dataset, job } });
  await note(id);
  let { job, state } = await submitJob(store, queue, config, captures, source);
  if (state === 'committed' && job !== held) ({ job, state } = await recommitJob(store, queue, job));
  else if (state === 'ended') {
    const resumed = await resumeJob(store, queue, job);
    await note(resumed.job);
    job = resumed.job;
    state = resumed.state === 'nothing' ? 'committed' : resumed.state;
  }
  if (state === 'began' || state === 'waits')
    await requireAlone(store, dataset, job).catch(async (error: unknown) => {
      await cancelJob(store, queue, job);
      throw error;
    });
  return { job, state: state === 'began' || state === 'waits' ? state : 'done' };
}

async function requireAlone(store: ObjectStore, dataset: string, job: string): Promise<void> {
  const { running, waiting } = await turnsOf(store, dataset);
  const other = [running, ...waiting].find((one) => one !== null && one !== job);
  if (other !== undefined)
    throw new Error(
      `job ${other} of data set '${dataset}' runs or waits: nothing is forgotten meanwhile. When it has ended, or was cancelled, do it again`,
    );
}
