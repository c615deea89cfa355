/** Captures that a data set keeps although they are gone: a job must not lose their sessions without a word. */
import { JobError } from '../../job/context.ts';
import { datasetCaptures } from '../../job/dataset/datasetcaptures.ts';
import type { Job } from '../../job/jobconfig.ts';
import type { CaptureOutcome } from '../../job/tasks/maptask.ts';
import type { ObjectStore } from '../../store/objectstore.ts';

/**
 * Checks that of each capture that the current results have sessions of, and that the job keeps, the packets were found.
 * @throws JobError when they were not: the job would take these sessions out of the results
 */
export async function checkKept(
  store: ObjectStore,
  job: Job,
  outcomes: readonly { outcome: CaptureOutcome }[],
): Promise<void> {
  const lost = outcomes.filter(({ outcome: { capture, failure } }) => capture.kept === true && failure !== null);
  if (lost.length === 0) return;
  const { dataset } = job.config;
  const has = new Map((await datasetCaptures(store, dataset)).map(({ name, version }) => [name, version]));
  const held = lost.filter(({ outcome: { capture } }) => has.get(capture.name) === capture.version);
  if (held.length === 0) return;
  const [{ capture, failure }] = held.map(({ outcome }) => outcome);
  throw new JobError(
    `data set ${dataset} has sessions of ${held.length} ${held.length === 1 ? 'capture that' : 'captures that'} cannot be read any more and whose shards are gone, ` +
      `${capture.name} among them (${failure?.detail}). This job would remove these sessions: the results stay as they are. ` +
      'Without them, over what is there now, a job is started by flowstitch submit --exact, or by flowstitch run without --add',
    job.job,
    'balance',
    0,
  );
}
