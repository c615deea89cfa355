/** The configuration of a job: its options, and what the data set's first job has fixed, buckets and seed. */
import { randomInt } from 'node:crypto';
import type { ShardBy, Sharding } from '../../packet/flow/flowtable.ts';
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../../store/objectstore.ts';
import type { JobConfig, Sizes } from '../jobconfig.ts';
import { DEFAULT_BUCKETS, type JobOptions } from '../options/options.ts';
import { soundOrDiscarded } from '../protocol/fault.ts';
import { datasetKey } from '../protocol/keys.ts';
import { withForgottenHosts } from './forgottenhosts.ts';

/**
 * The data set's sharding. Buckets and seed are fixed by its first job, so that later
 * jobs can use its shards; the seed is random, so that nobody can aim flows at one bucket.
 */
export async function datasetSharding(
  store: ObjectStore,
  dataset: string,
  by: ShardBy,
  buckets: number | undefined,
  onDamaged?: (words: string) => void,
): Promise<Sharding> {
  const key = datasetKey(dataset);
  const drawn = { buckets: buckets ?? DEFAULT_BUCKETS, seed: randomInt(2 ** 32) };
  let fixed = await soundOrDiscarded<{ buckets: number; seed: number }>(store, key, onDamaged);
  if (fixed === undefined)
    fixed = (await store.putIfAbsent(key, jsonBytes(drawn))) ? drawn : await getJson<typeof drawn>(store, key);
  if (fixed === undefined) throw new StoreError('io', key, `${key} cannot be written: something else is in its place`);
  // Another number of buckets makes shards of its own; the seed stays.
  return { buckets: buckets ?? fixed.buckets, seed: fixed.seed, by };
}

/** The configuration of a job: the options, what the data set's first job has fixed, and hosts that it has forgotten. */
export async function jobConfig(
  store: ObjectStore,
  dataset: string,
  options: JobOptions,
  sizes: Sizes,
  onDamaged?: (words: string) => void,
): Promise<JobConfig> {
  const config: JobConfig = {
    dataset,
    sharding: await datasetSharding(store, dataset, options.shardBy, options.buckets, onDamaged),
    decode: {
      keyVlan: options.keyVlan,
      keyVni: options.keyVni,
      ...(options.vxlanPorts.length > 0 && { vxlanPorts: options.vxlanPorts }),
    },
    compression: options.compression,
    sessions: options.sessions,
    packets: options.packets,
    keepCopies: options.keepCopies,
    sizes,
  };
  return withForgottenHosts(store, config);
}
