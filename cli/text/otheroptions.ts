/** Whether a run asks for other tables or other sessions than those that are in the results. */
import { loadJobFile } from '../../shared/job/context.ts';
import { jobConfig } from '../../shared/job/dataset/dataset.ts';
import { digestOf, type JobConfig } from '../../shared/job/jobconfig.ts';
import type { JobOptions } from '../../shared/job/options/options.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';

/** What of a configuration decides rows, in the words of its options. */
const DECIDING: Readonly<Partial<Record<keyof JobConfig, string>>> = {
  packets: '--packets',
  sessions: 'timeouts',
  decode: '--key or --vxlan-port',
  keepCopies: '--keep-copies',
};

/**
 * A line that says so; null where the options are the same, or those of the results are not known.
 * @param job whose results they are
 */
export async function otherOptions(
  store: ObjectStore,
  dataset: string,
  job: string,
  options: JobOptions,
): Promise<string | null> {
  const before = await loadJobFile(store, job).catch(() => undefined);
  if (before === undefined) return null;
  const now = await jobConfig(store, dataset, options, before.config.sizes);
  const others = Object.entries(DECIDING).flatMap(([name, words]) => {
    const [was, is] = [before.config, now].map((config) => config[name as keyof JobConfig] ?? false);
    return digestOf(was) === digestOf(is) ? [] : [words];
  });
  if (others.length === 0) return null;
  const loses = before.config.packets && !now.packets ? ', and the packets table leaves the results' : '';
  return `the results were made with other options (${others.join(', ')}): all sessions are made anew with those of this run${loses}`;
}
