/**
 * A process for cases, and the limits of each case: CPU time, wall time, memory. Exceeding one is a finding, and the
 * process is replaced.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Found, signatureOf } from './check/finding.ts';
import type { Answer, Asked, LaneSetup } from './lanework.ts';

export interface Limits {
  cpuSeconds: number;
  /** Wall time: a case that waits forever takes no CPU time. */
  seconds: number;
  megabytes: number;
}

export const LIMITS: Record<LaneSetup['kind'], Limits> = {
  captures: { cpuSeconds: 8, seconds: 60, megabytes: 1500 },
  jobs: { cpuSeconds: 60, seconds: 240, megabytes: 3000 },
};

const LOOK_MS = 100;
/** Clock ticks of a second in /proc, on every Linux. */
const TICKS = 100;
/** Cases after which a process is replaced, so that memory that accumulates over many is not blamed on one. */
const CASES = 20_000;
const LAST_WORDS = 4000;

export class Lane {
  private readonly setup: LaneSetup;
  private readonly limits: Limits;
  private child: ChildProcess | undefined;
  private done = 0;
  private said = '';

  constructor(setup: LaneSetup, limits: Limits = LIMITS[setup.kind]) {
    this.setup = setup;
    this.limits = limits;
  }

  /** Runs one case. Limits apply to it alone. */
  async ask(asked: Asked): Promise<Answer> {
    const child = await this.ready();
    const cpuBefore = cpuSeconds(child.pid!);
    const began = performance.now();
    const { limits } = this;
    return await new Promise<Answer>((resolve) => {
      const end = (answer: Answer | null, why?: Pick<Found, 'check' | 'message'>): void => {
        clearInterval(look);
        child.off('message', onAnswer);
        child.off('exit', onExit);
        if (answer === null) this.kill();
        if (why === undefined) resolve(answer!);
        else
          resolve({
            found: { ...why, signature: signatureOf(why.check, why.message), stack: '' },
            bytes: 0,
            records: 0,
          });
      };
      const onAnswer = (answer: Answer): void => end(answer);
      const onExit = (code: number | null, signal: string | null): void =>
        end(null, { check: 'crash', message: `the process ended with ${signal ?? `code ${code}`}\n${this.said}` });
      const look = setInterval(() => {
        const cpu = cpuSeconds(child.pid!) - cpuBefore;
        const seconds = (performance.now() - began) / 1000;
        const megabytes = residentMegabytes(child.pid!);
        if (cpu > limits.cpuSeconds)
          end(null, { check: 'hang', message: `more than ${limits.cpuSeconds} s of cpu time` });
        else if (seconds > limits.seconds) end(null, { check: 'hang', message: `no end after ${limits.seconds} s` });
        else if (megabytes > limits.megabytes)
          end(null, { check: 'memory', message: `more than ${limits.megabytes} MB of memory` });
      }, LOOK_MS);
      child.on('message', onAnswer);
      child.on('exit', onExit);
      child.send(asked);
    });
  }

  close(): void {
    this.kill();
  }

  private async ready(): Promise<ChildProcess> {
    if (this.done++ % CASES === 0) this.kill();
    if (this.child !== undefined) return this.child;
    const script = fileURLToPath(new URL('./lanework.ts', import.meta.url));
    const child = fork(script, [JSON.stringify(this.setup)], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.said = (this.said + text).slice(-LAST_WORDS);
    });
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => {
        child.off('exit', died);
        resolve();
      });
      const died = (): void => reject(new Error(`the process for cases does not start:\n${this.said}`));
      child.once('exit', died);
    });
    this.child = child;
    return child;
  }

  private kill(): void {
    this.child?.removeAllListeners();
    this.child?.kill('SIGKILL');
    this.child = undefined;
  }
}

/** CPU seconds of a process so far; 0 without /proc: then only wall time is limited. */
function cpuSeconds(pid: number): number {
  const fields = procFile(pid, 'stat').split(') ')[1]?.split(' ');
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(procFile(pid, 'status'))?.[1] ?? 0) / 1024;
}

function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
