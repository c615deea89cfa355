/** flowstitch run: the main job on this machine. */

import { stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { runEmbedded } from '../../shared/engine/embedded.ts';
import { alone } from '../../shared/engine/runplace.ts';
import { DEFAULT_SIZES, type Sizes } from '../../shared/job/jobconfig.ts';
import { WORK_FOLDER } from '../../shared/job/keys.ts';
import { jobConfig } from '../../shared/job/options.ts';
import { printable, printableJson } from '../../shared/query/printable.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { findCaptures, type PassedOver } from '../input/findcaptures.ts';
import { Stopped, stoppable } from '../signals.ts';
import { terminalOf } from '../text/liveline.ts';
import { print } from '../text/output.ts';
import { Progress } from '../text/progress.ts';
import { type RunSummary, summaryText } from '../text/summarytext.ts';
import { RUN_HELP, type RunOptions, readRunOptions } from '../usage/runoptions.ts';
import { UsageError } from '../usage/usage.ts';

/** A map task reads no less than this: its fixed costs would show. */
const LEAST_TASK_BYTES = 8 << 20;
/** Map tasks a worker should get, so that all end at about the same time. */
const TASKS_PER_WORKER = 4;
const PARTITIONS_PER_WORKER = 3;
/** On one machine partitions are few and segments long: larger batches are written faster and waste little when read. */
const LOCAL_BATCH_ROWS = 16_384;
/** Rows of a Parquet file: small enough that all workers have one to write, and for 256 MB of memory. */
const LOCAL_FILE_ROWS = 250_000;
/** Share of the machine's memory that DuckDB may take, all workers together: one part of this. */
const DUCKDB_SHARE = 8;
const LEAST_DUCKDB_MB = 128;
/** Inputs that are named when they are passed over. */
const NOTES = 20;

/** Sizes for this machine: every worker should get some of each stage. */
export function localSizes(bytes: number, workers: number): Sizes {
  const fair = Math.ceil(bytes / (workers * TASKS_PER_WORKER));
  return {
    ...DEFAULT_SIZES,
    taskBytes: Math.min(DEFAULT_SIZES.taskBytes, Math.max(LEAST_TASK_BYTES, fair)),
    partitions: workers * PARTITIONS_PER_WORKER,
    batchRows: LOCAL_BATCH_ROWS,
    fileRows: LOCAL_FILE_ROWS,
  };
}

/** @returns the exit code */
export async function run(args: string[]): Promise<number> {
  const options = readRunOptions(args);
  if (options === 'help') {
    print(RUN_HELP);
    return 0;
  }
  return stoppable((signal) => runJob(options, signal));
}

/** Names what is passed over, the first of it. */
class PassedOverNotes {
  lost = 0;
  private total = 0;

  add({ path, why, lost }: PassedOver): void {
    if (lost) this.lost++;
    if (this.total++ < NOTES) process.stderr.write(`passed over: ${printable(path)}, ${why}\n`);
  }

  end(): void {
    if (this.total > NOTES) process.stderr.write(`passed over: ${this.total - NOTES} more\n`);
  }
}

function tellDamaged(words: string): void {
  process.stderr.write(`${printable(words)}. It is made again\n`);
}

async function runJob(options: RunOptions, signal: AbortSignal): Promise<number> {
  const { dataset, workers } = options;
  const out = resolve(options.out);
  if ((await stat(out).catch(() => undefined))?.isDirectory() === false)
    throw new UsageError(`--out ${options.out} is a file: name a folder`);
  if (out.includes('\ufffd')) throw new UsageError(`--out ${out}: its path is not UTF-8; name a folder whose path is`);
  const passedOver = new PassedOverNotes();
  const captures = await findCaptures(options.inputs, out, (passed) => passedOver.add(passed));
  passedOver.end();
  const bytes = captures.reduce((sum, capture) => sum + capture.size, 0);
  const work = join(out, WORK_FOLDER);
  // The first job of a data set writes down its seed: no other run is to take that for what a dead one left.
  const config = await alone(work, () =>
    jobConfig(new DirectoryStore(work), dataset, options, localSizes(bytes, workers), tellDamaged),
  );
  const progress = new Progress(captures.length, bytes, options.quiet ? null : terminalOf(process.stderr));
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  let committedBefore = false;
  try {
    const summary = await runEmbedded({
      out,
      captures,
      config,
      workers,
      duckdbMemory: `${Math.max(LEAST_DUCKDB_MB, Math.floor(totalmem() / 2 ** 20 / DUCKDB_SHARE / workers))}MB`,
      signal,
      onStart: (job, state) => {
        committedBefore = state === 'committed';
        progress.started(job, state);
      },
      onTask: (report) => progress.task(report),
      onRetry: (stage, task, reason) => progress.retry(stage, task, reason),
      onDamaged: (words) => progress.damaged(words),
    });
    progress.end();
    const cpu = process.cpuUsage(cpuBefore);
    const whole: RunSummary = {
      ...summary,
      out: options.out,
      storedBytes: bytes,
      committedBefore,
      seconds: (performance.now() - startedAt) / 1000,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    };
    print(options.json ? `${printableJson(whole)}\n` : summaryText(whole));
    return summary.damaged.length > 0 || passedOver.lost > 0 ? 2 : 0;
  } catch (error) {
    progress.end();
    if (!(error instanceof Stopped)) throw error;
    process.stderr.write('stopped. The same command goes on from here.\n');
    return error.exitCode;
  }
}
