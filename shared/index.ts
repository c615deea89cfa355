/**
 * The library: everything that may be imported from 'flowstitch', described in docs/library.md. What is not exported
 * here may change with any version.
 */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { addedTo, type HeldCaptures } from './control/dataset/heldcaptures.ts';
import { type LocalRunOptions, runLocally } from './engine/localrun.ts';
import { MOST_WORKERS } from './engine/protocol.ts';
import type { CurrentJob } from './job/dataset/currentjob.ts';
import { type GivenOptions, givenOptions, jobOptions } from './job/options/options.ts';
import { OptionError, wholeNumber } from './job/options/optionvalues.ts';
import type { JobSummary } from './job/summary.ts';
import { checkFiles, currentJobs, openJob, overNewest } from './query/folderresults.ts';
import type { OpenResults } from './query/results.ts';
import { type CaptureRef, fileLocation, listedFile } from './store/capturesource.ts';

export type { AnomalySink } from './capture/anomaly.ts';
export type { CaptureFacts, Damage } from './capture/facts.ts';
export { type CaptureHead, readCapture, readHead } from './capture/read.ts';
export type { RecordSink } from './capture/recordsink.ts';
export type { TaskReport } from './control/task.ts';
export type { WaitedFor } from './engine/embedded.ts';
export { PlaceLost } from './engine/runplace.ts';
export { JobError } from './job/context.ts';
export { RefusedSql } from './query/permittedsql.ts';
export type { Decimal, NestedValue, QueryResult, QueryValue } from './query/queryresult.ts';
export type { CaptureRef, GivenOptions, HeldCaptures, JobSummary, OpenResults };
export { OptionError };

/** Options of a run. */
export interface RunOptions
  extends Pick<LocalRunOptions, 'signal' | 'onCaptures' | 'onStart' | 'onWait' | 'onTask' | 'onRetry' | 'onDamaged'> {
  /** Paths of the captures: files. One that is named twice is read once. */
  captures: readonly string[];
  /** Folder of the results; created if missing. */
  out: string;
  /** Keep the captures that the data set holds, gone ones too, and add these. */
  add?: boolean;
  /** Worker threads, 1 to 256; one per processor by default. */
  workers?: number;
  /** Options of the job, named as those of `flowstitch run` without the dashes: { packets: true, 'tcp-timeout': '5m' }. */
  options?: GivenOptions;
}

/**
 * Runs a job over captures, as `flowstitch run` does: a repeated call continues where the last one stopped, and one that
 * is made while another process runs the same job waits for it.
 *
 * @returns the job's summary, which names damaged captures
 * @throws OptionError for an unknown option or an invalid value; the system's error for a capture that does not exist;
 *   PlaceLost when the folder of results is removed meanwhile;
 *   JobError when a stage failed on every attempt;
 *   the signal's reason when it was aborted
 */
export async function run({ captures, out, add, workers, options = {}, ...events }: RunOptions): Promise<JobSummary> {
  const threads = wholeNumber(workers === undefined ? undefined : String(workers), 'workers', 1, MOST_WORKERS);
  const wanted = jobOptions(givenOptions(options));
  if (captures.length === 0) throw new OptionError('no captures given: a job without any would hide earlier results');
  const refs = new Map<string, CaptureRef>();
  for (const path of captures) if (!refs.has(resolve(path))) refs.set(resolve(path), await fileCapture(path));
  return runLocally({
    ...events,
    out: resolve(out),
    captures: [...refs.values()],
    options: wanted,
    ...(add === true && { withHeld: addedTo }),
    workers: threads ?? availableParallelism(),
  });
}

/** @throws the system's error when the path does not exist; Error when it is not a file */
async function fileCapture(path: string): Promise<CaptureRef> {
  const location = resolve(path);
  if (!(await stat(location)).isFile()) throw new Error(`${path} is not a file`);
  const listed = await listedFile(location);
  if (listed === undefined) throw new Error(`${path} was removed`);
  return { name: path, location: fileLocation(Buffer.from(location)), ...listed };
}

/**
 * Opens the newest committed results in a folder, for SQL over the tables sessions, captures, anomalies, packets and
 * the views over them.
 *
 * @param dataset may be left out where there is only one
 * @throws Error when there are no such results, several data sets to choose from, or files of the tables are missing
 */
export async function openResults(folder: string, dataset?: string): Promise<OpenResults> {
  const newest = async (): Promise<CurrentJob> => {
    const jobs = await currentJobs(folder);
    if (dataset === undefined && jobs.size > 1)
      throw new Error(`${folder} has the data sets ${[...jobs.keys()].sort().join(', ')}: name one`);
    const job = dataset === undefined ? [...jobs.values()][0] : jobs.get(dataset);
    if (job === undefined) throw new Error(`${folder} has no finished results${dataset ? ` of '${dataset}'` : ''}`);
    return job;
  };
  return overNewest(newest, async (job) => {
    await checkFiles(folder, job);
    return openJob(folder, job);
  });
}
