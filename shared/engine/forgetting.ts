/** Forgetting captures in a folder of results. */
import type { Cleaning } from '../control/dataset/clean.ts';
import { type Choice, type Forgetting, planForgetting } from '../control/dataset/forget.ts';
import { type HeldCaptures, heldCaptures } from '../control/dataset/heldcaptures.ts';
import { loadJobFile } from '../job/context.ts';
import type { JobSummary } from '../job/summary.ts';
import { FileCaptures, fileOpens, isVersionOf } from '../store/capturesource.ts';
import { DirectoryStore } from '../store/directorystore.ts';
import { type EmbeddedOptions, runEmbedded } from './embedded.ts';
import { cleanFolder, foldersOf } from './folders.ts';

/** @throws Error when the data set has no results in the folder; as planForgetting does */
export async function forgettingIn(out: string, dataset: string, choice: Choice): Promise<Forgetting> {
  const store = new DirectoryStore(foldersOf(out).work);
  return planned(store, await heldCaptures(store, new DirectoryStore(out), dataset), dataset, choice);
}

async function planned(
  store: DirectoryStore,
  held: HeldCaptures | undefined,
  dataset: string,
  choice: Choice,
): Promise<Forgetting> {
  if (held === undefined) throw new Error(`there are no finished results of a data set '${dataset}'`);
  const forgetting = await planForgetting(store, dataset, held, choice);
  for (const capture of forgetting.again) {
    const now = await new FileCaptures().version(capture);
    if (now === undefined || !isVersionOf(now, capture) || !(await fileOpens(capture)))
      throw new Error(
        `${capture.name} cannot be read any more as it was, and its packets are in one object with some to be forgotten: ` +
          'put it back, or forget it too',
      );
  }
  return forgetting;
}

/**
 * Forgets captures, once all other runs of the data set have ended: results without them, and then nothing else in the
 * folder holds their packets. If it is stopped or fails, doing it again goes on.
 * @param out absolute
 * @throws as forgettingIn, runEmbedded and cleanFolder do
 */
export async function forget(
  out: string,
  dataset: string,
  choice: Choice,
  run: Pick<
    EmbeddedOptions,
    'workers' | 'signal' | 'onCaptures' | 'onStart' | 'onWait' | 'onTask' | 'onRetry' | 'onDamaged'
  >,
): Promise<{ forgetting: Forgetting; summary: JobSummary; cleaning: Cleaning }> {
  const store = new DirectoryStore(foldersOf(out).work);
  const held = await heldCaptures(store, new DirectoryStore(out), dataset);
  let forgetting = await planned(store, held, dataset, choice);
  // Its files are there, for it was planned from them.
  const { config } = await loadJobFile(store, held?.job ?? '');
  const { retry: _, ...rest } = config;
  const summary = await runEmbedded({
    ...run,
    out,
    captures: [],
    config: rest,
    withHeld: async (now) => {
      forgetting = await planned(store, now, dataset, choice);
      return forgetting.captures;
    },
  });
  return { forgetting, summary, cleaning: await cleanFolder(out, { jobs: 0, endedOnly: dataset }, false) };
}
