/**
 * Measurements in a process of their own, so that memory and cpu time are theirs
 * alone. A child is a script that takes one JSON argument and prints one JSON line.
 * It is bundled as the package is: what is measured is the code that people run.
 */
import { spawn } from 'node:child_process';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { BUNDLING } from '../../infra/bundle/bundling.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface ChildLimits {
  /** The child is killed after so many seconds; default an hour. */
  seconds?: number;
  /** Options for node. */
  nodeOptions?: readonly string[];
}

/**
 * Runs `script`, a file of this folder, and returns what it printed.
 * @throws Error when it does not compile, ended with another code than 0, or was killed
 */
export async function runChild<Result>(script: string, input: unknown, limits: ChildLimits = {}): Promise<Result> {
  const path = await bundled(script);
  const child = spawn(process.execPath, [...(limits.nodeOptions ?? []), path, JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: (limits.seconds ?? 3600) * 1000,
    killSignal: 'SIGKILL',
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((settle, reject) => {
    child.on('error', reject);
    child.on('close', (...how) => settle(how));
  });
  if (code !== 0) throw new Error(`${script} ended with ${signal ?? `code ${code}`}`);
  return JSON.parse(printed) as Result;
}

/** Bundles a script, with the worker threads that it may start beside it. @returns the path of what is to be run */
async function bundled(script: string): Promise<string> {
  const name = basename(script, '.ts');
  const outdir = join(ROOT, '.cache/bench', name);
  await build({
    ...BUNDLING,
    entryPoints: { [name]: join(import.meta.dirname, script), worker: join(ROOT, 'shared/engine/worker.ts') },
    outdir,
    splitting: true,
    packages: 'external',
  });
  return join(outdir, `${name}.js`);
}

/** The argument of a child. */
export function childInput<Input>(): Input {
  return JSON.parse(process.argv[2]) as Input;
}

/** What a child says at its end. */
export function answer(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Cpu seconds, of all threads, that this process has used. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The most memory this process has had resident, bytes. */
export function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
