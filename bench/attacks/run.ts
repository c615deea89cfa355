/** One attack, of one size, through `flowstitch run` in a process with limits. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Attack } from './attack.ts';

/** Limits of a run: beyond them it is ended, and the attack has succeeded. */
const MOST_SECONDS = 60;
const MOST_MB = 4000;
const LOOK_MS = 50;
const TICKS = 100;
const SHOWN = 110;

export interface Measured {
  size: number;
  /** Millions of bytes of the captures as stored. */
  storedMB: number;
  /** Millions of uncompressed bytes, as the run says; 0 when it did not come to say so. */
  plainMB: number;
  cpuSeconds: number;
  peakMB: number;
  /** Null when it was ended by a limit, which `seen` then names. */
  exit: number | null;
  /** What of its output says most. */
  seen: string;
}

interface Used {
  cpuSeconds: number;
  peakMB: number;
}

/** Makes the captures of a size and runs the job over them. */
export async function runAttack(attack: Attack, size: number, folder: string): Promise<Measured> {
  const input = join(folder, 'in');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(input, { recursive: true });
  await attack.make(input, size);
  const storedMB = readdirSync(input).reduce((sum, name) => sum + statSync(join(input, name)).size, 0) / 1e6;
  const usage = join(folder, 'usage.json');
  const script = fileURLToPath(new URL('./measured.ts', import.meta.url));
  const args = ['run', input, '--out', join(folder, 'out'), '--workers', '2', '--quiet', ...(attack.options ?? [])];
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FLOWSTITCH_USAGE: usage },
  });
  let printed = '';
  let complained = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text));
  const began = performance.now();
  let ended: string | null = null;
  let used: Used = { cpuSeconds: 0, peakMB: 0 };
  const look = setInterval(() => {
    used = usedBy(child.pid!) ?? used;
    if ((performance.now() - began) / 1000 > MOST_SECONDS) ended = `no end after ${MOST_SECONDS} s`;
    else if (used.peakMB > MOST_MB) ended = `more than ${MOST_MB} MB`;
    if (ended !== null) child.kill('SIGKILL');
  }, LOOK_MS);
  const exit = await new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  clearInterval(look);
  if (ended === null) used = JSON.parse(readFileSync(usage, 'utf8')) as Used;
  rmSync(folder, { recursive: true, force: true });
  const plainMB = megabytesIn(printed);
  return {
    size,
    storedMB,
    plainMB,
    ...used,
    exit: ended === null ? exit : null,
    seen: ended ?? seenOf(printed, complained),
  };
}

/** Cpu time and peak memory so far, where there is a /proc. */
function usedBy(pid: number): Used | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS, peakMB: (peak * 1024) / 1e6 };
  } catch {
    return null;
  }
}

/** Uncompressed bytes of the captures, as the summary's first line has them. */
function megabytesIn(printed: string): number {
  const [, value, unit] = /^captures\b.*?([\d.,]+) (bytes|B|kB|KB|MB|GB) uncompressed/m.exec(printed) ?? [];
  if (value === undefined) return 0;
  const size = { bytes: 1e-6, B: 1e-6, kB: 1e-3, KB: 1e-3, MB: 1, GB: 1e3 }[unit] ?? 0;
  return Number(value.replaceAll(',', '')) * size;
}

/** The line that says most: a complaint, damage, else how many sessions. */
function seenOf(printed: string, complained: string): string {
  const lines = printed.split('\n').map((line) => line.trim());
  const damaged = lines.findIndex((line) => /\b(damaged|unreadable|truncated)\b/.test(line));
  const chosen =
    complained
      .trim()
      .split('\n')
      .find((line) => line !== '') ??
    (damaged >= 0 ? lines.slice(damaged, damaged + 2).join(' ') : undefined) ??
    lines.find((line) => line.startsWith('sessions')) ??
    '';
  const plain = chosen
    .replaceAll(/\S*\/in\//g, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('|', '\\|');
  return plain.length > SHOWN ? `${plain.slice(0, SHOWN)}...` : plain;
}
