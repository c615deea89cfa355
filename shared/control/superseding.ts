/**
 * Which of a data set's waiting jobs gets the next turn: the one that waits longest, or a later one that supersedes it,
 * because it has all its captures and the same configuration. What the earlier one would show is then shown a job later.
 */
import { loadJob, OtherVersion, UnknownJob } from '../job/context.ts';
import { allInputs } from '../job/inputs.ts';
import { lineOf } from '../job/jobconfig.ts';
import { hasEnded } from '../job/protocol/jobend.ts';
import type { ObjectStore } from '../store/objectstore.ts';

/** The job of a waiting key. */
export const waitingJob = (key: string): string => key.slice(key.lastIndexOf('-') + 1);

/**
 * The job to run, and the waiting keys of those that it supersedes.
 * @param waiting keys of the waiting jobs, the longest waiting first; one at least
 */
export async function nextTurn(
  store: ObjectStore,
  waiting: readonly string[],
): Promise<{ job: string; supersedes?: string[] }> {
  const job = waitingJob(waiting[0]);
  // A job that was submitted again counts from then on.
  const newest = new Map(waiting.map((key) => [waitingJob(key), key]));
  const later = [...newest].filter(([other, key]) => other !== job && key > (newest.get(job) as string));
  if (later.length === 0) return { job };
  const known = new Map<string, Waiting | null>();
  const read = async (id: string): Promise<Waiting | null> => {
    const found = known.has(id) ? known.get(id) : await waitingOf(store, id);
    known.set(id, found ?? null);
    return found ?? null;
  };
  for (const [by, key] of later.reverse()) {
    if (!supersedes(await read(by), await read(job))) continue;
    const superseded: string[] = [];
    for (const earlier of waiting) {
      const id = waitingJob(earlier);
      if (id === by || (newest.get(id) as string) > key) continue;
      if (supersedes(await read(by), await read(id))) superseded.push(earlier);
    }
    return { job: by, supersedes: superseded };
  }
  return { job };
}

/** What is compared of a waiting job. */
interface Waiting {
  /** Of the configuration: a try that repeats another is not the same. */
  config: string;
  /** Its captures by location, and whether each can be read. */
  captures: ReadonlyMap<string, boolean>;
}

/** Null for a job that will not be run, or whose files are gone. */
async function waitingOf(store: ObjectStore, id: string): Promise<Waiting | null> {
  if (await hasEnded(store, id)) return null;
  try {
    const { config } = await loadJob(store, id);
    const inputs = await allInputs(store, id);
    return {
      config: `${lineOf(config)} ${config.retry ?? 0}`,
      captures: new Map(inputs.map((each) => [each.location, each.refused === undefined])),
    };
  } catch (error) {
    if (error instanceof OtherVersion || error instanceof UnknownJob) return null;
    throw error;
  }
}

/** Whether a job has all captures of another one, be it in a later version, and can read those that the other can read. */
function supersedes(by: Waiting | null, job: Waiting | null): boolean {
  if (by === null || job === null || by.config !== job.config) return false;
  for (const [location, readable] of job.captures) {
    const there = by.captures.get(location);
    if (there === undefined || (readable && !there)) return false;
  }
  return true;
}
