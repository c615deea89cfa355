/**
 * Tries of one job: the same captures and configuration once more. A job whose tables were made without some
 * captures, or that met an object of its own which was damaged, cannot go on: what it wrote is not to be mixed with
 * what is made now. The next try is a job of its own that takes over all shards that are sound.
 */
import type { CaptureRef } from '../store/capturesource.ts';
import { getJson } from '../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../store/objectstore.ts';
import { type JobConfig, jobId } from './config.ts';
import { isCommitted, readEnd } from './end.ts';
import { discard } from './fault.ts';
import { jobKey, summaryKey } from './keys.ts';
import { type JobSummary, lostCaptures } from './summary.ts';

/** The newest try of a job. */
export interface Try {
  config: JobConfig;
  committed: boolean;
}

/**
 * The try that a person gets who asks for these captures: the first one that is not over, or is whole.
 * @param results where the tables are looked for: those of a committed job may have been removed by hand
 */
export async function newestTry(
  store: ObjectStore,
  config: JobConfig,
  captures: readonly CaptureRef[],
  results?: ObjectStore,
): Promise<Try> {
  for (let retry = config.retry; ; retry = (retry ?? 0) + 1) {
    const tried = { ...config, retry };
    const state = await stateOf(store, jobId(tried, captures), results);
    if (state !== 'over') return { config: tried, committed: state === 'committed' };
  }
}

async function stateOf(store: ObjectStore, job: string, results?: ObjectStore): Promise<'open' | 'committed' | 'over'> {
  try {
    await getJson(store, jobKey(job));
    if (await isCommitted(store, job)) {
      const summary = await getJson<JobSummary>(store, summaryKey(job));
      if (summary === undefined || lostCaptures(summary).length > 0) return 'over';
      return results === undefined || (await allThere(results, summary)) ? 'committed' : 'over';
    }
    const end = await readEnd(store, job);
    if (end?.state !== 'failed' || end.damaged === undefined) return 'open';
    await discard(store, end.damaged);
    return 'over';
  } catch (error) {
    // The job's own files are damaged.
    if (error instanceof StoreError && error.reason === 'damaged') return 'over';
    throw error;
  }
}

async function allThere(results: ObjectStore, { files }: JobSummary): Promise<boolean> {
  for (const key of Object.values(files).flat()) if ((await results.head(key)) === undefined) return false;
  return true;
}
