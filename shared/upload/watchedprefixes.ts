/** Data sets and the prefixes of their captures; prefixes whose captures start jobs automatically. */
import { createHash } from 'node:crypto';
import type { GivenOptions } from '../job/options/options.ts';
import { WATCHED_PREFIXES, watchedPrefixKey } from '../job/protocol/keys.ts';
import { getJson, jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';

/** When uploads to a prefix start jobs. */
export interface StartTimes {
  /** Seconds since the newest capture was written after which uploading counts as over; null: jobs do not wait for that. */
  quietSeconds: number | null;
  /** A job starts each time this many seconds are over, by the clock, if something has arrived; missing: only after quiet. */
  everySeconds?: number;
}

/** sources/<dataset>.json: a prefix whose captures start jobs. */
export interface WatchedPrefix extends StartTimes {
  dataset: string;
  bucket: string;
  prefix: string;
  /** Options of the jobs. */
  options: GivenOptions;
}

/** Default quiet time, seconds. */
export const DEFAULT_QUIET_SECONDS = 120;
/** The longest quiet time, and time between jobs, seconds. */
export const MOST_QUIET_SECONDS = 7 * 86_400;

/** Characters of a data set's name. */
const MOST_NAME = 64;

/**
 * The default data set of a prefix: the prefix itself where it is a plain name,
 * otherwise its plain characters and a digest that distinguishes it.
 * @param home the pipeline's own captures bucket; names of other buckets become part of the data set's name
 */
export function datasetOf(bucket: string, prefix: string, home: string): string {
  const place = `${bucket === home ? '' : `${bucket}/`}${prefix}`.replace(/\/+$/, '');
  const plain = place.replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^-+|-+$/g, '');
  if (plain === place && plain !== '' && plain.length <= MOST_NAME) return plain;
  const digest = createHash('sha256').update(place).digest('hex').slice(0, 8);
  return `${plain.slice(0, MOST_NAME - 9) || 'all'}-${digest}`;
}

export async function putWatchedPrefix(store: ObjectStore, watched: WatchedPrefix): Promise<void> {
  await store.put(watchedPrefixKey(watched.dataset), jsonBytes(watched));
}

/** @returns whether there was one */
export async function removeWatchedPrefix(store: ObjectStore, dataset: string): Promise<boolean> {
  const there = (await store.head(watchedPrefixKey(dataset))) !== undefined;
  await store.remove([watchedPrefixKey(dataset)]);
  return there;
}

export function getWatchedPrefix(store: ObjectStore, dataset: string): Promise<WatchedPrefix | undefined> {
  return getJson<WatchedPrefix>(store, watchedPrefixKey(dataset));
}

/** All of them, in order of their data sets' names. */
export async function listWatchedPrefixes(store: ObjectStore): Promise<WatchedPrefix[]> {
  const all: WatchedPrefix[] = [];
  for await (const { key } of store.list(WATCHED_PREFIXES)) {
    const watched = await getJson<WatchedPrefix>(store, key);
    if (watched !== undefined) all.push(watched);
  }
  return all;
}
