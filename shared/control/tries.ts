/**
 * Tries of one job: the same captures and configuration again. A job that was committed without some
 * captures, or with one that was still being written and has been at rest since, or that found one of its own objects damaged, cannot continue: its output must not be mixed with
 * newly made output. The next try is a job of its own that reuses all sound shards.
 */

import { shortenChains } from '../job/dataset/chains.ts';
import { wrongFile } from '../job/dataset/currentjob.ts';
import { type JobConfig, jobId } from '../job/jobconfig.ts';
import { discardForNext } from '../job/protocol/fault.ts';
import { isCommitted, readEnd } from '../job/protocol/jobend.ts';
import { jobKey, summaryKey } from '../job/protocol/keys.ts';
import { type JobSummary, lostCaptures } from '../job/summary.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import { getJson } from '../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import { checkChain, wrongFileOf } from './madefiles.ts';

/** The newest try of a job. */
export interface Try {
  config: JobConfig;
  committed: boolean;
}

/** What is checked outside the job's own files. */
export interface Surroundings {
  /** Store of the tables: those of a committed job may have been removed by hand. */
  results?: ObjectStore;
  /** Whether a lost capture can be opened now; without it, another try is made. */
  opens?: (capture: CaptureRef) => Promise<boolean>;
  /** Called for each object that was found damaged and is made again. */
  onDamaged?: (words: string) => void;
}

/** The try to run for these captures: the first one that is not over, or is complete. */
export async function newestTry(
  store: ObjectStore,
  config: JobConfig,
  captures: readonly CaptureRef[],
  around: Surroundings = {},
): Promise<Try> {
  for (let tried = config; ; ) {
    const { state, damaged, wrong } = await stateOf(store, jobId(tried, captures), captures, around);
    if (state !== 'over') {
      if (state === 'open' && around.results !== undefined)
        await checkChain(store, around.results, tried, around.onDamaged);
      return { config: tried, committed: state === 'committed' };
    }
    tried = { ...tried, retry: (tried.retry ?? 0) + 1 };
    const next = jobId(tried, captures);
    if (damaged !== undefined) await discardForNext(store, damaged, next);
    // The interval whose file it is must be made again.
    if (wrong !== undefined && (await store.head(jobKey(next))) === undefined)
      await shortenChains(store, config.dataset, ({ files }) => files.some(({ key }) => key === wrong));
  }
}

interface TryState {
  state: 'open' | 'committed' | 'over';
  /** Key of the damaged object that ended the try. */
  damaged?: string;
  /** Key of a file of the tables that is not as it was written. */
  wrong?: string;
}

async function stateOf(
  store: ObjectStore,
  job: string,
  captures: readonly CaptureRef[],
  { results, opens, onDamaged }: Surroundings,
): Promise<TryState> {
  try {
    await getJson(store, jobKey(job));
    if (await isCommitted(store, job)) {
      const summary = await getJson<JobSummary>(store, summaryKey(job));
      if (summary === undefined || isAtRest(summary, captures) || (await mayBeFound(summary, captures, opens)))
        return { state: 'over' };
      const wrong = results && (await wrongFile(results, summary.fileBytes));
      return wrong === undefined ? { state: 'committed' } : { state: 'over', wrong: wrong.key };
    }
    const end = await readEnd(store, job);
    if (end?.state === 'failed' && end.damaged !== undefined) return { state: 'over', damaged: end.damaged };
    const wrong = results && (await wrongFileOf(store, results, job));
    return wrong === undefined ? { state: 'open' } : { state: 'over', wrong };
  } catch (error) {
    // The job's own files are damaged.
    if (error instanceof StoreError && error.reason === 'damaged') {
      onDamaged?.(error.message);
      return { state: 'over' };
    }
    throw error;
  }
}

/** Whether a capture that was still being written has not been written to since, for as long as that counts. */
function isAtRest({ open }: JobSummary, captures: readonly CaptureRef[]): boolean {
  const names = new Set(open.map(({ capture }) => capture));
  return captures.some(({ name, recent }) => names.has(name) && recent !== true);
}

/** Whether captures were lost that another try could read. */
async function mayBeFound(
  summary: JobSummary,
  captures: readonly CaptureRef[],
  opens: Surroundings['opens'],
): Promise<boolean> {
  const lost = new Set(lostCaptures(summary).map(({ capture }) => capture));
  if (lost.size === 0) return false;
  if (opens === undefined) return true;
  for (const capture of captures) if (lost.has(capture.name) && (await opens(capture))) return true;
  return false;
}
