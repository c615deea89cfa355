/** flowstitch run: the main job on this machine. */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { WaitedFor } from '../../shared/engine/embedded.ts';
import type { LocalRunOptions } from '../../shared/engine/localrun.ts';
import { MOST_WORKERS } from '../../shared/engine/protocol.ts';
import type { OptionValues } from '../../shared/job/options/optiondescription.ts';
import { JOB_OPTIONS, jobOptions } from '../../shared/job/options/options.ts';
import { wholeNumber } from '../../shared/job/options/optionvalues.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import type { PassedOver } from '../input/findcaptures.ts';
import { Stopped, stoppable } from '../signals.ts';
import { terminalOf } from '../text/liveline.ts';
import { print } from '../text/output.ts';
import { Progress } from '../text/progress.ts';
import { type RunSummary, summaryText } from '../text/summarytext.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';
import { UsageError } from '../usage/usage.ts';

/** Most skipped inputs that are listed. */
const NOTES = 20;

const OPTIONS = {
  out: {
    short: 'o',
    value: 'FOLDER',
    meaning: 'folder for the tables; a run into the same folder resumes, and maps only new captures',
  },
  add: { meaning: 'keep the captures that the data set holds, gone ones too, and add these' },
  ...JOB_OPTIONS,
  workers: { value: 'N', meaning: 'worker threads', default: 'one per processor' },
  ...JSON_OPTION,
  quiet: { meaning: 'show no progress' },
} as const;

export const COMMAND = defineCommand({
  name: 'run',
  group: 'local',
  operands: {
    usage: 'FILE|FOLDER|GLOB ...',
    least: 1,
    most: Number.POSITIVE_INFINITY,
    wanted: 'no captures given: name files, folders or globs',
    files: true,
  },
  needs: '--out FOLDER',
  summary: 'turn captures into Parquet tables of sessions',
  description: [
    'Turns captures (pcap and pcapng, plain or compressed with gzip or zstd) into tables of sessions. Folders are read recursively, behind links too, without hidden files and results of earlier runs; pipes and devices are skipped and named. Files that are plainly no captures (text, pictures, tables) are passed over and listed, unless they are named themselves or end like a capture. What may not be read is named and costs itself alone. In names, \\xNN stands for a byte that is not text (UTF-8).',
    'The data set then holds these captures and no others: if results of more captures are in the folder, that is said first. With --add it holds those that it held before, too, without reading them again, and even if their files are gone; a capture that comes again, or another one of the same name, takes the place of the earlier one, which is said first where it holds something else. Afterwards the folder holds the files of the current results only.',
  ],
  options: OPTIONS,
  examples: [
    ['run captures/ --out results/', 'all captures below a folder'],
    ['run new/ --add --out results/', 'those too: all sessions of both, and only the new ones are read'],
    ["run 'captures/*.pcap.gz' --out results/ --packets", 'those that match, with the packets table'],
    ['run captures/ --out results/ --tcp-timeout 10m --key vlan', 'with another timeout and flow key'],
  ],
  exitCodes: [
    ['0', 'everything was read'],
    ['1', 'usage error, input or output error, or failed job'],
    ['2', 'finished, but some captures were damaged or unreadable'],
    ['130, 143', 'stopped by Ctrl-C or SIGTERM; the same command resumes'],
  ],
  async run(values, inputs) {
    const { out } = values;
    if (!out) throw new UsageError('run: no folder for the results: name one with --out');
    const settings = { options: jobOptions(values), workers: workersOf(values) };
    return stoppable((signal) => runJob({ ...values, out }, inputs, settings, signal));
  },
});

function workersOf({ workers }: { workers?: string }): number {
  return wholeNumber(workers, '--workers', 1, MOST_WORKERS) ?? availableParallelism();
}

/** Lists the first skipped inputs. */
class PassedOverNotes {
  lost = 0;
  private total = 0;

  add({ path, why, lost }: PassedOver): void {
    if (lost) this.lost++;
    if (this.total++ < NOTES) process.stderr.write(`skipped: ${printable(path)}, ${why}\n`);
  }

  end(): void {
    if (this.total > NOTES) process.stderr.write(`skipped: ${this.total - NOTES} more\n`);
  }
}

async function runJob(
  values: OptionValues<typeof OPTIONS> & { out: string },
  inputs: readonly string[],
  settings: Pick<LocalRunOptions, 'options' | 'workers'>,
  signal: AbortSignal,
): Promise<number> {
  const { findCaptures } = await import('../input/findcaptures.ts');
  const { runLocally } = await import('../../shared/engine/localrun.ts');
  const { addedTo } = await import('../../shared/control/dataset/heldcaptures.ts');
  const { datasetNotices } = await import('../text/datasetnotices.ts');
  const out = resolve(values.out);
  if ((await stat(out).catch(() => undefined))?.isDirectory() === false)
    throw new UsageError(`--out ${values.out} is a file: name a folder`);
  if (out.includes('\ufffd')) throw new UsageError(`--out ${out}: its path is not UTF-8; name a folder whose path is`);
  const passedOver = new PassedOverNotes();
  const captures = await findCaptures(inputs, out, (passed) => passedOver.add(passed));
  passedOver.end();
  let bytes = 0;
  const progress = new Progress(0, 0, values.quiet ? null : terminalOf(process.stderr));
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  let committedBefore = false;
  let waitedFor: WaitedFor | undefined;
  let began = false;
  try {
    const summary = await runLocally({
      out,
      captures,
      ...settings,
      signal,
      withHeld: values.add ? addedTo : undefined,
      onCaptures: async (all, held) => {
        bytes = all.reduce((sum, capture) => sum + capture.size, 0);
        progress.holds(all.length, bytes);
        const notices = await datasetNotices(out, settings.options.dataset, all, held, settings.options);
        for (const notice of notices) {
          if (values.quiet) process.stderr.write(`${notice}\n`);
          else progress.say(notice);
        }
      },
      onStart: (job, state, stage) => {
        committedBefore = state === 'committed';
        began = true;
        progress.started(job, state, stage);
      },
      onWait: (other) => {
        waitedFor = other;
        progress.waits(other);
      },
      onTask: (report) => progress.task(report),
      onRetry: (stage, task, reason) => progress.retry(stage, task, reason),
      onDamaged: (words) => progress.damaged(words),
    });
    progress.end();
    const cpu = process.cpuUsage(cpuBefore);
    const whole: RunSummary = {
      ...summary,
      out: values.out,
      storedBytes: bytes,
      committedBefore,
      ...(waitedFor !== undefined && { waited: true }),
      seconds: (performance.now() - startedAt) / 1000,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    };
    print(values.json ? `${printableJson(whole)}\n` : summaryText(whole));
    return summary.damaged.length > 0 || passedOver.lost > 0 ? 2 : 0;
  } catch (error) {
    progress.end();
    if (!(error instanceof Stopped)) throw error;
    process.stderr.write(
      waitedFor === undefined || began
        ? 'stopped. Run the same command again to resume.\n'
        : `stopped waiting. Process ${waitedFor.pid} on ${waitedFor.host} continues the job.\n`,
    );
    return error.exitCode;
  }
}
