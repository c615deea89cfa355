/** flowstitch submit: a job in the cloud over the captures of a prefix. */

import { recommitJob, type Submitted, submitJob } from '../../shared/control/operate.ts';
import { turnsOf } from '../../shared/control/turns.ts';
import type { CurrentJob } from '../../shared/job/currentjob.ts';
import { CLOUD_SIZES } from '../../shared/job/jobconfig.ts';
import { currentKey } from '../../shared/job/keys.ts';
import { JOB_OPTIONS, type JobOptions, jobConfig, jobOptions } from '../../shared/job/options.ts';
import { checkBucketRegion, type ListedCaptures, listCaptures, parseS3Url } from '../../shared/store/aws/s3list.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { datasetOf } from '../../shared/upload/watchedprefixes.ts';
import { findPipeline, type Pipeline, requireSameVersion, STACK_OPTION } from '../cloud/pipeline.ts';
import { bytesText, commandName, counted } from '../text/format.ts';
import { print } from '../text/output.ts';
import { skippedText } from '../usage/joboptions.ts';
import { readOptions } from '../usage/options.ts';
import { UsageError } from '../usage/usage.ts';
import { printEnd } from './status.ts';

/** Captures that cannot be read, listed by name. */
const LISTED = 20;

/** A job as it was asked for. */
export interface Submission extends Submitted {
  dataset: string;
  /** The job that it waits for. */
  behind: string | null;
  /** It had been committed before, and its tables are made the newest again. */
  shownAgain: boolean;
  captures: number;
  /** Stored bytes. */
  bytes: number;
  skipped: ListedCaptures['skipped'];
  /** Captures that are known not to be readable, with the remedy. */
  refused: { capture: string; reason: string; detail: string }[];
  /** Captures beside the folder whose name the prefix seems to be. */
  besides: number;
}

/** @returns the exit code */
export async function submit(args: string[]): Promise<number> {
  const { values, positionals } = readOptions('submit', args, {
    ...JOB_OPTIONS,
    ...STACK_OPTION,
    'requester-pays': { type: 'boolean' },
    wait: { type: 'boolean' },
    json: { type: 'boolean' },
  });
  if (positionals.length !== 1) throw new UsageError('submit: which captures? Name one prefix, as s3://BUCKET/PREFIX/');
  const [place] = positionals;
  parseS3Url(place);
  const options = jobOptions(values);
  const pipeline = await findPipeline(values.stack);
  requireSameVersion(pipeline, 'submit');
  const submission = await submitPrefix(pipeline, place, options, values['requester-pays'] ?? false);
  const { job, state } = submission;
  const waits = (values.wait ?? false) && state !== 'ended';
  if (values.json) {
    if (!waits) print(`${printableJson(submission)}\n`);
  } else if (waits) process.stderr.write(submissionText(submission, place, false));
  else print(submissionText(submission, place, true));
  if (waits) return printEnd(pipeline, job, values.json ?? false);
  return state === 'ended' ? 1 : 0;
}

/**
 * Lists the captures of a prefix and asks for a job over them.
 * @throws StoreError, UsageError when there is nothing to be read there
 */
export async function submitPrefix(
  pipeline: Pipeline,
  place: string,
  options: JobOptions,
  requesterPays: boolean,
): Promise<Submission> {
  const { work, queue, s3, capturesBucket, results } = pipeline;
  const { bucket, prefix } = parseS3Url(place);
  await checkBucketRegion(s3, bucket);
  const { captures, skipped } = await listCaptures(s3, bucket, prefix, { requesterPays });
  const refused = captures.flatMap(({ name, refused }) => (refused ? [{ capture: name, ...refused }] : []));
  if (captures.length === 0) throw new UsageError(nothingThere(place, skipped));
  if (refused.length === captures.length)
    throw new UsageError(`no capture under ${place} can be read as it is: ${refused[0].detail}`);
  const dataset = options.dataset ?? datasetOf(bucket, prefix, capturesBucket);
  const config = await jobConfig(work, dataset, options, CLOUD_SIZES);
  const source = { prefix: `s3://${bucket}/${prefix}`, by: 'submit' } as const;
  let submitted = await submitJob(work, queue, config, captures, source);
  const shownAgain =
    submitted.state === 'committed' && (await getJson<CurrentJob>(results, currentKey(dataset)))?.job !== submitted.job;
  if (shownAgain) submitted = await recommitJob(work, queue, submitted.job);
  return {
    ...submitted,
    dataset,
    behind: submitted.state === 'waits' ? (await turnsOf(work, dataset)).running : null,
    shownAgain,
    captures: captures.length,
    bytes: captures.reduce((sum, { size }) => sum + size, 0),
    skipped,
    refused,
    besides: besidesFolder(
      prefix,
      captures.map(({ name }) => name.slice(`s3://${bucket}/`.length)),
    ),
  };
}

function nothingThere(place: string, skipped: ListedCaptures['skipped']): string {
  const only = skippedText(skipped);
  return `there are no captures under ${place}: ${only === '' ? 'no object has a key that begins so; is the prefix right?' : `only ${only}`}`;
}

/** Of a prefix that names a folder without its slash, the keys that begin with it and are not in the folder. */
function besidesFolder(prefix: string, keys: readonly string[]): number {
  if (prefix === '' || prefix.endsWith('/')) return 0;
  const inside = keys.filter((key) => key.startsWith(`${prefix}/`)).length;
  return inside === 0 ? 0 : keys.length - inside;
}

/** @param next whether to say what to type next */
export function submissionText(submission: Submission, place: string, next: boolean): string {
  const { job, dataset, captures, bytes, skipped, refused, besides } = submission;
  const passedOver = skippedText(skipped);
  const lines = [
    `${counted(captures, 'capture')}, ${bytesText(bytes)} under ${printable(place)}${passedOver === '' ? '' : `; passed over: ${passedOver}`}`,
  ];
  if (besides > 0)
    lines.push(
      `note: ${counted(besides, 'capture')} of these ${besides === 1 ? 'lies' : 'lie'} beside the folder; ${printable(place)}/ is the folder alone`,
    );
  if (refused.length > 0) {
    lines.push(`${counted(refused.length, 'capture')} cannot be read, and will be named as failed:`);
    for (const { detail } of refused.slice(0, LISTED)) lines.push(`  ${printable(detail)}`);
    if (refused.length > LISTED) lines.push(`  and ${refused.length - LISTED} more`);
  }
  lines.push(`data set ${dataset}, job ${job}: ${stateSentence(submission)}`);
  if (next) {
    const command = submission.state === 'ended' ? `resume ${job}` : `status ${job} --watch`;
    lines.push('', `next: ${commandName()} ${command}`);
  }
  return `${lines.join('\n')}\n`;
}

function stateSentence({ state, behind, shownAgain, refused }: Submission): string {
  const again = shownAgain ? 'was done before; its tables become the newest again' : '';
  if (state === 'waits') {
    const turn = `waits for its turn${behind === null ? '' : ` behind job ${behind}`}`;
    return again === '' ? turn : `${again}; ${turn}`;
  }
  if (state === 'began') return again || 'began';
  if (state === 'ended') return 'had failed or was cancelled before; resume goes on with it';
  return `was done before${refused.length > 0 ? '; where captures can be read by now, resume tries them again' : ''}`;
}
