/** flowstitch watch: prefixes whose uploads start jobs, once no more arrive or every so often. */
import { optionFlag } from '../../shared/job/options/optiondescription.ts';
import { type GivenOptions, JOB_OPTIONS, jobOptions } from '../../shared/job/options/options.ts';
import { durationOption, parseDuration } from '../../shared/job/options/optionvalues.ts';
import { formatTable } from '../../shared/query/resulttext.ts';
import { parseS3Url } from '../../shared/store/aws/s3url.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { shellWord } from '../../shared/text/shellword.ts';
import {
  DEFAULT_QUIET_SECONDS,
  datasetOf,
  getWatchedPrefix,
  listWatchedPrefixes,
  MOST_QUIET_SECONDS,
  putWatchedPrefix,
  removeWatchedPrefix,
  type StartTimes,
  type WatchedPrefix,
} from '../../shared/upload/watchedprefixes.ts';
import type { Pipeline } from '../cloud/pipeline.ts';
import { requireSameVersion } from '../cloud/sameversion.ts';
import { CREDENTIALS_NOTE, pipelineOf, STACK_OPTION } from '../cloud/stackoption.ts';
import { commandName } from '../text/format.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';
import { UsageError } from '../usage/usage.ts';

/** Allowed quiet times: upload times have whole seconds. */
const LEAST_QUIET_SECONDS = 1;
/** Least time between jobs that start by the clock: each lists all captures of its prefix. */
const LEAST_EVERY_SECONDS = 60;

export const COMMAND = defineCommand({
  name: 'watch',
  group: 'cloud',
  operands: {
    usage: '[s3://BUCKET/PREFIX]',
    least: 0,
    most: 1,
    wanted: 'give one prefix at a time, as s3://BUCKET/PREFIX/',
  },
  summary: 'start jobs automatically after uploads to a prefix',
  description: [
    "Makes uploads to a prefix of the pipeline's captures bucket start a job: once none has arrived for a while, or, where they never cease, every hour or so. Without a prefix it lists the watched prefixes.",
    'A job is over what lies under the prefix then, and what the data set has of captures that are gone from there.',
    'A marker object named _READY below a prefix starts a job too, whether the prefix is watched or not.',
  ],
  options: {
    'quiet-for': {
      value: 'TIME',
      meaning: `time without uploads before a job starts, as 90s or 5m, a bare number is seconds; up to ${quietText(MOST_QUIET_SECONDS)}`,
      default: quietText(DEFAULT_QUIET_SECONDS),
    },
    'at-least-every': {
      value: 'TIME',
      meaning:
        'start a job as often as this too, by the clock, while uploads go on without quiet; a bare number is seconds',
    },
    every: {
      value: 'TIME',
      meaning: `start jobs as often as this, by the clock, and only then, if something has arrived; a bare number is seconds, from ${quietText(LEAST_EVERY_SECONDS)} to ${quietText(MOST_QUIET_SECONDS)}`,
    },
    off: { meaning: 'stop watching a prefix or a data set' },
    ...JOB_OPTIONS,
    dataset: { ...JOB_OPTIONS.dataset, default: 'derived from the prefix' },
    ...JSON_OPTION,
    ...STACK_OPTION,
  },
  notes: [CREDENTIALS_NOTE],
  examples: [
    ['watch s3://CAPTURES/site-a/ --quiet-for 5m', 'a job five minutes after the last upload'],
    ['watch s3://CAPTURES/site-a/ --every 1h', 'a job on the hour, if something has arrived'],
    [
      'watch s3://CAPTURES/site-a/ --quiet-for 2m --at-least-every 1h',
      'for a sensor that may pause, or upload each minute',
    ],
    ['watch', 'list the watched prefixes'],
    ['watch --off s3://CAPTURES/site-a/', 'stop it'],
  ],
  async run(values, [place]) {
    const times = startTimes(values);
    jobOptions(values);
    if (values.off && place === undefined)
      throw new UsageError('watch: --off needs the prefix, as s3://BUCKET/PREFIX/, or the data set');
    if (place !== undefined && !values.off) parseS3Url(place);
    const pipeline = await pipelineOf(values);
    let said: string | undefined;
    if (values.off) said = await stopWatching(pipeline.work, place as string);
    else if (place !== undefined) {
      requireSameVersion(pipeline, 'watch');
      said = await startWatching(pipeline, place, times, givenJobOptions(values));
    }
    if (said !== undefined && !values.json) {
      print(said);
      return 0;
    }
    // As JSON, what is watched now, after a change too.
    const watched = await listWatchedPrefixes(pipeline.work);
    print(values.json ? `${printableJson(watched)}\n` : sourcesText(watched, pipeline.capturesBucket));
    return 0;
  },
});

/** The job options among all options given. */
function givenJobOptions(values: GivenOptions & Record<string, unknown>): GivenOptions {
  return Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(JOB_OPTIONS, name)));
}

/** Options as they are typed: ' --packets --tcp-timeout 5m'; empty where there are none. */
function optionsText(options: GivenOptions): string {
  return Object.entries(options)
    .filter(([, value]) => value !== false)
    .map(([name, value]) => ` ${optionFlag(name)}${value === true ? '' : ` ${value}`}`)
    .join('');
}

