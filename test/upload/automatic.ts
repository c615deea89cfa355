import type { Job } from '../../shared/job/jobconfig.ts';
import { jobKey } from '../../shared/job/protocol/keys.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import { DEFAULT_QUIET_SECONDS, putWatchedPrefix, type WatchedPrefix } from '../../shared/upload/watchedprefixes.ts';
import { random, SEED } from '../job/harness.ts';
import { HOME, UploadWorld } from './uploadworld.ts';

export const QUIET_MS = DEFAULT_QUIET_SECONDS * 1000;

export const SITE: WatchedPrefix = {
  dataset: 'site-a',
  bucket: HOME,
  prefix: 'site-a/',
  quietSeconds: DEFAULT_QUIET_SECONDS,
  options: {},
};

/** A world in which site-a/ starts jobs by itself. */
export async function automatic(
  next = random(SEED),
  doubles = false,
  source: Partial<WatchedPrefix> = {},
): Promise<UploadWorld> {
  const world = new UploadWorld(next, doubles);
  await putWatchedPrefix(world.store, { ...SITE, ...source });
  return world;
}

export const named = (key: string): string => `s3://${HOME}/${key}`;

/** A marker and two captures under a prefix. */
export async function withMarker(
  prefix: string,
  text: string,
  before?: (world: UploadWorld) => Promise<void>,
): Promise<UploadWorld> {
  const world = new UploadWorld(random(SEED));
  await before?.(world);
  for (const name of ['a.pcap', 'b.pcap', '_READY']) world.put(prefix + name, name === '_READY' ? text : undefined);
  world.event(`${prefix}_READY`);
  await world.run();
  return world;
}

export async function configOf(world: UploadWorld, job: string): Promise<Job['config']> {
  return (await getJson<Job>(world.store, jobKey(job)))!.config;
}
