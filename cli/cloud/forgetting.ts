/** flowstitch forget in a pipeline. */
import { type Choice, type Forgetting, planForgetting } from '../../shared/control/dataset/forget.ts';
import { heldCaptures } from '../../shared/control/dataset/heldcaptures.ts';
import { startForgetting } from '../../shared/control/dataset/startforgetting.ts';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import { parseS3Url } from '../../shared/store/aws/s3url.ts';
import { printableJson } from '../../shared/text/printable.ts';
import { forgettingText, told } from '../text/forgettingtext.ts';
import { commandName } from '../text/format.ts';
import { print } from '../text/output.ts';
import { UsageError } from '../usage/usage.ts';
import { printEnd } from './jobend.ts';
import type { Pipeline } from './pipeline.ts';
import { requireSameVersion } from './sameversion.ts';

/** Says what would be forgotten, or starts it. @returns the exit code */
export async function forgetInCloud(
  pipeline: Pipeline,
  dataset: string | undefined,
  choice: Choice,
  { yes, wait, json = false }: { yes?: boolean; wait?: boolean; json?: boolean },
): Promise<number> {
  const { work, results, queue } = pipeline;
  if ('hosts' in choice)
    throw new UsageError(
      'forget: --host works on folders of flowstitch run; in a pipeline forget captures, with --before or --capture',
    );
  if (dataset === undefined)
    throw new UsageError(`forget: say which data set with --dataset; ${commandName()} datasets lists them`);
  if (yes) requireSameVersion(pipeline, 'forget');
  const held = await heldCaptures(work, results, dataset);
  if (held === undefined) throw new UsageError(`there are no finished results of a data set '${dataset}'`);
  const forgetting = await planForgetting(work, dataset, held, choice);
  await requireReadable(pipeline, forgetting);
  if (!yes) {
    if (json) print(`${printableJson({ done: false, ...told(forgetting) })}\n`);
    else print(`${forgettingText(forgetting, dataset)}nothing has been changed: --yes does it\n`);
    return 0;
  }
  const source = { prefix: null, by: 'submit' } as const;
  const { job, state } = await startForgetting(work, queue, dataset, held.job, forgetting, source);
  if (state === 'done') await pipeline.startCleaning();
  const follow = wait === true && state !== 'done';
  if (json) {
    if (!follow) print(`${printableJson({ done: state === 'done', job, state, ...told(forgetting) })}\n`);
  } else {
    const text = `${forgettingText(forgetting, dataset)}${stateText(job, state)}\n`;
    if (follow) process.stderr.write(text);
    else print(`${text}\nnext: ${commandName()} status ${job}${state === 'done' ? '' : ' --watch'}\n`);
  }
  return follow ? printEnd(pipeline, job, json) : 0;
}

function stateText(job: string, state: 'began' | 'waits' | 'done'): string {
  if (state === 'done') return `job ${job} was done before; what holds packets of forgotten captures is removed now`;
  return `job ${job} has been started; once it is committed, what holds packets of forgotten captures is removed`;
}

/** Captures whose packets lie in objects together with forgotten ones are read again. @throws Error for one that is gone */
async function requireReadable({ s3 }: Pipeline, { again }: Forgetting): Promise<void> {
  for (const { name, location, version } of again) {
    const { bucket, prefix: key } = parseS3Url(location);
    if ((await new S3Store(s3, bucket).head(key))?.version !== version)
      throw new UsageError(
        `${name} cannot be read any more as it was, and its packets are in one object with some to be forgotten: ` +
          'put it back, or forget it too',
      );
  }
}
