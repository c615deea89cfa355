/** Progress of a job: a line that renews itself on a terminal, plain lines elsewhere. Goes to standard error. */
import { STAGES, type Stage } from '../shared/job/keys.ts';
import type { TaskReport } from '../shared/job/task.ts';
import type { Done, StageResults } from '../shared/job/types.ts';
import { printable } from '../shared/table/printable.ts';
import { bytesText, count, counted, durationText } from './format.ts';

/** Plain lines come no oftener than this, in milliseconds. */
const PLAIN_INTERVAL = 5000;
/** A terminal's line is renewed so often even when nothing has ended, so that one sees it live. */
const LIVE_INTERVAL = 500;
const CLEAR_LINE = '\r\x1b[K';

/** Where progress is shown. */
export interface ProgressOutput {
  write(text: string): void;
  /** Columns of the terminal; null when it is none. */
  columns: number | null;
}

/** A stream as a place for progress. */
export function terminalOf(stream: NodeJS.WriteStream): ProgressOutput {
  return {
    write: (text) => void stream.write(text),
    get columns() {
      // Some terminals do not know their width, and say 0.
      return stream.isTTY === true ? stream.columns || 80 : null;
    },
  };
}

export class Progress {
  private readonly captures: number;
  private readonly bytes: number;
  private readonly output: ProgressOutput | null;
  private readonly now: () => number;
  private readonly startedAt: number;
  private readonly timer: NodeJS.Timeout | undefined;
  private stage: Stage = 'plan';
  private tasksDone = 0;
  private mapped = 0;
  private records = 0;
  private read = 0;
  private lastPlain = Number.NEGATIVE_INFINITY;

  /**
   * @param bytes stored bytes of all captures
   * @param output null: say nothing
   * @param now a clock in milliseconds
   */
  constructor(captures: number, bytes: number, output: ProgressOutput | null, now = () => performance.now()) {
    this.captures = captures;
    this.bytes = bytes;
    this.output = output;
    this.now = now;
    this.startedAt = now();
    if (output !== null && output.columns !== null) this.timer = setInterval(() => this.renew(), LIVE_INTERVAL).unref();
  }

  started(job: string, state: 'new' | 'resumed' | 'committed'): void {
    const how = { new: '', resumed: ', going on where it stopped', committed: ', done before' }[state];
    this.line(`job ${job}: ${counted(this.captures, 'capture')}, ${bytesText(this.bytes)}${how}`);
  }

  task({ message, done, began }: TaskReport): void {
    if (message.stage === this.stage) this.tasksDone++;
    if (message.stage === 'map' && done?.ok) {
      const { captures, records, reused } = (done as Done<'map'> & { ok: true }).result as StageResults['map'];
      this.mapped += captures;
      this.records += records;
      if (!reused) this.read += records;
    }
    if (began !== null) {
      this.stage = began;
      this.tasksDone = 0;
    }
    if (this.output?.columns != null) this.renew();
    else if (began !== null || this.now() - this.lastPlain >= PLAIN_INTERVAL) {
      this.lastPlain = this.now();
      this.line(this.text());
    }
  }

  retry(stage: Stage, task: number, reason: string): void {
    this.line(`${stage} task ${task} failed and is tried again: ${printable(reason.split('\n')[0])}`);
  }

  /** Leaves the terminal on a line of its own. */
  end(): void {
    clearInterval(this.timer);
    if (this.output?.columns != null) this.output.write(CLEAR_LINE);
  }

  private text(): string {
    const seconds = (this.now() - this.startedAt) / 1000;
    const parts = [`${STAGES.indexOf(this.stage) + 1}/${STAGES.length} ${this.stage}`];
    if (this.stage === 'map') {
      parts.push(`${count(this.mapped)} of ${counted(this.captures, 'capture')}`);
      const share = this.mapped / this.captures;
      if (this.read > 0) parts.push(`${count(this.read / seconds)} packets/s`);
      if (share > 0 && share < 1) parts.push(`about ${durationText((seconds / share) * (1 - share))} left`);
    } else if (this.tasksDone > 0) parts.push(`${counted(this.tasksDone, 'task')} done`);
    if (this.records > 0) parts.push(`${count(this.records)} packets`);
    parts.push(durationText(seconds));
    return parts.join('  ');
  }

  /** The terminal's line, cut to its width: one that wraps could not be cleared. */
  private renew(): void {
    if (this.output?.columns != null)
      this.output.write(`${CLEAR_LINE}${this.text().slice(0, Math.max(0, this.output.columns - 1))}`);
  }

  private line(text: string): void {
    this.output?.write(this.output.columns === null ? `${text}\n` : `${CLEAR_LINE}${text}\n`);
  }
}
