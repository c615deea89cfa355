/** What is told of a job that has ended, to whoever waits for it without asking. */
import { isCommitted, readEnd } from '../job/protocol/jobend.ts';
import { jobsPrefix, summaryKey } from '../job/protocol/keys.ts';
import type { Stage } from '../job/protocol/stageresults.ts';
import type { JobSummary } from '../job/summary.ts';
import { getJson } from '../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import type { JobEntry } from './start.ts';

/** Who tells, in the event. */
export const EVENT_SOURCE = 'flowstitch';
/** Kinds of events: a job has ended; a cleaning is due. Both have the name of the stack in their detail. */
export const ENDED_EVENT = 'Flowstitch Job Ended';
export const CLEANING_EVENT = 'Flowstitch Cleaning Due';

/** Characters of a reason: an event is small. */
const MOST_REASON = 2000;

export interface JobEnded {
  job: string;
  dataset: string;
  state: 'committed' | 'failed' | 'cancelled';
  /** Prefix of the captures, as s3://bucket/prefix; null for a list of them. */
  prefix: string | null;
  /** Captures that were given, and their stored bytes. */
  captures: number;
  captureBytes: number;
  /** Of a committed job. */
  packets?: number;
  sessions?: number;
  /** Captures that could not be read, or not completely. */
  damaged?: number;
  /** Of one that failed. */
  stage?: Stage;
  reason?: string;
}

/** How a job has ended; undefined while it has not, or once its files have expired or are damaged. */
export async function jobEnded(store: ObjectStore, dataset: string, job: string): Promise<JobEnded | undefined> {
  try {
    return await endOf(store, dataset, job);
  } catch (error) {
    if (error instanceof StoreError && error.reason === 'damaged') return undefined;
    throw error;
  }
}

async function endOf(store: ObjectStore, dataset: string, job: string): Promise<JobEnded | undefined> {
  const committed = await isCommitted(store, job);
  const end = committed ? undefined : await readEnd(store, job);
  if (!committed && end === undefined) return undefined;
  const entry = await getJson<JobEntry>(store, jobsPrefix(dataset) + job);
  const about = {
    job,
    dataset,
    prefix: entry?.source.prefix ?? null,
    captures: entry?.captures ?? 0,
    captureBytes: entry?.bytes ?? 0,
  };
  if (end?.state === 'failed')
    return { ...about, state: 'failed', stage: end.stage, reason: end.reason.slice(0, MOST_REASON) };
  if (end !== undefined) return { ...about, state: 'cancelled' };
  const summary = await getJson<JobSummary>(store, summaryKey(job));
  const counts = summary && {
    packets: summary.packets,
    sessions: summary.sessions,
    damaged: summary.damaged.length,
  };
  return { ...about, state: 'committed', ...counts };
}
