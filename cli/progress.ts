/** Progress of a job: a line that renews itself on a terminal, plain lines elsewhere. Goes to standard error. */
import { STAGES, type Stage } from '../shared/job/keys.ts';
import type { TaskReport } from '../shared/job/task.ts';
import type { Done, StageResults } from '../shared/job/types.ts';
import { bytesText, count, durationText, printable } from './format.ts';

/** Plain lines come no oftener than this, in milliseconds. */
const PLAIN_INTERVAL = 5000;

export class Progress {
  private readonly captures: number;
  private readonly bytes: number;
  private readonly quiet: boolean;
  private readonly live = process.stderr.isTTY === true;
  private readonly startedAt = performance.now();
  private readonly done = new Map<Stage, number>();
  private mapped = 0;
  private records = 0;
  private lastLine = 0;

  constructor(captures: number, bytes: number, quiet: boolean) {
    this.captures = captures;
    this.bytes = bytes;
    this.quiet = quiet;
  }

  started(job: string, state: 'new' | 'resumed' | 'committed'): void {
    const how = { new: '', resumed: ', going on where it stopped', committed: ', done before: nothing is new' }[state];
    this.line(`job ${job}: ${count(this.captures)} captures, ${bytesText(this.bytes)}${how}`);
  }

  task({ message, done, began }: TaskReport): void {
    const stage = message.stage as Stage;
    this.done.set(stage, (this.done.get(stage) ?? 0) + 1);
    if (stage === 'map' && done.ok) {
      const { captures, records } = (done as Done<'map'> & { ok: true }).result as StageResults['map'];
      this.mapped += captures;
      this.records += records;
    }
    const now = performance.now();
    if (this.live || began !== null || now - this.lastLine >= PLAIN_INTERVAL) {
      this.lastLine = now;
      this.show(began ?? stage);
    }
  }

  retry(stage: Stage, task: number, reason: string): void {
    this.line(`${stage} task ${task} failed and is tried again: ${printable(reason.split('\n')[0])}`);
  }

  /** Leaves the terminal on a line of its own. */
  end(): void {
    if (this.live && !this.quiet) process.stderr.write('\r\x1b[K');
  }

  private show(stage: Stage): void {
    const seconds = (performance.now() - this.startedAt) / 1000;
    const rate = this.records / seconds;
    const share = this.mapped / this.captures;
    const parts = [`${STAGES.indexOf(stage) + 1}/${STAGES.length} ${stage}`];
    if (stage === 'map') {
      parts.push(`${count(this.mapped)} of ${count(this.captures)} captures`);
      if (share > 0 && share < 1) parts.push(`about ${durationText((seconds / share) * (1 - share))} of reading left`);
    } else parts.push(`${count(this.done.get(stage) ?? 0)} tasks done`);
    if (rate > 0) parts.push(`${count(this.records)} packets, ${count(rate)}/s`);
    this.write(parts.join('  '), this.live);
  }

  private line(text: string): void {
    this.write(text, false);
  }

  private write(text: string, renew: boolean): void {
    if (this.quiet) return;
    process.stderr.write(this.live ? `\r\x1b[K${text}${renew ? '' : '\n'}` : `${text}\n`);
  }
}
