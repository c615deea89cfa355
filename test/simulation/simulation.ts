/**
 * One run: functions, queues, buckets and the people who ask for jobs, in virtual
 * time, with everything that may go wrong. What the run must come to is checked by
 * the observer on the way and by verify.ts at its end.
 */

import { OutOfTime } from '../../shared/control/failures.ts';
import { cancelJob, resumeJob, submitJob } from '../../shared/control/operate.ts';
import { JobError, OtherVersion } from '../../shared/job/context.ts';
import { DEFAULT_SIZES, type JobConfig } from '../../shared/job/jobconfig.ts';
import { DEFAULTS } from '../../shared/session/sessionconfig.ts';
import { STAGE_ORDER, STAGES } from '../../shared/stage/stages.ts';
import { StoreError } from '../../shared/store/objectstore.ts';
import { random } from '../capture/build.ts';
import { boundOf, boundOfCommand, boundOfLook, noneOfAll, type Tally } from './bounds.ts';
import { Bucket } from './bucket.ts';
import { counted, deadLetterFunction, type Hands, type Rule, stageFunction, watchdogFunction } from './functions.ts';
import { Observer, type WatchedJob } from './observer.ts';
import { Pool } from './pool.ts';
import { Process, type Surroundings } from './process.ts';
import { isFifo, Queues } from './queues.ts';
import type { Deed, Scenario, Shape } from './scenario.ts';
import { KINDS, noRequests, queueOf, type Requests, storeOf } from './services.ts';
import { inputsOf, SESSIONS, worksOf } from './stages.ts';
import { EPOCH, VirtualTime } from './time.ts';
import { type AskedJob, verify } from './verify.ts';

/** Invocations at once of a stage that has a task or two a job, as infra/ sets it. */
const AT_ONCE_UNLESS_WIDE = 2;
const MINUTE = 60_000;
const WATCH_MS = 5 * MINUTE;
const WATCHDOG_MS = MINUTE;
/** Milliseconds for which a dead letter stays hidden behind a process that died: six times the function's timeout. */
const DEAD_HIDDEN_MS = 30 * MINUTE;
/** By then everything must have come to its end. */
const HORIZON_MS = 48 * 60 * MINUTE;
const WEEK_MS = 7 * 24 * 60 * MINUTE;

/** What a run came to. */
export interface Outcome {
  seed: number;
  violations: string[];
  /** Virtual milliseconds until nothing was left to do. */
  lasted: number;
  events: number;
  jobs: number;
  committed: number;
  /** Jobs of a version that is not deployed any more, refused. */
  refused: number;
  deliveries: number;
  /** Tasks that were written down as failed, and ends that were taken away to try again. */
  failed: number;
  forgotten: number;
  deaths: number;
  requests: Requests;
  /** What the requests may be at most. */
  bound: Requests;
}

/** A job that somebody asked for. */
export class Simulation {
  readonly time = new VirtualTime();
  readonly observer: Observer;
  readonly work: Bucket<Process>;
  readonly results: Bucket<Process>;
  readonly requests = noRequests();
  readonly asked = new Map<string, AskedJob>();
  private readonly scenario: Scenario;
  private readonly surroundings: Surroundings;
  readonly queues: Queues;
  private readonly pools: Pool[] = [];
  private readonly rule: Rule = { enabled: false };
  private readonly poison: Set<string>;
  private readonly poisonCaptures: Set<number>;
  private version = 'first';
  private deaths = 0;
  private looks = 0;
  private commands = 0;
  private readonly tallies = new Map<string, Tally>();
  /** Things that people are about to do, or have not got through with. */
  private pending = 0;

  constructor(scenario: Scenario) {
    const { time } = this;
    this.scenario = scenario;
    this.surroundings = { time, next: random(scenario.seed + 1e9), faults: scenario.faults };
    this.observer = new Observer(
      () => time.now - EPOCH,
      (job) => this.onEnd(job),
    );
    this.work = new Bucket(() => time.now, this.observer);
    this.results = new Bucket(() => time.now, { written() {}, removed() {} });
    this.queues = new Queues(this.surroundings);
    this.poison = new Set(scenario.poison);
    this.poisonCaptures = new Set(scenario.poisonCaptures);
    this.makePools();
  }

  async run(): Promise<Outcome> {
    // What the project's code asks for the time.
    const { now } = Date;
    Date.now = () => Math.floor(this.time.now);
    try {
      this.time.after(WATCH_MS, () => this.watch());
      for (const deed of this.scenario.deeds) this.later(deed.at, () => this.perform(deed));
      await this.time.run(() => this.over() || this.time.now > EPOCH + HORIZON_MS);
      if (this.scenario.expiry && this.over()) await this.expire();
    } finally {
      Date.now = now;
    }
    if (!this.over()) this.observer.violation(`stuck: ${this.state()}`);
    verify(this);
    return this.outcome();
  }

