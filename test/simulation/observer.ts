/**
 * Looks over everybody's shoulder and writes down what must never happen:
 * an end that changes, a stage that begins before the one before it has ended, a job
 * that begins while another of its data set runs, work by two versions in one job.
 */

import type { JobEnd } from '../../shared/job/protocol/jobend.ts';
import type { Done, Stage, StageList } from '../../shared/job/protocol/stageresults.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { parseJson } from '../../shared/store/jsonobject.ts';
import { noneOfAll } from './bounds.ts';
import type { BucketWatcher } from './bucket.ts';
import type { Process } from './process.ts';

/** Violations that are kept: the first ones tell what happened. */
const MOST_VIOLATIONS = 20;

/** One job as it really stands. */
export class WatchedJob {
  readonly id: string;
  version = '';
  end: JobEnd | null = null;
  /** When its first task was begun; null before. */
  begunAt: number | null = null;
  /** When it was committed; null before. */
  committedAt: number | null = null;
  /** Tasks of each stage that has a list. */
  readonly tasks: Partial<Record<Stage, number>> = {};
  /** Those of them that have ended. */
  readonly ended: Record<Stage, Set<number>>;
  /** Ends that were taken away so that their tasks are tried again. */
  forgotten = 0;
  failed = 0;
  /** Times that somebody came to write the list of each stage. */
  readonly plannings = noneOfAll();

  constructor(id: string) {
    this.id = id;
    this.ended = Object.fromEntries(STAGE_ORDER.map((stage) => [stage, new Set()])) as Record<Stage, Set<number>>;
  }

  get committed(): boolean {
    return this.committedAt !== null;
  }

  get over(): boolean {
    return this.committed || this.end !== null;
  }

  toString(): string {
    const stages = STAGE_ORDER.filter((stage) => this.tasks[stage] !== undefined).map(
      (stage) => `${stage} ${this.ended[stage].size}/${this.tasks[stage]}`,
    );
    const state = this.committed ? 'committed' : this.end === null ? 'goes on' : JSON.stringify(this.end);
    return `job ${this.id} of ${this.version}: ${state}; ${stages.join(', ')}`;
  }
}

export class Observer implements BucketWatcher<Process> {
  readonly jobs = new Map<string, WatchedJob>();
  readonly violations: string[] = [];
  private readonly now: () => number;
  /** Called when a job comes to an end of any kind. */
  private readonly onEnd: (job: WatchedJob) => void;
  private readonly turns = new Map<string, { number: number; job: string | null }>();

  constructor(now: () => number, onEnd: (job: WatchedJob) => void) {
    this.now = now;
    this.onEnd = onEnd;
  }

  violation(text: string): void {
    if (this.violations.length < MOST_VIOLATIONS) this.violations.push(`at ${this.now()}: ${text}`);
  }

  job(id: string): WatchedJob {
    const known = this.jobs.get(id);
    if (known !== undefined) return known;
    const job = new WatchedJob(id);
    this.jobs.set(id, job);
    return job;
  }

  written(key: string, bytes: Uint8Array, won: boolean, by: Process): void {
    const [root, id, name, kind, ...rest] = key.split('/');
    if (root === 'datasets' && name === 'turns' && won) this.turn(id, Number(kind), bytes);
    if (root !== 'jobs') return;
    const job = this.job(id);
    if (kind === 'list.json') job.plannings[name as Stage]++;
    if (!won) return;
    if (name === 'job.json') job.version = by.version;
    if (name === 'end.json') {
      job.end = parse<JobEnd>(bytes);
      this.onEnd(job);
    }
    if (kind === 'list.json') this.listed(job, name as Stage, parse<StageList>(bytes).tasks);
    if (kind === 'done') this.done(job, name as Stage, Number(rest[1]), parse<Done>(bytes), by);
  }

  removed(key: string, bytes: Uint8Array, _by: Process): void {
    const [root, id, name, kind, ...rest] = key.split('/');
    if (root !== 'jobs') return;
    const job = this.job(id);
    if (name === 'end.json') job.end = null;
    if (kind !== 'done') return;
    if (parse<Done>(bytes).ok) this.violation(`the end of ${name} ${rest[1]} was taken away, which was good`);
    job.ended[name as Stage].delete(Number(rest[1]));
    job.forgotten++;
  }

  /** A process begins the work of a task. */
  working(id: string, stage: Stage, task: number, by: Process): void {
    const job = this.job(id);
    job.begunAt ??= this.now();
    if (by.version !== job.version)
      this.violation(`version ${by.version} works on ${stage} ${task} of a job of ${job.version}`);
    this.mustBeComplete(job, stage, `work on ${stage} ${task} began`);
  }

  /** Everything is gone that jobs had written. */
  forget(): void {
    this.jobs.clear();
  }

  private listed(job: WatchedJob, stage: Stage, tasks: number): void {
    if (job.tasks[stage] !== undefined) this.violation(`the list of ${stage} of ${job.id} was written twice`);
    job.tasks[stage] = tasks;
    this.mustBeComplete(job, stage, `the list of ${stage} was written`);
  }

  private mustBeComplete(job: WatchedJob, stage: Stage, what: string): void {
    const before = STAGE_ORDER[STAGE_ORDER.indexOf(stage) - 1];
    if (before === undefined || job.ended[before].size === job.tasks[before]) return;
    this.violation(
      `${what} when ${job.ended[before].size} of ${job.tasks[before]} tasks of ${before} had ended (${job.id})`,
    );
  }

  private done(job: WatchedJob, stage: Stage, task: number, done: Done, by: Process): void {
    if (job.ended[stage].has(task)) this.violation(`the end of ${stage} ${task} of ${job.id} was written twice`);
    job.ended[stage].add(task);
    if (!done.ok) job.failed++;
    if (task >= (job.tasks[stage] ?? 0))
      this.violation(`${stage} ${task} of ${job.id} ended, which is not in its list`);
    if (by.version !== job.version)
      this.violation(`version ${by.version} ended ${stage} ${task} of a job of version ${job.version}`);
    if (stage !== 'commit' || !done.ok) return;
    job.committedAt = this.now();
    this.onEnd(job);
  }

  /** A turn is somebody's: the one before must be over. */
  private turn(dataset: string, number: number, bytes: Uint8Array): void {
    const before = this.turns.get(dataset);
    const { job } = parse<{ job: string | null }>(bytes);
    this.turns.set(dataset, { number, job });
    if (before === undefined) return;
    if (number !== before.number + 1) this.violation(`turn ${number} of ${dataset} came after ${before.number}`);
    if (before.job !== null && this.jobs.has(before.job) && !this.job(before.job).over)
      this.violation(`turn ${number} of ${dataset} was given to ${job} while ${before.job} ran`);
  }
}

function parse<T>(bytes: Uint8Array): T {
  return parseJson<T>('an object that was written', bytes);
}
