/** Following a job until it ends. */
import { setTimeout } from 'node:timers/promises';
import { type JobStatus, jobStatus, stageAt } from '../../shared/control/status.ts';
import type { Done } from '../../shared/job/protocol/stageresults.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { stoppable } from '../signals.ts';
import { LiveLine, type ProgressOutput } from '../text/liveline.ts';
import { failureText, progressText } from '../text/statustext.ts';

/** Polling interval, milliseconds; for a job with many tasks each poll costs more, and less changes per second. */
const INTERVAL_MS = 2000;
const LONG_INTERVAL_MS = 5000;
const MANY_TASKS = 1000;
/** Shortest interval between plain lines within a stage. */
const PLAIN_INTERVAL_MS = 30_000;

/** Ctrl-C while a job was followed: the job keeps running. */
export const INTERRUPTED = Symbol('interrupted');

/**
 * Shows the progress of a job, until it has ended or Ctrl-C is pressed.
 * @param output null: print nothing
 */
export async function follow(
  store: ObjectStore,
  job: string,
  output: ProgressOutput | null,
  intervalMs?: number,
): Promise<JobStatus | typeof INTERRUPTED> {
  return stoppable((signal) => followUntil(signal, store, job, output, intervalMs));
}

async function followUntil(
  signal: AbortSignal,
  store: ObjectStore,
  job: string,
  output: ProgressOutput | null,
  intervalMs?: number,
): Promise<JobStatus | typeof INTERRUPTED> {
  const interrupted = new Promise<typeof INTERRUPTED>((resolve) => {
    signal.addEventListener('abort', () => resolve(INTERRUPTED));
  });
  const shown = new Shown(output);
  const known = new Map<string, Done>();
  try {
    for (;;) {
      const status = await Promise.race([jobStatus(store, job, known), interrupted]);
      if (status === INTERRUPTED) return status;
      if (status.state !== 'running' && status.state !== 'waiting') return status;
      shown.show(status);
      const many = (stageAt(status).tasks ?? 0) > MANY_TASKS;
      const pause = intervalMs ?? (many ? LONG_INTERVAL_MS : INTERVAL_MS);
      await setTimeout(pause, undefined, { signal }).catch(() => {});
    }
  } finally {
    shown.end();
  }
}

/** What has been shown of a job so far. */
class Shown {
  private readonly line: LiveLine;
  private readonly failures = new Set<string>();
  private stage = '';
  private lastPlain = 0;

  constructor(output: ProgressOutput | null) {
    this.line = new LiveLine(output);
  }

  show(status: JobStatus): void {
    for (const failure of status.failures) {
      const name = `${failure.stage} ${failure.task}`;
      if (!this.failures.has(name)) this.line.line(failureText(failure));
      this.failures.add(name);
    }
    const now = Date.now();
    const text = progressText(status, now);
    if (this.line.live) {
      this.line.renew(text);
      return;
    }
    const stage = `${status.state} ${stageAt(status).stage}`;
    if (stage === this.stage && now - this.lastPlain < PLAIN_INTERVAL_MS) return;
    this.stage = stage;
    this.lastPlain = now;
    this.line.line(text);
  }

  end(): void {
    this.line.end();
  }
}
