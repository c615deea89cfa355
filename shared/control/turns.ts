/**
 * One running job per data set; another waits its turn. There is no lock: a turn
 * is a numbered key that one writer wins, and it is over when the job that it names
 * has ended. A process that submits a job records it as waiting before it reads
 * the turn, and one that ends a job records the end before it reads the waiting jobs: one of
 * the two always sees the other. A process may die between any two steps; the next
 * caller continues from the keys it finds.
 *
 * A turn may go to a later job than the one that waits longest: to the last one that has all its captures and the same
 * configuration. The jobs that it supersedes stand in the turn, so that none of them begins, whoever looks.
 */

import { loadJob, OtherVersion } from '../job/context.ts';
import { hasEnded, writeEnd } from '../job/protocol/jobend.ts';
import { begunKey, endKey, turnKey, turnPrefix, waitingKey, waitingPrefix } from '../job/protocol/keys.ts';
import type { TaskQueue } from '../queue/taskqueue.ts';
import { getJson, jsonBytes } from '../store/jsonobject.ts';
import { type ObjectHead, type ObjectStore, StoreError } from '../store/objectstore.ts';
import { resume, stagePlanner } from './barrier.ts';
import { enterRunning } from './runningjobs.ts';
import { nextTurn, waitingJob } from './superseding.ts';

/** datasets/<dataset>/turns/<n> */
interface Turn {
  /** Null: no job's. The turn before it is over. */
  job: string | null;
  /** Waiting keys of the jobs that it supersedes; missing where there are none. */
  supersedes?: string[];
}

interface NumberedTurn extends Turn {
  number: number;
}

async function keysOf(store: ObjectStore, prefix: string): Promise<ObjectHead[]> {
  const heads: ObjectHead[] = [];
  for await (const head of store.list(prefix)) heads.push(head);
  return heads;
}

/** The turn of a key, with its number. Undefined without a key. */
async function turnOf(
  store: ObjectStore,
  dataset: string,
  head: ObjectHead | undefined,
): Promise<NumberedTurn | undefined> {
  if (head === undefined) return undefined;
  const number = Number(head.key.slice(turnPrefix(dataset).length));
  try {
    return { job: null, ...(await getJson<Turn>(store, head.key)), number };
  } catch (error) {
    // Its job is unknown: it counts as no job's, and the next turn is taken.
    if (error instanceof StoreError && error.reason === 'damaged') return { number, job: null };
    throw error;
  }
}

async function lastTurn(store: ObjectStore, dataset: string): Promise<NumberedTurn | undefined> {
  return turnOf(store, dataset, (await keysOf(store, turnPrefix(dataset))).at(-1));
}

/**
 * Queues a job of a data set. It begins now, or when those before it have ended.
 * @returns whether it is the data set's running job
 */
export async function enqueueJob(store: ObjectStore, queue: TaskQueue, dataset: string, job: string): Promise<boolean> {
  await enterRunning(store, dataset, job);
  await store.put(waitingKey(dataset, Date.now(), job), jsonBytes({}));
  return (await takeTurn(store, queue, dataset)) === job;
}

/**
 * Removes a job's end, so that it can be queued again. Where the newest turn is its own, a turn of no job
 * is written first: the old turn stays over, also for processes that have read it and act on it a moment later.
 * A job that has not ended keeps its turn, which counts as not begun from now on: the next caller sends its
 * messages.
 */
export async function reopenJob(store: ObjectStore, dataset: string, job: string): Promise<void> {
  for (;;) {
    const turn = await lastTurn(store, dataset);
    if (turn?.job !== job) break;
    // The turn is read first, and the end afterwards: an end that was removed meanwhile belongs to another turn.
    if (!(await hasEnded(store, job))) {
      await store.remove([begunKey(dataset, turn.number)]);
      return;
    }
    await store.putIfAbsent(turnKey(dataset, turn.number + 1), jsonBytes({ job: null } satisfies Turn));
  }
  await store.remove([endKey(job)]);
}

/**
 * Begins the data set's next job if none is running.
 * @returns the job that runs, or null when none waits
 */
export async function takeTurn(store: ObjectStore, queue: TaskQueue, dataset: string): Promise<string | null> {
  for (;;) {
    // Waiting jobs are read before the turn: a job that got its turn in between is seen as running, and its
    // waiting key can be removed.
    const waiting = await keysOf(store, waitingPrefix(dataset));
    const turns = await keysOf(store, turnPrefix(dataset));
    const turn = (await turnOf(store, dataset, turns.at(-1))) ?? { number: 0, job: null };
    const { number, job: running, supersedes = [] } = turn;
    const superseded = waiting.filter(({ key }) => supersedes.includes(key));
    if (running !== null && superseded.length > 0) {
      for (const { key } of superseded) {
        const job = waitingJob(key);
        // One that was asked for again since is run after all.
        if (waiting.filter((other) => waitingJob(other.key) === job).length === 1)
          await writeEnd(store, job, { state: 'superseded', by: running });
      }
      await store.remove(superseded.map(({ key }) => key));
      continue;
    }
    if (running !== null && !(await hasEnded(store, running))) {
      if ((await store.head(begunKey(dataset, number))) === undefined) {
        if (!(await begin(store, queue, running))) continue;
        await store.putIfAbsent(begunKey(dataset, number), jsonBytes({}));
      }
      await store.remove(waiting.map(({ key }) => key).filter((key) => waitingJob(key) === running));
      return running;
    }
    const next = waiting.at(0);
    if (next === undefined) return null;
    if (await hasEnded(store, waitingJob(next.key))) {
      await store.remove([next.key]);
      continue;
    }
    await store.putIfAbsent(
      turnKey(dataset, number + 1),
      jsonBytes(
        (await nextTurn(
          store,
          waiting.map(({ key }) => key),
        )) satisfies Turn,
      ),
    );
    // Turns long over are not needed.
    if (turns.length > KEPT_TURNS)
      await store.remove(turns.slice(0, -KEPT_TURNS).flatMap(({ key }) => [key, key.replace('/turns/', '/begun/')]));
  }
}

/** Turns that are kept, so that a slow caller never reuses a number. */
const KEPT_TURNS = 100;

/** Sends the messages of a job whose turn it is. @returns false when it cannot be run, and has been ended */
async function begin(store: ObjectStore, queue: TaskQueue, id: string): Promise<boolean> {
  try {
    const job = await loadJob(store, id);
    await resume(store, queue, id, stagePlanner(store, job));
    return true;
  } catch (error) {
    if (!(error instanceof OtherVersion)) throw error;
    await writeEnd(store, id, { state: 'failed', stage: 'plan', task: 0, reason: error.message });
    return false;
  }
}

/** The running and waiting jobs of a data set. */
export interface Turns {
  running: string | null;
  /** In the order in which they come. */
  waiting: string[];
}

export async function turnsOf(store: ObjectStore, dataset: string): Promise<Turns> {
  const turn = (await lastTurn(store, dataset))?.job ?? null;
  const running = turn !== null && !(await hasEnded(store, turn)) ? turn : null;
  const waiting: string[] = [];
  for (const { key } of await keysOf(store, waitingPrefix(dataset))) {
    const job = waitingJob(key);
    if (job !== running && !waiting.includes(job)) waiting.push(job);
  }
  return { running, waiting };
}
