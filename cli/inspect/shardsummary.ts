/** Files near a shard with what the shard itself does not have: its task's summary, or the reduce tasks' lists. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { MapSummary, RankedCapture } from '../../shared/job/tasks/maptask.ts';
import type { ReduceShards } from '../../shared/job/tasks/reducetask.ts';
import { parseJson } from '../../shared/store/jsonobject.ts';

/** What the shard itself does not have. */
export interface ShardSummary {
  /** Whole microseconds from which its times count. */
  baseUs: number;
  /** Names of the captures by their numbers in the shard. */
  captures: string[];
}

/** What is known of a shard from its folder or the one above; null when nothing is. */
export async function shardSummary(path: string): Promise<ShardSummary | null> {
  const place = resolve(path);
  const own = dirname(place);
  return (await fromMap(place, own)) ?? (await fromMap(place, dirname(own))) ?? fromBalance(place, own);
}

function findShard<T extends { key: string }>(place: string, shards: readonly T[] | undefined): T | undefined {
  return shards?.find(({ key }) => place.endsWith(`/${key}`));
}

async function fromMap(place: string, folder: string): Promise<ShardSummary | null> {
  const summary = await json<MapSummary>(join(folder, 'summary.json'));
  const shard = findShard(place, summary?.shards);
  if (shard === undefined) return null;
  return { baseUs: shard.baseUs, captures: (summary?.captures ?? []).map(({ capture }) => capture.name) };
}

/** Shards of joined datagrams hold ranks of captures. */
async function fromBalance(place: string, folder: string): Promise<ShardSummary | null> {
  const shard = findShard(place, (await json<ReduceShards>(join(folder, 'reduce-shards.json')))?.shards);
  if (shard === undefined) return null;
  const captures: string[] = [];
  for (const part of (await json<string[]>(join(folder, 'captures.json'))) ?? [])
    for (const { capture } of (await json<RankedCapture[]>(join(folder, basename(part)))) ?? [])
      captures.push(capture.name);
  return { baseUs: shard.baseUs, captures };
}

/** Undefined when there is no such file, or it is not one of ours. */
async function json<T>(path: string): Promise<T | undefined> {
  return readFile(path)
    .then((bytes) => parseJson<T>(path, bytes))
    .catch(() => undefined);
}
