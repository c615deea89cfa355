/** A job on this machine, with sizes and data set chosen for it: what the command line and the library run. */
import { join } from 'node:path';
import { jobConfig } from '../job/dataset/dataset.ts';
import { DEFAULT_SIZES, type Sizes } from '../job/jobconfig.ts';
import { DEFAULT_DATASET, type JobOptions } from '../job/options/options.ts';
import { WORK_FOLDER } from '../job/protocol/keys.ts';
import type { JobSummary } from '../job/summary.ts';
import { DirectoryStore } from '../store/directorystore.ts';
import { type EmbeddedOptions, runEmbedded } from './embedded.ts';
import { alone } from './runplace.ts';

/** A map task reads no less than this: below, its fixed costs would show. */
const LEAST_TASK_BYTES = 8 << 20;
/** Map tasks per worker, so that all end at about the same time. */
const TASKS_PER_WORKER = 4;
const PARTITIONS_PER_WORKER = 3;
/** On one machine partitions are few and segments long: larger batches are written faster and waste little when read. */
const LOCAL_BATCH_ROWS = 16_384;
/** Rows of a Parquet file: small enough that all workers have one to write, and for 256 MB of memory. */
const LOCAL_FILE_ROWS = 250_000;
/** Rows of an interval: a publish task has the rows of one, so that workers have one each where there are many. */
const LOCAL_INTERVAL_ROWS = 4_000_000;

/** Sizes for this machine: every worker should get some of each stage. @param bytes of all captures, as stored */
export function localSizes(bytes: number, workers: number): Sizes {
  const fair = Math.ceil(bytes / (workers * TASKS_PER_WORKER));
  return {
    ...DEFAULT_SIZES,
    taskBytes: Math.min(DEFAULT_SIZES.taskBytes, Math.max(LEAST_TASK_BYTES, fair)),
    partitions: workers * PARTITIONS_PER_WORKER,
    batchRows: LOCAL_BATCH_ROWS,
    intervalRows: LOCAL_INTERVAL_ROWS,
    fileRows: LOCAL_FILE_ROWS,
  };
}

/** A run, with the options of the job in place of a configuration. `out` is absolute. */
export interface LocalRunOptions extends Omit<EmbeddedOptions, 'config' | 'tries'> {
  options: JobOptions;
}

/** Runs a job to its end and returns its summary. @throws as runEmbedded does */
export async function runLocally({ options, ...run }: LocalRunOptions): Promise<JobSummary> {
  const { out, captures, workers, onDamaged } = run;
  const bytes = captures.reduce((sum, capture) => sum + capture.size, 0);
  const work = join(out, WORK_FOLDER);
  // The first job of a data set writes its seed: no other run may mistake that for a leftover of a dead one.
  const config = await alone(work, () =>
    jobConfig(
      new DirectoryStore(work),
      options.dataset ?? DEFAULT_DATASET,
      options,
      localSizes(bytes, workers),
      onDamaged,
    ),
  );
  return runEmbedded({ ...run, config });
}
