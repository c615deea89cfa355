/**
 * Checks running jobs: moves on those that a crash left between two steps, and
 * reports the jobs without progress.
 */

import { loadJob, OtherVersion, requireJson } from '../job/context.ts';
import { begunPrefix, DATASETS_PREFIX, DONE_GROUP, donePrefix, listKey, sentKey } from '../job/keys.ts';
import type { StageList } from '../job/stageresults.ts';
import type { TaskQueue } from '../queue/taskqueue.ts';
import { STAGE_ORDER } from '../stage/stages.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { advance, stagePlanner } from './barrier.ts';
import { endForVersion } from './otherversion.ts';
import { takeTurn } from './turns.ts';

/** Time without a task's end after which a job counts as stuck, milliseconds. */
export const STALLED_MS = 15 * 60_000;

/** The jobs found by one check. */
export interface JobsSeen {
  /** Running jobs, one per data set. */
  running: string[];
  /** Those of them without progress for STALLED_MS, with their stage. */
  stalled: { job: string; stage: string; minutes: number }[];
}

/**
 * Checks every data set once.
 * @param now milliseconds since 1970
 * @throws the error of a data set that could not be checked, after all others
 */
export async function lookAfterJobs(store: ObjectStore, queue: TaskQueue, now: number): Promise<JobsSeen> {
  const seen: JobsSeen = { running: [], stalled: [] };
  const errors: unknown[] = [];
  for (const dataset of await datasetsWithTurns(store)) {
    try {
      const job = await takeTurn(store, queue, dataset);
      if (job === null) continue;
      seen.running.push(job);
      const stalled = await pushOn(store, queue, dataset, job, now);
      if (stalled !== null) seen.stalled.push({ job, ...stalled });
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} data sets failed; one: ${errors[0]}`);
  if (errors.length === 1) throw errors[0];
  return seen;
}

async function datasetsWithTurns(store: ObjectStore): Promise<string[]> {
  const datasets = new Set<string>();
  for await (const { key } of store.list(DATASETS_PREFIX)) {
    const [, dataset, kind] = key.split('/');
    if (kind === 'turns' || kind === 'waiting') datasets.add(dataset);
  }
  return [...datasets];
}

/** Advances the newest stage whose messages were sent. @returns the stage, when it has made no progress for long */
async function pushOn(
  store: ObjectStore,
  queue: TaskQueue,
  dataset: string,
  id: string,
  now: number,
): Promise<{ stage: string; minutes: number } | null> {
  for (const stage of [...STAGE_ORDER].reverse()) {
    const sent = await store.head(sentKey(id, stage));
    // Its list may exist: its writer died before all messages were sent, and the stage before it sends them.
    if (sent === undefined) continue;
    const { tasks } = await requireJson<StageList>(store, listKey(id, stage));
    // For a resumed job the time counts from the start of its turn.
    let last = sent.modified ?? now;
    for (const prefix of [donePrefix(id, stage), begunPrefix(dataset)])
      for await (const { modified = 0 } of store.list(prefix)) last = Math.max(last, modified);
    try {
      const job = await loadJob(store, id);
      for (let first = 0; first === 0 || first < tasks; first += DONE_GROUP) {
        const { began } = await advance(store, queue, id, stage, first, stagePlanner(store, job));
        if (began !== null) return null;
      }
    } catch (error) {
      if (!(error instanceof OtherVersion)) throw error;
      await endForVersion(store, queue, { job: id, stage, task: 0 }, error);
      return null;
    }
    return now - last >= STALLED_MS ? { stage, minutes: Math.floor((now - last) / 60_000) } : null;
  }
  return null;
}
