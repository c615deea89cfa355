/** What jobs need of the objects that they and others have written. */
import type { IntervalEnd, MadeInterval } from '../../job/interval.ts';
import { type Job, shardingDigest } from '../../job/jobconfig.ts';
import { intervalEndKey, jobKey, shardGroupOf, shardGroupPrefix } from '../../job/keys.ts';
import type { GroupPart, MapSpec } from '../../job/maptask.ts';
import { eachEnd } from '../../job/taskends.ts';
import { specsOf } from '../../stage/specs.ts';
import { inParallel, numbersTo, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { getJson } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';

/** Keys, and prefixes of keys. */
export interface Needed {
  keys: Set<string>;
  prefixes: string[];
}

/** What a later job reads of an interval that has been made: the sessions open at its end, and packets that may have to be written anew. */
export async function needInterval(
  store: ObjectStore,
  { job, number, partitions, names, turned }: MadeInterval,
  packets: boolean,
  { keys, prefixes }: Needed,
): Promise<void> {
  prefixes.push(names.replace(/[.]json$/, ''));
  for (const { key } of turned) keys.add(key);
  const ends = numbersTo(partitions).map((task) => intervalEndKey(job, task, number));
  for (const [task, end] of (
    await inParallel(ends, REQUESTS_AT_ONCE, (key) => getJson<IntervalEnd>(store, key))
  ).entries()) {
    if (end === undefined) continue;
    keys.add(ends[task]);
    if (end.carry !== null) keys.add(end.carry.key);
    if (packets) for (const { key } of end.packetRuns) keys.add(key);
  }
}

/** Prefixes, up to a slash, of the groups of shards that a job uses, and of the joined summaries that name them. */
export async function usedShards(store: ObjectStore, job: string): Promise<Set<string>> {
  const used = new Set<string>();
  const file = await getJson<Job>(store, jobKey(job));
  if (file === undefined) return used;
  const sharding = shardingDigest(file.config);
  const useParts = (parts: readonly GroupPart[]): void => {
    for (const { group, parts: inner } of parts)
      if (inner === undefined) used.add(shardGroupPrefix(sharding, group));
      else useParts(inner);
  };
  let specOf: ((task: number) => Promise<MapSpec>) | undefined;
  let task = 0;
  for await (const done of eachEnd(store, job, 'map')) {
    const number = task++;
    if (!done?.ok) continue;
    const { summary } = done.result;
    specOf ??= await specsOf<MapSpec>(store, job, 'map');
    const { parts } = await specOf(number);
    if (parts === undefined) used.add(shardGroupOf(summary));
    else {
      useParts(parts);
      used.add(summary.slice(0, summary.lastIndexOf('/') + 1));
    }
  }
  return used;
}
