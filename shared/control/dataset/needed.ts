/** What jobs need of the objects that they and others have written. */

import { type Job, shardingDigest } from '../../job/jobconfig.ts';
import { intervalEndKey, jobKey, shardGroupOf, shardGroupPrefix } from '../../job/protocol/keys.ts';
import { eachEnd } from '../../job/protocol/taskends.ts';
import type { IntervalEnd, MadeInterval } from '../../job/tasks/interval.ts';
import type { GroupPart, MapSpec, PlannedCapture } from '../../job/tasks/maptask.ts';
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

/** Captures whose packets are in the same shards. */
export interface ShardGroup {
  /** Prefix of the shards' keys, up to a slash. */
  prefix: string;
  captures: readonly PlannedCapture[];
  /** Prefix of the joined summary that names them, where they are found by one. */
  joined: string | null;
}

/** The groups of shards that a job uses, of map tasks that have ended well. */
export async function* shardGroups(store: ObjectStore, job: string): AsyncGenerator<ShardGroup> {
  const file = await getJson<Job>(store, jobKey(job));
  if (file === undefined) return;
  const sharding = shardingDigest(file.config);
  let specOf: ((task: number) => Promise<MapSpec>) | undefined;
  let task = 0;
  for await (const done of eachEnd(store, job, 'map')) {
    const number = task++;
    if (!done?.ok) continue;
    const { summary } = done.result;
    specOf ??= await specsOf<MapSpec>(store, job, 'map');
    const { captures, parts } = await specOf(number);
    if (parts === undefined) {
      yield { prefix: shardGroupOf(summary), captures, joined: null };
      continue;
    }
    const joined = summary.slice(0, summary.lastIndexOf('/') + 1);
    let from = 0;
    for (const { group, captures: count } of leaves(parts)) {
      yield { prefix: shardGroupPrefix(sharding, group), captures: captures.slice(from, from + count), joined };
      from += count;
    }
  }
}

function* leaves(parts: readonly GroupPart[]): Generator<GroupPart> {
  for (const part of parts)
    if (part.parts === undefined) yield part;
    else yield* leaves(part.parts);
}

/** Prefixes, up to a slash, of the groups of shards that a job uses, and of the joined summaries that name them. */
export async function usedShards(store: ObjectStore, job: string): Promise<Set<string>> {
  const used = new Set<string>();
  for await (const { prefix, joined } of shardGroups(store, job)) {
    used.add(prefix);
    if (joined !== null) used.add(joined);
  }
  return used;
}