/** @throws UsageError */
function startTimes(given: { 'quiet-for'?: string; 'at-least-every'?: string; every?: string }): StartTimes {
  const { 'quiet-for': quiet, 'at-least-every': atLeast, every } = given;
  if (every !== undefined && (quiet ?? atLeast) !== undefined)
    throw new UsageError('watch: --every starts jobs by the clock alone; with --quiet-for give --at-least-every');
  const seconds = (text: string, option: string, least: number): number => {
    const value = Math.ceil(parseDuration(text, option) / 1e6);
    if (value >= least && value <= MOST_QUIET_SECONDS) return value;
    throw new UsageError(
      `watch: ${option} takes from ${quietText(least)} up to ${quietText(MOST_QUIET_SECONDS)}, not '${text}'`,
    );
  };
  if (every !== undefined) return { quietSeconds: null, everySeconds: seconds(every, '--every', LEAST_EVERY_SECONDS) };
  return {
    quietSeconds: quiet === undefined ? DEFAULT_QUIET_SECONDS : seconds(quiet, '--quiet-for', LEAST_QUIET_SECONDS),
    ...(atLeast !== undefined && { everySeconds: seconds(atLeast, '--at-least-every', LEAST_EVERY_SECONDS) }),
  };
}

/** When jobs start, in words. */
function timesText({ quietSeconds, everySeconds }: StartTimes): string {
  const every = everySeconds === undefined ? '' : `every ${quietText(everySeconds)}`;
  if (quietSeconds === null) return every;
  return `after ${quietText(quietSeconds)} of quiet${every === '' ? '' : `, at least ${every}`}`;
}

function quietText(seconds: number): string {
  return durationOption(seconds * 1e6);
}

/**
 * Makes uploads to a prefix start jobs of a data set.
 * @returns the message to print
 * @throws UsageError for a bucket without notifications of its uploads, and for a data set of another prefix
 */
export async function startWatching(
  { work, capturesBucket, stack }: Pick<Pipeline, 'work' | 'capturesBucket' | 'stack'>,
  place: string,
  times: StartTimes,
  given: GivenOptions,
): Promise<string> {
  const { bucket, prefix } = parseS3Url(place);
  if (bucket !== capturesBucket)
    throw new UsageError(
      `cannot watch ${place}: only uploads to the pipeline's own bucket, s3://${capturesBucket}/, notify it. Submit the prefix, ` +
        `or deploy stack ${stack} with that bucket as its captures bucket`,
    );
  const { dataset: wanted, ...options } = given;
  const dataset = wanted === undefined ? datasetOf(bucket, prefix, capturesBucket) : String(wanted);
  const known = await getWatchedPrefix(work, dataset);
  if (known !== undefined && !isSourceOf(known, bucket, prefix))
    throw new UsageError(
      `data set ${dataset} already watches ${sourcePlace(known)}: choose another name with --dataset, ` +
        `or stop that with ${commandName()} watch --off ${dataset}`,
    );
  await putWatchedPrefix(work, { dataset, bucket, prefix, ...times, options });
  return (
    `data set ${dataset}: uploads to ${printable(place)} start a job ${timesText(times)}\n` +
    `captures that are already there are read after the next upload, or with:\n\n` +
    `next: ${commandName()} submit ${shellWord(place)}${wanted === undefined ? '' : ` --dataset ${dataset}`}${optionsText(options)}\n`
  );
}

/**
 * Stops watching a prefix or a data set.
 * @returns the message to print
 * @throws UsageError when it is not watched
 */
export async function stopWatching(store: ObjectStore, named: string): Promise<string> {
  const sources = await listWatchedPrefixes(store);
  const place = named.startsWith('s3://') ? parseS3Url(named) : undefined;
  const ended = sources.filter((source) =>
    place === undefined ? source.dataset === named : isSourceOf(source, place.bucket, place.prefix),
  );
  if (ended.length === 0) throw new UsageError(`${named} is not watched; ${commandName()} watch lists what is`);
  for (const { dataset } of ended) await removeWatchedPrefix(store, dataset);
  return ended.map((source) => `data set ${source.dataset}: ${sourcePlace(source)} is no longer watched\n`).join('');
}

function isSourceOf(source: WatchedPrefix, bucket: string, prefix: string): boolean {
  return source.bucket === bucket && source.prefix === prefix;
}

function sourcePlace({ bucket, prefix }: WatchedPrefix): string {
  return printable(`s3://${bucket}/${prefix}`);
}

export function sourcesText(sources: readonly WatchedPrefix[], capturesBucket: string): string {
  if (sources.length === 0)
    return `nothing is watched: ${commandName()} watch s3://${capturesBucket}/PREFIX/ starts a job after uploads to a prefix\n`;
  const columns = ['data set', 'prefix', 'a job starts', 'options'].map((name) => ({ name, type: '' }));
  const rows = sources.map((source) => [
    source.dataset,
    sourcePlace(source),
    timesText(source),
    optionsText(source.options).trim(),
  ]);
  return formatTable({ columns, rows, truncated: false });
}
