/**
 * A pipeline in one process: stores and a queue as the cloud has them, and workers that do with messages
 * what the functions do: the task, then the next turn where a job has ended; dead letters are written down.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Submitted, submitJob } from '../../shared/control/operate.ts';
import { failTask, runTask } from '../../shared/control/task.ts';
import { takeTurn } from '../../shared/control/turns.ts';
import type { TaskContext } from '../../shared/job/context.ts';
import type { JobConfig } from '../../shared/job/jobconfig.ts';
import { summaryKey } from '../../shared/job/protocol/keys.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { InProcessQueue } from '../../shared/queue/inprocess.ts';
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { workOf } from '../../shared/stage/works.ts';
import { type CaptureRef, type CaptureSource, FileCaptures } from '../../shared/store/capturesource.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { plainConfig, readTables, type Tables } from './harness.ts';

/** Every stage has several tasks, and yet a whole job is done in a fraction of a second. */
export const SMALL = plainConfig({ sizes: { taskBytes: 1, partitionRows: 60, shardRows: 100, fileRows: 1000 } });

/** Where a job of these tests comes from. */
export const SOURCE = { prefix: 's3://captures/site-a/', by: 'submit' } as const;

export class LocalPipeline {
  readonly folder: string;
  readonly store: ObjectStore;
  readonly results: DirectoryStore;
  readonly queue = new InProcessQueue(2);
  /** Why attempts failed. */
  readonly errors: string[] = [];
  captures: CaptureSource = new FileCaptures();
  /** What tasks have besides. */
  more: Pick<TaskContext, 'onBehind'> = {};

  /** @param store the pipeline's own files; below the folder unless said */
  constructor(folder: string, store: ObjectStore = new DirectoryStore(join(folder, 'work'))) {
    this.folder = folder;
    this.store = store;
    this.results = new DirectoryStore(join(folder, 'results'));
  }

  submit(captures: readonly CaptureRef[], config: JobConfig = SMALL): Promise<Submitted> {
    return submitJob(this.store, this.queue, config, captures, SOURCE);
  }

  /**
   * Works messages off.
   * @param most messages to be taken; those of all jobs that are waiting unless said
   * @returns messages in the order in which they were done
   */
  async work(most = Number.POSITIVE_INFINITY): Promise<TaskMessage[]> {
    const done: TaskMessage[] = [];
    while (done.length < most) {
      const delivery = this.queue.receive();
      if (delivery === undefined) {
        const dead = this.queue.dead.shift();
        if (dead === undefined) break;
        if (await failTask(this.store, this.queue, dead, 'it failed each time')) await this.nextTurn(dead.job);
        continue;
      }
      try {
        await this.run(delivery.message);
        done.push(delivery.message);
        delivery.acknowledge();
      } catch (error) {
        this.errors.push(String(error));
        delivery.release();
      }
    }
    return done;
  }

  private async run(message: TaskMessage): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    const scratch = mkdtempSync(join(this.folder, 'scratch-'));
    try {
      const { store, results, captures, queue } = this;
      const { ended } = await runTask({ store, results, captures, queue, scratch, ...this.more }, message, workOf);
      if (ended) await this.nextTurn(message.job);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  private async nextTurn(job: string): Promise<void> {
    const known = await getJson<{ config: JobConfig }>(this.store, `jobs/${job}/job.json`);
    await takeTurn(this.store, this.queue, known!.config.dataset);
  }

  async summary(job: string): Promise<JobSummary> {
    const summary = await getJson<JobSummary>(this.store, summaryKey(job));
    if (summary === undefined) throw new Error(`job ${job} has no summary`);
    return summary;
  }

  async tables(job: string): Promise<Tables> {
    return readTables(this.results.root, (await this.summary(job)).files);
  }
}

/** Captures that nobody reads. */
export function madeUpCaptures(...names: string[]): CaptureRef[] {
  return names.map((name) => ({ name, location: name, size: 100, version: `of ${name}` }));
}
