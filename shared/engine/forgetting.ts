/** Forgetting captures, or hosts, in a folder of results. */
import type { Cleaning } from '../control/dataset/clean.ts';
import { type Choice, type Forgetting, planForgetting } from '../control/dataset/forget.ts';
import { type HeldCaptures, heldCaptures } from '../control/dataset/heldcaptures.ts';
import { loadJobFile } from '../job/context.ts';
import type { CurrentJob } from '../job/dataset/currentjob.ts';
import { addForgottenHosts } from '../job/dataset/forgottenhosts.ts';
import type { JobSummary } from '../job/summary.ts';
import { currentJobs, openJob, overNewest } from '../query/folderresults.ts';
import { type CaptureRef, FileCaptures, fileOpens, isVersionOf } from '../store/capturesource.ts';
import { DirectoryStore } from '../store/directorystore.ts';
import { type EmbeddedOptions, runEmbedded } from './embedded.ts';
import { cleanFolder, foldersOf } from './folders.ts';

/** Most names in a message. */
const NAMED = 20;

/** What results have of some hosts. */
export interface HostRows {
  sessions: number;
  /** Rows of packets; null where that table is not written. */
  packets: number | null;
  /** Files of the tables, all of which are written anew. */
  files: Record<string, number>;
}

/**
 * What the current results of a data set have of hosts: sessions of which one is an end, or that were in a tunnel of one.
 * @param hosts canonical addresses
 * @throws Error when the results cannot be read
 */
export async function rowsOfHosts(out: string, dataset: string, hosts: readonly string[]): Promise<HostRows> {
  const newest = async (): Promise<CurrentJob> => {
    const job = (await currentJobs(out)).get(dataset);
    if (job === undefined) throw new Error(`there are no finished results of a data set '${dataset}'`);
    return job;
  };
  return overNewest(newest, async (job) => {
    const tables = await openJob(out, job);
    try {
      const list = `[${hosts.map((host) => `'${host}'`).join(', ')}]`;
      const sessions = `FROM sessions WHERE list_contains(${list}, orig_h) OR list_contains(${list}, resp_h)
        OR list_has_any(${list}, regexp_split_to_array(tunnel, '[ >,;]+'))`;
      const numberOf = async (sql: string): Promise<number> => Number((await tables.runQuery(sql)).rows[0][0]);
      return {
        sessions: await numberOf(`SELECT count(*) ${sessions}`),
        packets:
          job.files.packets === undefined || job.files.packets.length === 0
            ? null
            : await numberOf(`SELECT count(*) FROM packets WHERE uid IN (SELECT uid ${sessions})`),
        files: Object.fromEntries(Object.entries(job.files).map(([table, keys]) => [table, keys.length])),
      };
    } finally {
      tables.close();
    }
  });
}

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
  const gone: CaptureRef[] = [];
  for (const capture of forgetting.again) {
    const now = await new FileCaptures().version(capture);
    if (now === undefined || !isVersionOf(now, capture) || !(await fileOpens(capture))) gone.push(capture);
  }
  if (gone.length === 0) return forgetting;
  const names = gone.slice(0, NAMED).map(({ name }) => name);
  if (gone.length > NAMED) names.push(`${gone.length - NAMED} more`);
  throw new Error(
    'hosts' in choice
      ? `to leave out hosts, all captures are read again, and these cannot be read any more as they were: ${names.join(', ')}. ` +
          'Nothing has been changed. Put them back, or forget them first (--capture, --before), with all of their sessions'
      : `${names.join(', ')} cannot be read any more as it was, and its packets are in one object with some to be forgotten: ` +
          'put it back, or forget it too',
  );
}

/**
 * Forgets captures or hosts, once all other runs of the data set have ended: results without them, and then nothing else in the
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
      // From here on no job of the data set takes their packets, also if this one ends early.
      if ('hosts' in choice) await addForgottenHosts(store, dataset, choice.hosts);
      return forgetting.captures;
    },
  });
  return { forgetting, summary, cleaning: await cleanFolder(out, { jobs: 0, endedOnly: dataset }, false) };
}
