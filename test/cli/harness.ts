/** Running the command line as a person does, and small captures to run it on. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadCommands } from '../../cli/commands/index.ts';
import type { Command } from '../../cli/usage/command.ts';
import { readCommandLine } from '../../cli/usage/commandline.ts';
import { type BuiltRecord, writePcap } from '../capture/build.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const DEMO = join(ROOT, 'test/captures/demo');
export const ENTRY = join(ROOT, 'test/cli/flowstitch.ts');

/** What a command left behind. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `flowstitch ...args` to its end. */
export function flowstitch(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Outcome {
  return command(process.execPath, [ENTRY, ...args], options);
}

export function command(
  file: string,
  args: readonly string[],
  { cwd, env }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Outcome {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd,
    env: { ...process.env, npm_command: undefined, ...env },
    encoding: 'utf8',
    maxBuffer: 256 << 20,
  });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

/** Runs a command in this process. @returns its exit code @throws what is wrong with the arguments, and what it throws */
export async function runCommand(command: Command, args: readonly string[]): Promise<number> {
  const asked = readCommandLine(command, args);
  assert.ok(!asked.help, 'help is not run');
  return command.run(asked.values, asked.operands, { commands: loadCommands });
}

/** Somebody who may read what everybody may: root may read all. */
export const NOBODY = 65_534;

/** Why a test that runs the command line as NOBODY is skipped; false when it can. */
export function notAsNobody(): string | false {
  if (process.getuid?.() !== 0 || spawnSync('test', ['-r', ENTRY], { uid: NOBODY }).status === 0) return false;
  return 'the checkout lies in a folder that its owner alone may enter: nobody else can run it';
}

/** Starts `flowstitch ...args`, and calls `onText` with all of standard error so far whenever there is more. */
export function startFlowstitch(
  args: readonly string[],
  onText: (stderr: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
  env: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, npm_command: undefined, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    onText(stderr, (signal) => void child.kill(signal));
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** An empty folder that goes when the test ends. */
export function scratchFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const HOUR_S = 3600;

/** Writes files, folders made as needed. They were last written to an hour ago: captures that just were may be growing. */
export function writeFiles(folder: string, files: Record<string, Uint8Array | string>): void {
  const then = Date.now() / 1000 - HOUR_S;
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
    utimesSync(join(folder, name), then, then);
  }
}

/** An Ethernet frame with a UDP datagram from 10.0.0.`from` to 10.0.0.`to`. */
export function udpFrame(from: number, to: number, fromPort: number, toPort: number, payload: number): Uint8Array {
  const frame = new Uint8Array(42 + payload);
  const view = new DataView(frame.buffer);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint16(16, 28 + payload);
  view.setUint8(22, 64);
  view.setUint8(23, 17);
  frame.set([10, 0, 0, from], 26);
  frame.set([10, 0, 0, to], 30);
  view.setUint16(34, fromPort);
  view.setUint16(36, toPort);
  view.setUint16(38, 8 + payload);
  return frame;
}

/** 2023-11-14T22:13:20Z, when the captures below begin. */
export const START_US = 1_700_000_000_000_000;

/** A capture of `count` packets of one UDP session, a tenth of a second apart, from `startUs` on. */
export function udpCapture(count: number, startUs = START_US, host = 1): Uint8Array {
  return writePcap(udpRecords(count, startUs, host));
}

export function udpRecords(count: number, startUs = START_US, host = 1): BuiltRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    us: startUs + i * 100_000,
    bytes: i % 2 === 0 ? udpFrame(host, 2, 5000, 9000, 20) : udpFrame(2, host, 9000, 5000, 30),
  }));
}
