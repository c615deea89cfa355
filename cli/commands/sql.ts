/** flowstitch sql: a query over the newest committed results. */
import { stat } from 'node:fs/promises';
import type { CurrentJob } from '../../shared/job/currentjob.ts';
import type { Options, OptionValues } from '../../shared/job/optiondescription.ts';
import type { QueryResult } from '../../shared/query/results.ts';
import { formatCsv, formatJson, formatTable } from '../../shared/query/resulttext.ts';
import { shellWord } from '../../shared/text/shellword.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { interruptibly } from '../signals.ts';
import { commandName } from '../text/format.ts';
import { terminalOf } from '../text/liveline.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';
import { UsageError } from '../usage/usage.ts';

const OPTIONS = {
  data: {
    value: 'FOLDER|s3://...',
    meaning: "results of flowstitch run, the pipeline's bucket of results (s3://BUCKET/), or a prefix with results",
  },
  dataset: { value: 'NAME', meaning: 'data set, where there are several' },
  query: { value: 'NAME', meaning: 'run a saved query', choices: SAVED_QUERIES.map(({ name }) => name) },
  queries: { meaning: 'list the saved queries' },
  csv: { meaning: 'print CSV; on a terminal control characters are shown as \\xNN' },
  ...JSON_OPTION,
} as const satisfies Options;

export const COMMAND = defineCommand({
  name: 'sql',
  group: 'local',
  operands: {
    usage: '["SELECT ..."]',
    least: 0,
    most: 1,
    wanted: 'give one query, in quotes',
  },
  needs: '--data FOLDER|s3://...',
  summary: 'query the newest results',
  description: [
    'Runs one query over the tables of the newest finished job: sessions, captures, anomalies, and packets where the job was run with --packets.',
    `Views of the sessions in other dialects: ${VIEWS.map(({ name }) => name).join(', ')}. "describe sessions" lists the columns of a table or view.`,
  ],
  options: OPTIONS,
  notes: [
    "A condition on dt, the day of a session's start (YYYY-MM-DD), leaves the files of other days unread.",
    "Of results in S3, the files that a query needs are downloaded and kept in $XDG_CACHE_HOME or ~/.cache, up to $FLOWSTITCH_CACHE_GB gigabytes (default: 10). Where $FLOWSTITCH_HTTPFS names the file of DuckDB's extension httpfs, DuckDB reads parts of them instead, and nothing is kept.",
  ],
  examples: [
    ['sql "select proto, count(*) from sessions group by all" --data results/', 'a query over results on disk'],
    ['sql --query scans --data s3://RESULTS/ --csv', 'a saved query over those of the pipeline, as CSV'],
    ['sql "describe sessions" --data results/', 'the columns of a table'],
  ],
  run: answer,
});

/** The saved queries, a line each. */
function listQueries(): string {
  const width = Math.max(...SAVED_QUERIES.map(({ name }) => name.length));
  return SAVED_QUERIES.map(({ name, description }) => `${name.padEnd(width)}  ${description}\n`).join('');
}

/** @throws UsageError when there is none of that name */
function savedQuery(name: string): string {
  const query = SAVED_QUERIES.find((candidate) => candidate.name === name);
  if (query !== undefined) return query.sql;
  throw new UsageError(`sql: there is no saved query '${name}'; ${commandName()} sql --queries lists them`);
}

/**
 * The newest committed job of a folder.
 * @param dataset undefined: the only one there is
 * @throws UsageError when there is none, or several to choose from
 */
export async function currentJob(folder: string, dataset?: string): Promise<CurrentJob> {
  if ((await stat(folder).catch(() => undefined))?.isDirectory() !== true)
    throw new UsageError(`there is no folder ${folder}`);
  const { currentJobs } = await import('../../shared/query/folderresults.ts');
  return chooseJob(folder, await currentJobs(folder), dataset, `run CAPTURES --out ${shellWord(folder)}`)[1];
}

/**
 * The job that is asked for, with the name of its data set.
 * @param how the command that makes results where there are none
 */
function chooseJob(
  place: string,
  jobs: ReadonlyMap<string, CurrentJob>,
  dataset: string | undefined,
  how: string,
): [dataset: string, job: CurrentJob] {
  if (jobs.size === 0) throw new UsageError(`${place} has no finished results yet: ${commandName()} ${how} makes them`);
  const names = [...jobs.keys()].sort().join(', ');
  if (dataset === undefined && jobs.size > 1)
    throw new UsageError(`${place} has the data sets ${names}: choose with --dataset`);
  const [name] = dataset === undefined ? jobs.keys() : [dataset];
  const job = jobs.get(name);
  if (job === undefined)
    throw new UsageError(`${place} has no finished results of a data set '${dataset}'; it has ${names}`);
  return [name, job];
}

/** Runs one query over a job's tables. @throws DuckDB's error, which names the place in the SQL */
export async function queryJob(folder: string, job: CurrentJob, query: string): Promise<QueryResult> {
  const { openJob } = await import('../../shared/query/folderresults.ts');
  const open = await openJob(folder, job);
  try {
    return await open.runQuery(query);
  } finally {
    open.close();
  }
}

async function answer(values: OptionValues<typeof OPTIONS>, operands: readonly string[]): Promise<number> {
  if (values.queries) {
    print(listQueries());
    return 0;
  }
  const given = values.query === undefined ? operands : [...operands, savedQuery(values.query)];
  if (given.length !== 1) throw new UsageError('sql: give one query, in quotes or with --query');
  if (!values.data) throw new UsageError('sql: no results given: name their folder or bucket with --data');
  if (values.csv && values.json) throw new UsageError('sql: --csv or --json, not both');
  const [query] = given;
  const ask = values.data.startsWith('s3://') ? queryS3 : queryFolder;
  const { data, dataset } = values;
  const result = await interruptibly(() => ask(data, dataset, query));
  if (values.csv) print(formatCsv(result, process.stdout.isTTY === true));
  else print(values.json ? formatJson(result) : formatTable(result));
  return 0;
}

async function queryFolder(folder: string, dataset: string | undefined, query: string): Promise<QueryResult> {
  const job = await currentJob(folder, dataset);
  const { checkFiles } = await import('../../shared/query/folderresults.ts');
  await checkFiles(folder, job);
  notePackets(job, query, 'run');
  return queryJob(folder, job, query);
}

async function queryS3(place: string, dataset: string | undefined, query: string): Promise<QueryResult> {
  // Loaded when it is needed: AWS's SDK takes a second.
  const { S3Results } = await import('../sql/s3results.ts');
  const results = new S3Results(place, terminalOf(process.stderr));
  const jobs = await results.currentJobs();
  const [name, job] = chooseJob(place, jobs, dataset, 'submit s3://CAPTURES/PREFIX/');
  notePackets(job, query, 'submit');
  return results.query(name, job, query);
}

function notePackets({ files }: CurrentJob, query: string, command: string): void {
  if (files.packets.length === 0 && /\bpackets\b/i.test(query))
    process.stderr.write(`note: the table packets is empty; flowstitch ${command} --packets fills it\n`);
}