  private over(): boolean {
    if (this.pending > 0 || this.rule.enabled || this.queues.outstanding > 0) return false;
    for (const { id } of this.asked.values()) if (!this.isFinal(id)) return false;
    return true;
  }

  /** Committed, or refused by the version that is deployed now. */
  private isFinal(id: string): boolean {
    const job = this.observer.job(id);
    return job.committed || (job.end !== null && job.version !== this.version);
  }

  private state(): string {
    const waiting = STAGE_ORDER.map((stage) => `${stage} ${this.queues.stages[stage].outstanding}`);
    const jobs = [...this.observer.jobs.values()].map(String);
    return `${jobs.join('; ')}; messages: ${waiting.join(', ')}; ${this.pending} deeds; watchdog ${this.rule.enabled}`;
  }

  private makePools(): void {
    const { surroundings, requests, queues } = this;
    const shared = {
      surroundings,
      requests,
      version: () => this.version,
      failed: (error: unknown) => this.failed(error),
    };
    for (const stage of STAGE_ORDER)
      this.pools.push(
        new Pool({
          ...shared,
          queue: queues.stages[stage],
          dead: isFifo(stage) ? queues.deadFifo : queues.dead,
          most: STAGES[stage].atOnce ?? AT_ONCE_UNLESS_WIDE,
          handle: async (process, message, receives) => {
            const tally = this.tallyOf(message.job);
            tally.deliveries[stage]++;
            const works = worksOf({
              process,
              working: (job, at, task) => this.observer.working(job, at, task, process),
              poisoned: (job, at, task) => this.isFirst(job) && this.poison.has(`${at}/${task}`),
              poisonedCapture: (job, task) => this.isFirst(job) && this.poisonCaptures.has(task),
              violation: (text) => this.observer.violation(text),
            });
            const hands = this.hands(process);
            const atEnd = await counted(hands, message, () =>
              stageFunction(hands, this.rule, message, receives, works),
            );
            if (atEnd) tally.ended++;
          },
        }),
      );
    for (const queue of [queues.dead, queues.deadFifo])
      this.pools.push(
        new Pool({
          ...shared,
          queue,
          most: 2,
          hiddenMs: DEAD_HIDDEN_MS,
          handle: (process, message) => {
            this.tallyOf(message.job).dead++;
            const hands = this.hands(process);
            return counted(hands, message, () => deadLetterFunction(hands, message));
          },
        }),
      );
  }

  private tallyOf(id: string): Tally {
    let tally = this.tallies.get(id);
    if (tally === undefined) {
      const { plannings } = this.observer.job(id);
      tally = { deliveries: noneOfAll(), dead: 0, ended: 0, plannings };
      this.tallies.set(id, tally);
    }
    return tally;
  }

  private hands(process: Process): Hands {
    return {
      store: storeOf(this.work, process, this.requests),
      results: storeOf(this.results, process, this.requests),
      queue: queueOf(this.queues, process, this.requests),
    };
  }

  private failed(error: unknown): void {
    const causes = error instanceof AggregateError ? error.errors : [error];
    const known = causes.every((cause) => isKnown(cause));
    if (!known) this.observer.violation(`unexpected: ${(error as Error)?.stack ?? String(error)}`);
  }

  private isFirst(id: string): boolean {
    return this.asked.values().next().value?.id === id;
  }

  private watch(): void {
    this.time.after(WATCH_MS, () => this.watch());
    if (!this.rule.enabled) return;
    this.looks++;
    const process = new Process(this.surroundings, this.version, () => this.deaths++);
    this.time.after(WATCHDOG_MS, () => process.die());
    watchdogFunction(this.hands(process), this.rule, () => this.time.now).then(
      () => process.end(),
      (error) => {
        process.end();
        this.failed(error);
      },
    );
  }

  /** Does something after a while, and is not over before. */
  private later(ms: number, action: () => void): void {
    this.pending++;
    this.time.after(ms, () => {
      this.pending--;
      action();
    });
  }

  private perform(deed: Deed): void {
    if (deed.deed === 'deploy') {
      this.version = 'second';
      return;
    }
    if (deed.deed === 'submit') {
      this.command((hands) => this.submit(hands, deed));
      return;
    }
    const open = [...this.asked.values()].filter(({ id }) => !this.observer.job(id).over);
    const id = (deed.waiting ? open.at(-1) : open.at(0))?.id;
    if (id === undefined) return;
    this.command(async ({ store, queue }) => {
      await cancelJob(store, queue, id);
      this.later(deed.resumeAfter, () => this.resume(id));
    });
  }

