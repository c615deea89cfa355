/**
 * Files of the tables that a job on one machine relies on although earlier jobs, or earlier runs of it, have written them:
 * whoever cleans the folder in between, or removes one by hand, must not make a job name a file that is gone.
 */
import { shortenChains } from '../job/dataset/chains.ts';
import { wrongFile } from '../job/dataset/currentjob.ts';
import { type JobConfig, lineOf } from '../job/jobconfig.ts';
import { soundOrDiscarded } from '../job/protocol/fault.ts';
import { chainKey } from '../job/protocol/keys.ts';
import { eachEnd, readDone } from '../job/protocol/taskends.ts';
import type { Chain, IntervalsPlan } from '../job/tasks/interval.ts';
import type { PublishedFile } from '../job/tasks/publishtask.ts';
import { getJson } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';

async function firstWrong(results: ObjectStore, files: readonly PublishedFile[]): Promise<string | undefined> {
  return (await wrongFile(results, Object.fromEntries(files.map(({ key, bytes }) => [key, bytes]))))?.key;
}

/** The first file that is not as it was written, of those that an unfinished job has planned with or published. */
export async function wrongFileOf(store: ObjectStore, results: ObjectStore, job: string): Promise<string | undefined> {
  const balance = await readDone(store, job, 'balance', 0);
  if (balance === undefined || !balance.ok) return undefined;
  const plan = await getJson<IntervalsPlan>(store, balance.result.intervals);
  const files = (plan?.made ?? []).flatMap((interval) => interval.files);
  for await (const end of eachEnd(store, job, 'publish')) if (end?.ok) files.push(...end.result.files);
  return firstWrong(results, files);
}

/** Shortens the chain that a job is to continue to the intervals before the first with a file that is not as it was written. */
export async function checkChain(
  store: ObjectStore,
  results: ObjectStore,
  config: JobConfig,
  onDamaged?: (words: string) => void,
): Promise<void> {
  const chain = await soundOrDiscarded<Chain>(store, chainKey(config.dataset, lineOf(config)), onDamaged);
  const wrong = await firstWrong(results, chain?.intervals.flatMap(({ files }) => files) ?? []);
  if (wrong !== undefined)
    await shortenChains(store, config.dataset, ({ files }) => files.some(({ key }) => key === wrong));
}
