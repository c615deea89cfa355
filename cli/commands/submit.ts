/** flowstitch submit: a job in the cloud over the captures of a prefix. */
import { grown } from '../../shared/control/growing.ts';
import { recommitJob, type Submitted, submitJob } from '../../shared/control/operate.ts';
import { type SharedCaptures, sharedCaptures } from '../../shared/control/sharedcaptures.ts';
import { turnsOf } from '../../shared/control/turns.ts';
import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import { jobConfig } from '../../shared/job/dataset/dataset.ts';
import { CLOUD_SIZES } from '../../shared/job/jobconfig.ts';
import { isForgotten } from '../../shared/job/notices/forgotten.ts';
import { JOB_OPTIONS, type JobOptions, jobOptions } from '../../shared/job/options/options.ts';
import { currentKey } from '../../shared/job/protocol/keys.ts';
import { isResult } from '../../shared/job/resultpath.ts';
import type { ListedCaptures } from '../../shared/store/aws/s3list.ts';
import { parseS3Url } from '../../shared/store/aws/s3url.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { datasetOf } from '../../shared/upload/watchedprefixes.ts';
import { printEnd, WAIT_EXIT_CODES, WAIT_OPTION } from '../cloud/jobend.ts';
import type { Pipeline } from '../cloud/pipeline.ts';
import { requireSameVersion } from '../cloud/sameversion.ts';
import { CREDENTIALS_NOTE, pipelineOf, STACK_OPTION } from '../cloud/stackoption.ts';
import { bytesText, commandName, counted } from '../text/format.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';
import { UsageError } from '../usage/usage.ts';

/** Captures that cannot be read, listed by name. */
const LISTED = 20;

/** A submitted job. */
export interface Submission extends Submitted {
  dataset: string;
  /** The job it is queued behind. */
  behind: string | null;
  /** It was committed before, and its tables are made current again. */
  shownAgain: boolean;
  /** All captures of the job. */
  captures: number;
  /** Those among them that the data set keeps although they do not lie under the prefix, or cannot be read any more. */
  kept: number;
  /** Stored bytes. */
  bytes: number;
  /** Other data sets that have some of these captures too. */
  shared: SharedCaptures[];
  skipped: ListedCaptures['skipped'];
  /** Captures known to be unreadable, with what to do. */
  refused: { capture: string; reason: string; detail: string }[];
  /** Captures beside the folder whose name the prefix seems to be. */
  besides: number;
}

export const COMMAND = defineCommand({
  name: 'submit',
  group: 'cloud',
  operands: {
    usage: 's3://BUCKET/PREFIX',
    least: 1,
    most: 1,
    wanted: 'give one prefix of captures, as s3://BUCKET/PREFIX/',
  },
  summary: 'start a job over the captures of a prefix',
  description: [
    'Starts a job over all captures whose keys begin with the prefix, and over those that the data set has from earlier jobs: sessions stay when their captures are removed or archived. What earlier jobs have made of them is used again. With --exact the job is over what lies under the prefix alone.',
    'The same captures and options are the same job, however often they are submitted. A data set runs one job at a time; further ones are queued, and one whose captures are all in a later one is not run.',
  ],
  options: {
    ...JOB_OPTIONS,
    dataset: { ...JOB_OPTIONS.dataset, default: 'derived from the prefix' },
    exact: {
      meaning: 'only what lies under the prefix: sessions of other captures leave the data set',
    },
    'requester-pays': { meaning: 'accept the request charges of a requester-pays bucket' },
    ...WAIT_OPTION,
    ...JSON_OPTION,
    ...STACK_OPTION,
  },
  notes: [CREDENTIALS_NOTE],
  examples: [
    ['submit s3://CAPTURES/site-a/ --wait', 'a job over a folder of captures, followed until it ends'],
    ['submit s3://CAPTURES/site-a/ --exact', 'without the sessions of captures that have been removed from there'],
    ['submit s3://CAPTURES/site-a/2026-11 --packets', 'captures whose keys begin with 2026-11, with the packets table'],
  ],
  exitCodes: WAIT_EXIT_CODES,
  async run(values, [place]) {
    parseS3Url(place);
    const options = jobOptions(values);
    const pipeline = await pipelineOf(values);
    requireSameVersion(pipeline, 'submit');
    const submission = await submitPrefix(pipeline, place, options, {
      requesterPays: values['requester-pays'],
      exact: values.exact,
    });
    const { job, state } = submission;
    const waits = (values.wait ?? false) && state !== 'ended';
    if (values.json) {
      if (!waits) print(`${printableJson(submission)}\n`);
    } else if (waits) process.stderr.write(submissionText(submission, place, false));
    else print(submissionText(submission, place, true));
    if (waits) return printEnd(pipeline, job, values.json ?? false);
    return state === 'ended' ? 1 : 0;
  },
});

/**
 * Lists the captures of a prefix and submits a job over them.
 * @throws StoreError, UsageError when there is nothing to read
 */
