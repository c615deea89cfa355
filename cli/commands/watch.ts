/** flowstitch watch: prefixes whose captures start jobs by themselves once no more come. */
import { type GivenOptions, JOB_OPTIONS, jobOptions } from '../../shared/job/options.ts';
import { durationOption, parseDuration } from '../../shared/job/optionvalues.ts';
import { formatTable } from '../../shared/query/resulttext.ts';
import { parseS3Url } from '../../shared/store/aws/s3list.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { shellWord } from '../../shared/text/shellword.ts';
import {
  DEFAULT_QUIET_SECONDS,
  datasetOf,
  getSource,
  listSources,
  putSource,
  removeSource,
  type Source,
} from '../../shared/upload/watchedprefixes.ts';
import { findPipeline, type Pipeline, requireSameVersion, STACK_OPTION } from '../cloud/pipeline.ts';
import { commandName } from '../text/format.ts';
import { print } from '../text/output.ts';
import { givenJobOptions, optionsText } from '../usage/joboptions.ts';
import { readOptions } from '../usage/options.ts';
import { UsageError } from '../usage/usage.ts';

/** Quiet that can be asked for: the clock of uploads has seconds, and whoever wants less order has markers. */
const LEAST_QUIET_SECONDS = 1;
const MOST_QUIET_SECONDS = 7 * 86_400;

/** @returns the exit code */
export async function watch(args: string[]): Promise<number> {
  const { values, positionals } = readOptions('watch', args, {
    ...JOB_OPTIONS,
    ...STACK_OPTION,
    'quiet-for': { type: 'string' },
    off: { type: 'boolean' },
    json: { type: 'boolean' },
  });
  if (positionals.length > 1) throw new UsageError('watch: one prefix at a time, as s3://BUCKET/PREFIX/');
  const [place] = positionals;
  const quietSeconds = parseQuiet(values['quiet-for']);
  jobOptions(values);
  if (values.off && place === undefined)
    throw new UsageError('watch: --off for what? Name the prefix, as s3://BUCKET/PREFIX/, or the data set');
  if (place !== undefined && !values.off) parseS3Url(place);
  const pipeline = await findPipeline(values.stack);
  if (values.off) print(await stopWatching(pipeline.work, place));
  else if (place !== undefined) {
    requireSameVersion(pipeline, 'watch');
    print(await startWatching(pipeline, place, quietSeconds, givenJobOptions(values)));
  } else {
    const sources = await listSources(pipeline.work);
    print(values.json ? `${printableJson(sources)}\n` : sourcesText(sources, pipeline.capturesBucket));
  }
  return 0;
}

function parseQuiet(text: string | undefined): number {
  if (text === undefined) return DEFAULT_QUIET_SECONDS;
  const seconds = Math.ceil(parseDuration(text, 'quiet-for') / 1e6);
  if (seconds >= LEAST_QUIET_SECONDS && seconds <= MOST_QUIET_SECONDS) return seconds;
  throw new UsageError(`watch: --quiet-for takes up to ${quietText(MOST_QUIET_SECONDS)}, not '${text}'`);
}

const quietText = (seconds: number): string => durationOption(seconds * 1e6);

/**
 * Makes a data set automatic.
 * @returns what to say of it
 * @throws UsageError for a bucket that tells nobody of its uploads, and for a data set of another prefix
 */
export async function startWatching(
  { work, capturesBucket, stack }: Pick<Pipeline, 'work' | 'capturesBucket' | 'stack'>,
  place: string,
  quietSeconds: number,
  given: GivenOptions,
): Promise<string> {
  const { bucket, prefix } = parseS3Url(place);
  if (bucket !== capturesBucket)
    throw new UsageError(
      `cannot watch ${place}: only the pipeline's own bucket, s3://${capturesBucket}/, tells it of uploads. Submit the prefix, ` +
        `or deploy stack ${stack} with that bucket as its bucket of captures`,
    );
  const { dataset: wanted, ...options } = given;
  const dataset = wanted === undefined ? datasetOf(bucket, prefix, capturesBucket) : String(wanted);
  const known = await getSource(work, dataset);
  if (known !== undefined && !isSourceOf(known, bucket, prefix))
    throw new UsageError(
      `data set ${dataset} is made of ${sourcePlace(known)} by itself already: choose another name with --dataset, ` +
        `or end that with ${commandName()} watch --off ${dataset}`,
    );
  await putSource(work, { dataset, bucket, prefix, quietSeconds, options });
  return (
    `data set ${dataset}: a job starts by itself once nothing has come to ${printable(place)} for ${quietText(quietSeconds)}\n` +
    `what is there already waits for the next upload, or for:\n\n` +
    `next: ${commandName()} submit ${shellWord(place)}${wanted === undefined ? '' : ` --dataset ${dataset}`}${optionsText(options)}\n`
  );
}

/**
 * Ends it for a prefix or a data set.
 * @returns what to say of it
 * @throws UsageError when it is not automatic
 */
export async function stopWatching(store: ObjectStore, named: string): Promise<string> {
  const sources = await listSources(store);
  const place = named.startsWith('s3://') ? parseS3Url(named) : undefined;
  const ended = sources.filter((source) =>
    place === undefined ? source.dataset === named : isSourceOf(source, place.bucket, place.prefix),
  );
  if (ended.length === 0) throw new UsageError(`${named} is not watched; ${commandName()} watch lists what is`);
  for (const { dataset } of ended) await removeSource(store, dataset);
  return ended.map((source) => `data set ${source.dataset}: ${sourcePlace(source)} is watched no more\n`).join('');
}

function isSourceOf(source: Source, bucket: string, prefix: string): boolean {
  return source.bucket === bucket && source.prefix === prefix;
}

function sourcePlace({ bucket, prefix }: Source): string {
  return printable(`s3://${bucket}/${prefix}`);
}

export function sourcesText(sources: readonly Source[], capturesBucket: string): string {
  if (sources.length === 0)
    return `nothing is watched: ${commandName()} watch s3://${capturesBucket}/PREFIX/ makes a prefix start jobs by itself\n`;
  const columns = ['data set', 'prefix', 'quiet for', 'options'].map((name) => ({ name, type: '' }));
  const rows = sources.map((source) => [
    source.dataset,
    sourcePlace(source),
    quietText(source.quietSeconds),
    optionsText(source.options).trim(),
  ]);
  return formatTable({ columns, rows, truncated: false });
}
