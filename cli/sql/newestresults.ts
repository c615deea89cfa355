/** Queries over the newest committed results, on disk or in S3. */
import { stat } from 'node:fs/promises';
import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import { checkFiles, currentJobs, openJob, overNewest } from '../../shared/query/folderresults.ts';
import type { QueryResult } from '../../shared/query/queryresult.ts';
import { shellWord } from '../../shared/text/shellword.ts';
import { commandName } from '../text/format.ts';
import { terminalOf } from '../text/liveline.ts';
import { UsageError } from '../usage/usage.ts';
import { answersOf } from './answer.ts';

/**
 * Answers SQL over the newest committed job: the result of each query in it.
 * @param data a folder, or s3://BUCKET/ with a prefix or none
 * @param dataset undefined: the only one there is
 * @throws UsageError when there are no such results; DuckDB's error, which names the place in the SQL
 */
export function queryResults(data: string, dataset: string | undefined, query: string): Promise<QueryResult[]> {
  return data.startsWith('s3://') ? queryS3(data, dataset, query) : queryFolder(data, dataset, query);
}

/**
 * The newest committed job of a folder.
 * @param dataset undefined: the only one there is
 * @throws UsageError when there is none, or several to choose from
 */
export async function currentJob(folder: string, dataset?: string): Promise<CurrentJob> {
  if ((await stat(folder).catch(() => undefined))?.isDirectory() !== true)
    throw new UsageError(`there is no folder ${folder}`);
  return chooseJob(folder, await currentJobs(folder), dataset, `run CAPTURES --out ${shellWord(folder)}`)[1];
}

/**
 * The chosen job, with the name of its data set.
 * @param how the command that produces results where there are none
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

/** The results of a query or several over a job's tables. @throws DuckDB's error, which names the place in the SQL */
export async function queryJob(folder: string, job: CurrentJob, query: string): Promise<QueryResult[]> {
  const open = await openJob(folder, job);
  try {
    return await answersOf(open, job, query, 'run');
  } finally {
    open.close();
  }
}

function queryFolder(folder: string, dataset: string | undefined, query: string): Promise<QueryResult[]> {
  return overNewest(
    () => currentJob(folder, dataset),
    async (job) => {
      await checkFiles(folder, job);
      return queryJob(folder, job, query);
    },
  );
}

async function queryS3(place: string, dataset: string | undefined, query: string): Promise<QueryResult[]> {
  // Loaded when it is needed: AWS's SDK takes a second.
  const { S3Results } = await import('./s3results.ts');
  const results = new S3Results(place, terminalOf(process.stderr));
  const jobs = await results.currentJobs();
  const [name, job] = chooseJob(place, jobs, dataset, 'submit s3://CAPTURES/PREFIX/');
  return results.query(name, job, query);
}