export async function submitPrefix(
  pipeline: Pipeline,
  place: string,
  options: JobOptions,
  { requesterPays, exact }: { requesterPays?: boolean; exact?: boolean } = {},
): Promise<Submission> {
  const { work, queue, s3, capturesBucket, results } = pipeline;
  const { checkBucketRegion, listCaptures } = await import('../../shared/store/aws/s3list.ts');
  const { bucket, prefix } = parseS3Url(place);
  checkBucket(pipeline, bucket);
  await checkBucketRegion(s3, bucket);
  const { captures: listed, skipped } = await listCaptures(s3, bucket, prefix, { requesterPays, isResult });
  if (listed.length === 0) throw new UsageError(nothingThere(place, skipped));
  const dataset = options.dataset ?? datasetOf(bucket, prefix, capturesBucket);
  const { captures, kept } = exact ? { captures: listed, kept: 0 } : await grown(work, dataset, listed);
  const refused = captures.flatMap(({ name, refused }) =>
    refused && !isForgotten({ refused }) ? [{ capture: name, ...refused }] : [],
  );
  if (refused.length === captures.length)
    throw new UsageError(`no capture under ${place} can be read: ${refused[0].detail}`);
  const shared = await sharedCaptures(work, dataset, captures);
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
    kept,
    shared,
    bytes: captures.reduce((sum, { size }) => sum + size, 0),
    skipped,
    refused,
    besides: besidesFolder(
      prefix,
      listed.map(({ name }) => name.slice(`s3://${bucket}/`.length)),
    ),
  };
}

/** @throws UsageError for a bucket that the pipeline itself writes to */
function checkBucket({ resultsBucket, workBucket, capturesBucket }: Pipeline, bucket: string): void {
  const what = bucket === resultsBucket ? 'results' : bucket === workBucket ? 'working files' : undefined;
  if (what === undefined) return;
  throw new UsageError(
    `s3://${bucket}/ holds the pipeline's ${what}, and no captures: name the bucket that they were uploaded to, as s3://${capturesBucket}/PREFIX/`,
  );
}

function nothingThere(place: string, skipped: ListedCaptures['skipped']): string {
  const only = skippedText(skipped);
  return `there are no captures under ${place}: ${only === '' ? 'no key begins with this prefix' : `only ${only}`}`;
}

/** Of a prefix that names a folder without its slash, the keys that begin with it and are not in the folder. */
function besidesFolder(prefix: string, keys: readonly string[]): number {
  if (prefix === '' || prefix.endsWith('/')) return 0;
  const inside = keys.filter((key) => key.startsWith(`${prefix}/`)).length;
  return inside === 0 ? 0 : keys.length - inside;
}

/** @param next whether to say what to type next */
export function submissionText(submission: Submission, place: string, next: boolean): string {
  const { job, dataset, captures, kept, shared, bytes, skipped, refused, besides } = submission;
  const passedOver = skippedText(skipped);
  const lines = [
    `${counted(captures, 'capture')}, ${bytesText(bytes)} ${kept === 0 ? '' : 'of the data set and '}under ${printable(place)}${passedOver === '' ? '' : `; skipped: ${passedOver}`}`,
  ];
  if (kept > 0)
    lines.push(
      `${counted(kept, 'capture')} of these cannot be read there now; the data set keeps ${kept === 1 ? 'its' : 'their'} sessions, and --exact leaves them out`,
    );
  for (const { dataset: other, captures: both } of shared)
    lines.push(
      `note: data set ${other} has ${counted(both, 'capture')} of these too: their sessions are in both, and a query over all data sets counts them twice`,
    );
  if (besides > 0)
    lines.push(
      `note: ${counted(besides, 'capture')} of these ${besides === 1 ? 'is' : 'are'} not in the folder; ${printable(place)}/ is the folder alone`,
    );
  if (refused.length > 0) {
    lines.push(`${counted(refused.length, 'capture')} cannot be read and will be reported as unreadable:`);
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
  const again = shownAgain ? 'was done before; its tables become current again' : '';
  if (state === 'waits') {
    const turn = `queued${behind === null ? '' : ` behind job ${behind}`}`;
    return again === '' ? turn : `${again}; ${turn}`;
  }
  if (state === 'began') return again || 'started';
  if (state === 'ended') return 'has failed or was cancelled; resume continues it';
  return `was done before${refused.length > 0 ? '; resume retries the captures that could not be read' : ''}`;
}

/** What a listing skipped; empty if nothing. */
function skippedText({ folders, empty, markers, hidden, results }: ListedCaptures['skipped']): string {
  const kinds: [number, string][] = [
    [folders, 'folder marker'],
    [empty, 'empty object'],
    [markers, '_READY marker'],
    [hidden, 'hidden object'],
    [results, 'result object'],
  ];
  return kinds
    .filter(([n]) => n > 0)
    .map(([n, what]) => counted(n, what))
    .join(', ');
}
