/** Results in a folder: the current jobs, and a job's tables opened for queries. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type CurrentJob, wrongFile } from '../job/dataset/currentjob.ts';
import { currentKey } from '../job/protocol/keys.ts';
import { DirectoryStore } from '../store/directorystore.ts';
import { getJson } from '../store/jsonobject.ts';
import { type OpenTables, openResults, type ResultFiles } from './results.ts';

/** The newest committed job of each data set in a folder, by name; none where there is no such folder. */
export async function currentJobs(folder: string): Promise<Map<string, CurrentJob>> {
  const store = new DirectoryStore(resolve(folder));
  const jobs = new Map<string, CurrentJob>();
  for (const name of await readdir(join(folder, 'datasets')).catch(() => [])) {
    if (!/^[A-Za-z0-9_-]+$/.test(name)) continue;
    const job = await getJson<CurrentJob>(store, currentKey(name));
    if (job !== undefined) jobs.set(name, job);
  }
  return jobs;
}

/** @throws Error when a file of the tables is missing, or has another size */
export async function checkFiles(folder: string, { fileBytes = {} }: CurrentJob): Promise<void> {
  const wrong = await wrongFile(new DirectoryStore(resolve(folder)), fileBytes);
  if (wrong === undefined) return;
  const { key, written, found } = wrong;
  const what = found === undefined ? 'is missing' : `has ${found} bytes, not the ${written} that were written`;
  throw new Error(`${join(folder, key)} ${what}: repeat the same run to make the tables again`);
}

/**
 * Does something with the tables of the newest job; once again where it fails, and there is a newer one by then: a run that
 * has ended meanwhile removes the files that its results do not need.
 * @param newest looks which job is the newest
 * @throws what `use` throws
 */
export async function overNewest<T>(
  newest: () => Promise<CurrentJob>,
  use: (job: CurrentJob) => Promise<T>,
): Promise<T> {
  const job = await newest();
  try {
    return await use(job);
  } catch (error) {
    const newer = await newest();
    if (newer.job === job.job) throw error;
    return use(newer);
  }
}

/** A job's tables, ready for queries. @throws as openResults does */
export async function openJob(folder: string, { files }: CurrentJob): Promise<OpenTables> {
  const store = new DirectoryStore(resolve(folder));
  const paths: ResultFiles = Object.fromEntries(
    Object.entries(files).map(([table, keys]) => [table, keys.map((key) => store.path(key))]),
  );
  return openResults(paths);
}
