/** Runs the command line as a process of its own, and reads its folder of results. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunSummary } from '../../cli/text/summarytext.ts';
import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import { parseJson } from '../../shared/store/jsonobject.ts';

const MAIN = new URL('../../cli/main.ts', import.meta.url).href;

/** How a process ended. */
export interface CliEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CliProcess {
  child: ChildProcess;
  /** Resolves when standard error has output, or is closed. */
  speaks: Promise<void>;
  ended: Promise<CliEnd>;
}

/** Starts the command line. */
export function startCli(args: readonly string[], cwd?: string, env: NodeJS.ProcessEnv = {}): CliProcess {
  const program = `import(${JSON.stringify(MAIN)}).then((m) => m.main(process.argv.slice(1)))`;
  const child = spawn(process.execPath, ['-e', program, '--', ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const speaks = new Promise<void>((resolve) => {
    child.stderr.once('data', () => resolve());
    child.stderr.once('close', () => resolve());
  });
  const ended = new Promise<CliEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, speaks, ended };
}

/** Runs the command line to its end. */
export function cli(args: readonly string[], cwd?: string): Promise<CliEnd> {
  return startCli(args, cwd).ended;
}

/** The summary that `run --json` prints. */
export function summaryOf({ stdout }: CliEnd): RunSummary {
  return JSON.parse(stdout) as RunSummary;
}

/** The current job of the data set "default". */
export function currentJob(out: string): CurrentJob {
  return parseJson<CurrentJob>('current.json', readFileSync(join(out, 'datasets/default/current.json')));
}

/** Digests of the files of the current job, by key; the job's own part of a key is left out. */
export function currentFiles(out: string): Record<string, string> {
  const current = currentJob(out);
  const digests: Record<string, string> = {};
  for (const key of Object.values(current.files).flat())
    digests[key.replace(current.job, 'job')] = createHash('sha256')
      .update(readFileSync(join(out, key)))
      .digest('hex');
  return digests;
}
