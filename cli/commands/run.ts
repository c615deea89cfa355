/** flowstitch run: the main job on this machine. */

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { runLocally } from '../../shared/engine/localrun.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { findCaptures, type PassedOver } from '../input/findcaptures.ts';
import { Stopped, stoppable } from '../signals.ts';
import { terminalOf } from '../text/liveline.ts';
import { print } from '../text/output.ts';
import { Progress } from '../text/progress.ts';
import { type RunSummary, summaryText } from '../text/summarytext.ts';
import { RUN_HELP, type RunOptions, readRunOptions } from '../usage/runoptions.ts';
import { UsageError } from '../usage/usage.ts';

/** Inputs that are named when they are passed over. */
const NOTES = 20;

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

async function runJob(options: RunOptions, signal: AbortSignal): Promise<number> {
  const { workers } = options;
  const out = resolve(options.out);
  if ((await stat(out).catch(() => undefined))?.isDirectory() === false)
    throw new UsageError(`--out ${options.out} is a file: name a folder`);
  if (out.includes('\ufffd')) throw new UsageError(`--out ${out}: its path is not UTF-8; name a folder whose path is`);
  const passedOver = new PassedOverNotes();
  const captures = await findCaptures(options.inputs, out, (passed) => passedOver.add(passed));
  passedOver.end();
  const bytes = captures.reduce((sum, capture) => sum + capture.size, 0);
  const progress = new Progress(captures.length, bytes, options.quiet ? null : terminalOf(process.stderr));
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  let committedBefore = false;
  try {
    const summary = await runLocally({
      out,
      captures,
      options,
      workers,
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
