/** Progress of a job on this machine. */

import type { TaskReport } from '../../shared/control/task.ts';
import type { WaitedFor } from '../../shared/engine/embedded.ts';
import type { Done, Stage, StageResults } from '../../shared/job/protocol/stageresults.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { printable } from '../../shared/text/printable.ts';
import { bytesText, count, counted, durationText } from './format.ts';
import { LiveLine, type ProgressOutput } from './liveline.ts';

/** Shortest interval between plain lines, milliseconds. */
const PLAIN_INTERVAL = 5000;
/** Interval at which a terminal's line is rewritten even when nothing has ended, milliseconds. */
const LIVE_INTERVAL = 500;

export class Progress {
  private captures: number;
  private bytes: number;
  private readonly output: LiveLine;
  private readonly now: () => number;
  private readonly startedAt: number;
  private readonly timer: NodeJS.Timeout | undefined;
  private stage: Stage = 'plan';
  private tasksDone = 0;
  private mapped = 0;
  private records = 0;
  private read = 0;
  private lastPlain = Number.NEGATIVE_INFINITY;
  /** The run that is waited for, and the stage that it was at when that was said. */
  private waitedFor = '';
  private stageWaitedFor: Stage | undefined;
  private waiting: WaitedFor | undefined;

  /**
   * @param bytes stored bytes of all captures
   * @param output null: print nothing
   * @param now a clock in milliseconds
   */
  constructor(captures: number, bytes: number, output: ProgressOutput | null, now = () => performance.now()) {
    this.captures = captures;
    this.bytes = bytes;
    this.output = new LiveLine(output);
    this.now = now;
    this.startedAt = now();
    if (this.output.live) this.timer = setInterval(() => this.renew(), LIVE_INTERVAL).unref();
  }

  /** The job has so many captures, of so many stored bytes: those of the data set may be more than were given. */
  holds(captures: number, bytes: number): void {
    this.captures = captures;
    this.bytes = bytes;
  }

  /** A notice, which stays. */
  say(words: string): void {
    this.output.line(words);
  }

  /** @param stage where the job is: a resumed one may have few tasks left, and those may be long */
  started(job: string, state: 'new' | 'resumed' | 'committed', stage: Stage): void {
    this.stage = stage;
    this.waiting = undefined;
    const how = { new: '', resumed: `, resumed at ${this.stageText()}`, committed: ', already done' }[state];
    this.tasksDone = this.mapped = this.records = this.read = 0;
    this.output.line(`job ${job}: ${counted(this.captures, 'capture')}, ${bytesText(this.bytes)}${how}`);
  }

  /** Another run does the job. */
  waits(other: WaitedFor): void {
    const run = `process ${other.pid} on ${other.host}`;
    this.waiting = other;
    if (run !== this.waitedFor)
      this.output.line(`job ${other.job}: ${run} has been doing it since ${other.since}; this run waits for it`);
    this.waitedFor = run;
    const stage = other.at?.stage;
    if (this.output.live) this.renew();
    else if (stage !== undefined && (stage !== this.stageWaitedFor || this.now() - this.lastPlain >= PLAIN_INTERVAL)) {
      this.stageWaitedFor = stage;
      this.lastPlain = this.now();
      this.output.line(this.text());
    }
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
    if (this.output.live) this.renew();
    else if (began !== null || this.now() - this.lastPlain >= PLAIN_INTERVAL) {
      this.lastPlain = this.now();
      this.output.line(this.text());
    }
  }

  retry(stage: Stage, task: number, reason: string): void {
    this.output.line(`${stage} task ${task} failed, retrying: ${printable(reason.split('\n')[0])}`);
  }

  /** Of something of the job's own, not of a capture. */
  damaged(words: string): void {
    this.output.line(`${printable(words)}. It will be made again`);
  }

  /** Leaves the terminal on a line of its own. */
  end(): void {
    clearInterval(this.timer);
    this.output.end();
  }

  private text(): string {
    const seconds = (this.now() - this.startedAt) / 1000;
    if (this.waiting !== undefined) return `${this.waitingText(this.waiting)}  ${durationText(seconds)}`;
    const parts = [this.stageText()];
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

  /** '5/6 publish' */
  private stageText(stage = this.stage): string {
    return `${STAGE_ORDER.indexOf(stage) + 1}/${STAGE_ORDER.length} ${stage}`;
  }

  /** How far the run is that this one waits for. */
  private waitingText({ pid, at }: WaitedFor): string {
    const words = `waiting for process ${pid}`;
    if (at === undefined) return words;
    return `${words}: ${this.stageText(at.stage)}  ${count(at.ended)} of ${counted(at.tasks, 'task')}`;
  }

  private renew(): void {
    this.output.renew(this.text());
  }
}
