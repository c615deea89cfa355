/**
 * The log in a store: which entries there are, what they leave, and the writing of the next one. An entry is written
 * only if its number is free, so of several commits at once one is first and the others look again.
 */
import type { ObjectStore } from '../store/objectstore.ts';
import { type Action, entryBytes, entryOf } from './actions.ts';
import { checkpointBytes, checkpointState, emptyLog, type LogState, replay } from './checkpoint.ts';

export const LOG_FOLDER = '_delta_log';
/** An entry behind which a checkpoint is written: readers read at most so many entries one by one. */
export const CHECKPOINT_EVERY = 30;
/** Old entries stay that long, milliseconds: a query that began before has read by then which files it needs. */
const KEPT_MS = 3_600_000;

const LAST_CHECKPOINT = `${LOG_FOLDER}/_last_checkpoint`;
const NAME = /\/(\d{20})\.(json|checkpoint\.parquet)$/;

const numbered = (version: number): string => `${LOG_FOLDER}/${String(version).padStart(20, '0')}`;
export const entryKey = (version: number): string => `${numbered(version)}.json`;
export const checkpointKey = (version: number): string => `${numbered(version)}.checkpoint.parquet`;

/** The objects of the log. */
export interface LogListing {
  /** Number of the newest entry; -1 where there is no log. */
  newest: number;
  /** Number of the newest checkpoint, -1 without one. */
  checkpoint: number;
  objects: { key: string; version: number; modified: number | undefined; checkpoint: boolean }[];
}

/** A request or two: old entries are removed. */
export async function listLog(store: ObjectStore): Promise<LogListing> {
  const listing: LogListing = { newest: -1, checkpoint: -1, objects: [] };
  for await (const { key, modified } of store.list(`${LOG_FOLDER}/`)) {
    const [, digits, kind] = NAME.exec(key) ?? [];
    if (digits === undefined) continue;
    const version = Number(digits);
    const checkpoint = kind !== 'json';
    listing.objects.push({ key, version, modified, checkpoint });
    if (checkpoint) listing.checkpoint = Math.max(listing.checkpoint, version);
    else listing.newest = Math.max(listing.newest, version);
  }
  return listing;
}

export async function readEntry(store: ObjectStore, version: number): Promise<Action[]> {
  return entryOf(await store.get(entryKey(version)));
}

/** What the entries up to one leave: reads the newest checkpoint and the entries behind it. */
export async function readLog(store: ObjectStore, { newest, checkpoint }: LogListing): Promise<LogState> {
  const state = checkpoint < 0 ? emptyLog() : await checkpointState(await store.get(checkpointKey(checkpoint)));
  for (let version = checkpoint + 1; version <= newest; version++) replay(state, await readEntry(store, version));
  return state;
}

/** @returns whether this entry is the one under that number */
export function writeEntry(store: ObjectStore, version: number, actions: readonly Action[]): Promise<boolean> {
  return store.putIfAbsent(entryKey(version), entryBytes(actions));
}

/**
 * Writes the checkpoint behind an entry, and removes what no reader needs: entries and checkpoints before the newest
 * checkpoint there was before. Only readers' time depends on it, so it may be left out after a crash: the next one
 * does the same.
 */
export async function writeCheckpoint(store: ObjectStore, version: number, now: number): Promise<void> {
  const listing = await listLog(store);
  if (listing.checkpoint >= version) return;
  const state = await readLog(store, { ...listing, newest: version });
  const bytes = checkpointBytes(state);
  await store.put(checkpointKey(version), bytes);
  // Delta counts the actions of a checkpoint: protocol and metadata are two.
  await store.put(LAST_CHECKPOINT, new TextEncoder().encode(JSON.stringify({ version, size: state.files.size + 2 })));
  const old = listing.objects.filter(
    ({ version, modified = now }) => version < listing.checkpoint && modified < now - KEPT_MS,
  );
  await store.remove(old.map(({ key }) => key));
}