  private async submit({ store, queue }: Hands, deed: Deed & { deed: 'submit' }): Promise<void> {
    const { dataset, shape, variant } = deed;
    const inputs = inputsOf(shape, dataset, variant);
    const { job } = await submitJob(store, queue, configOf(dataset, shape), inputs, { prefix: null, by: 'submit' });
    if (!this.asked.has(job)) this.asked.set(job, { id: job, dataset, shape });
  }

  private resume(id: string): void {
    this.command(async ({ store, queue }) => {
      const { job } = await resumeJob(store, queue, id);
      // Of a job that had been committed without some captures a new one tries again.
      const before = this.asked.get(id);
      if (before !== undefined && !this.asked.has(job)) this.asked.set(job, { ...before, id: job });
    });
  }

  /** Somebody types a command, and again when it dies or fails, until it gets through. */
  private command(action: (hands: Hands) => Promise<void>): void {
    this.pending++;
    this.commands++;
    const again = (): void => {
      this.deaths++;
      this.pending--;
      this.later(MINUTE * (0.2 + this.surroundings.next()), () => this.command(action));
    };
    const process = new Process(this.surroundings, this.version, again);
    action(this.hands(process)).then(
      () => {
        process.end();
        this.pending--;
      },
      (error) => {
        process.end();
        // Nobody can resume what another version began.
        if (error instanceof OtherVersion) this.pending--;
        else {
          this.failed(error);
          again();
        }
      },
    );
  }

  /** Whoever asked for a job looks after it when it has failed: takes the cause away, and resumes it. */
  private onEnd({ id, end, committed }: WatchedJob): void {
    if (committed || end === null || end.state !== 'failed') return;
    if (this.observer.job(id).version !== this.version) return;
    this.later(this.scenario.reaction * this.surroundings.next(), () => {
      for (const task of this.poison) if (!task.startsWith('map/')) this.poison.delete(task);
      if (!this.observer.job(id).committed) this.resume(id);
    });
  }

  /** A week later: the old files are gone, and somebody asks for the first job anew. */
  private async expire(): Promise<void> {
    verify(this);
    const [first] = this.scenario.deeds;
    const week = this.time.now + WEEK_MS;
    await this.time.run(() => this.time.now > week);
    this.work.expire('jobs/');
    this.observer.forget();
    this.asked.clear();
    this.perform(first);
    await this.time.run(() => this.over() || this.time.now > week + HORIZON_MS);
  }

  /** What all requests may come to. */
  private bound(): Requests {
    const { shape } = this.scenario.deeds[0] as Deed & { deed: 'submit' };
    const bounds = [...this.tallies].map(([id, tally]) => boundOf(tally, this.asked.get(id)?.shape ?? shape));
    for (let count = 0; count < this.looks; count++) bounds.push(boundOfLook(shape));
    for (let count = 0; count < this.commands; count++) bounds.push(boundOfCommand(shape));
    const sum = noRequests();
    for (const bound of bounds) for (const kind of KINDS) sum[kind] += bound[kind];
    return sum;
  }

  private outcome(): Outcome {
    const { requests, observer, time } = this;
    const jobs = [...observer.jobs.values()];
    return {
      seed: this.scenario.seed,
      violations: observer.violations,
      lasted: time.now - EPOCH,
      events: time.events,
      jobs: jobs.length,
      committed: jobs.filter(({ committed }) => committed).length,
      refused: jobs.filter(({ committed }) => !committed).length,
      deliveries: this.pools.reduce((sum, { deliveries }) => sum + deliveries, 0),
      failed: jobs.reduce((sum, { failed }) => sum + failed, 0),
      forgotten: jobs.reduce((sum, { forgotten }) => sum + forgotten, 0),
      deaths: this.deaths + this.pools.reduce((sum, { deaths }) => sum + deaths, 0),
      requests,
      bound: this.bound(),
    };
  }
}

/** Errors that a task may end with, and that the queue is there for. */
function isKnown(error: unknown): boolean {
  if ([StoreError, JobError, OutOfTime].some((kind) => error instanceof kind)) return true;
  return /messages were not sent/.test(String(error));
}

function configOf(dataset: string, { partitions }: Shape): JobConfig {
  return {
    dataset,
    sharding: { buckets: 1024, seed: 1, by: '5tuple' },
    decode: { keyVlan: false },
    sessions: { ...DEFAULTS },
    packets: false,
    sizes: { ...DEFAULT_SIZES, fileRows: partitions * SESSIONS },
  };
}
