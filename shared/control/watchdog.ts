/**
 * Checks running jobs: moves on those that a crash left between two steps, and
 * reports the jobs without progress.
 */

import { loadJob, OtherVersion, requireJson } from '../job/context.ts';
import { begunPrefix, DONE_GROUP, donePrefix, listKey, sentKey } from '../job/protocol/keys.ts';
import type { StageList } from '../job/protocol/stageresults.ts';
import type { TaskQueue } from '../queue/taskqueue.ts';
import { STAGE_ORDER } from '../stage/stages.ts';
import { inParallel } from '../store/inparallel.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { advance, stagePlanner } from './barrier.ts';
import { endForVersion } from './otherversion.ts';
import { runningEntries, settleEnded, type Tell } from './runningjobs.ts';
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

/** Data sets that are checked side by side: one with many tasks takes some seconds. */
const AT_ONCE = 8;

/**
 * Checks each data set that has jobs which run or wait.
 * @param now milliseconds since 1970
 * @param tell called for each job that has ended and was not told of yet
 * @throws the error of a data set that could not be checked, after all others
 */
export async function lookAfterJobs(
  store: ObjectStore,
  queue: TaskQueue,
  now: number,
  tell: Tell = async () => {},
): Promise<JobsSeen> {
  const seen: JobsSeen = { running: [], stalled: [] };
  const errors: unknown[] = [];
  await inParallel([...(await runningEntries(store))], AT_ONCE, async ([dataset, entries]) => {
    try {
      const job = await takeTurn(store, queue, dataset);
      if (job !== null) {
        seen.running.push(job);
        const stalled = await pushOn(store, queue, dataset, job, now);
        if (stalled !== null) seen.stalled.push({ job, ...stalled });
      }
      await settleEnded(store, dataset, entries, tell);
    } catch (error) {
      errors.push(error);
    }
  });
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} data sets failed; one: ${errors[0]}`);
  if (errors.length === 1) throw errors[0];
  return seen;
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
