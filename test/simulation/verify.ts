/** What a run must have come to: looked up in the buckets themselves. */

import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import { currentKey, doneKey, intervalEndKey, summaryKey } from '../../shared/job/protocol/keys.ts';
import type { Done } from '../../shared/job/protocol/stageresults.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import type { IntervalEnd } from '../../shared/job/tasks/interval.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { parseJson } from '../../shared/store/jsonobject.ts';
import { tasksOf } from './bounds.ts';
import type { Bucket } from './bucket.ts';
import type { Observer } from './observer.ts';
import type { Process } from './process.ts';
import type { Shape } from './scenario.ts';
import { SESSIONS } from './stages.ts';

export interface AskedJob {
  id: string;
  dataset: string;
  shape: Shape;
}

/** What of a simulation is checked. */
export interface Checked {
  readonly observer: Observer;
  readonly work: Bucket<Process>;
  readonly results: Bucket<Process>;
  readonly asked: ReadonlyMap<string, AskedJob>;
}

/** Checks every job that was committed, and what readers see. Whatever is not as it must be becomes a violation. */
export function verify(simulation: Checked): void {
  const newest = new Map<string, AskedJob>();
  for (const asked of simulation.asked.values()) {
    const { committedAt } = simulation.observer.job(asked.id);
    if (committedAt === null) continue;
    new Verification(simulation, asked).committed();
    const other = newest.get(asked.dataset);
    if (other === undefined || (simulation.observer.job(other.id).committedAt ?? 0) < committedAt)
      newest.set(asked.dataset, asked);
  }
  for (const [dataset, asked] of newest) {
    const key = currentKey(dataset);
    const { job } = parseJson<CurrentJob>(key, simulation.results.get(key)!);
    if (job !== asked.id) simulation.observer.violation(`readers of ${dataset} see ${job}, not ${asked.id}`);
  }
}

class Verification {
  private readonly simulation: Checked;
  private readonly asked: AskedJob;

  constructor(simulation: Checked, asked: AskedJob) {
    this.simulation = simulation;
    this.asked = asked;
  }

  committed(): void {
    const { shape } = this.asked;
    const { captures, partitions, publishTasks } = shape;
    const tasks = tasksOf(shape);
    let failed = 0;
    let read = 0;
    let rows = 0;
    for (const stage of STAGE_ORDER)
      for (let task = 0; task < tasks[stage]; task++) {
        const done = this.json<Done>(doneKey(this.asked.id, stage, task));
        if (done === undefined) this.wrong(`${stage} ${task} has no end`);
        else if (!done.ok) {
          failed++;
          if (stage !== 'map') this.wrong(`${stage} ${task} has failed`);
        } else if (stage === 'map') read += this.mapped(done as Done<'map'> & { ok: true });
        else if (stage === 'reduce') this.reduced(task, done as Done<'reduce'> & { ok: true });
        else if (stage === 'publish') rows += this.published(done as Done<'publish'> & { ok: true });
      }
    const sessions = partitions * publishTasks * SESSIONS;
    const counted = this.counted();
    if (counted.sessions !== sessions || rows !== sessions)
      this.wrong(`${counted.sessions} sessions and ${rows} rows of ${sessions}`);
    if (counted.captures !== read) this.wrong(`${counted.captures} captures counted of ${read} that were read`);
    if (counted.lost !== failed) this.wrong(`${counted.lost} lost map tasks of ${failed} named`);
    if (failed === 0 && read !== captures) this.wrong(`${read} captures of ${captures} were read`);
    if (counted.files !== publishTasks) this.wrong(`${counted.files} files of ${publishTasks} listed`);
  }

  /** What the job's summary says. */
  private counted(): { sessions: number; captures: number; lost: number; files: number } {
    const summary = this.json<JobSummary>(summaryKey(this.asked.id));
    const { sessions = 0, captures = 0, damaged = [], files } = summary ?? {};
    return { sessions, captures, lost: damaged.length, files: files?.sessions.length ?? 0 };
  }

  private mapped({ result }: Done<'map'> & { ok: true }): number {
    const summary = this.json<{ captures: number; shard: string }>(result.summary);
    if (summary === undefined || this.simulation.work.get(summary.shard) === undefined)
      this.wrong(`the end of a map task names ${result.summary}, which is not whole`);
    return result.captures;
  }

  private reduced(task: number, { result }: Done<'reduce'> & { ok: true }): void {
    let sessions = 0;
    for (let number = 0; ; number++) {
      const end = this.json<IntervalEnd>(intervalEndKey(this.asked.id, task, number));
      if (end === undefined) break;
      for (const { key } of end.sessionRuns)
        if (this.json(key) === undefined)
          this.wrong(`the end of an interval of reduce ${task} names ${key}, which is missing`);
      sessions += end.gained.sessions;
    }
    if (sessions !== result.gained.sessions)
      this.wrong(`the intervals of reduce ${task} have ${sessions} sessions, not all`);
  }

  private published({ result }: Done<'publish'> & { ok: true }): number {
    for (const { key } of result.files)
      if (this.simulation.results.get(key) === undefined) this.wrong(`file ${key} is missing`);
    return result.files.reduce((sum, file) => sum + file.rows, 0);
  }

  private json<T>(key: string): T | undefined {
    const bytes = this.simulation.work.get(key);
    return bytes === undefined ? undefined : parseJson<T>(key, bytes);
  }

  private wrong(what: string): void {
    this.simulation.observer.violation(`job ${this.asked.id} was committed, but ${what}`);
  }
}
