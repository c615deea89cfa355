/** What a job costs in requests, and in dollars. */

import { CLOUD_SIZES } from '../../shared/job/jobconfig.ts';
import { DEFAULT_BUCKETS } from '../../shared/job/options/options.ts';
import { type PackedShard, ShardPacker } from '../../shared/stage/balance/packedshard.ts';
import { bucketRows, cutBuckets, partitionTarget } from '../../shared/stage/balance/partition.ts';
import { cutIntervals } from '../../shared/stage/interval/cut.ts';
import { CURSOR_BYTES } from '../../shared/stage/merge/merge.ts';
import { cutMerge, type MergeGroup, shardsAtOnce } from '../../shared/stage/merge/planmerge.ts';
import { placed } from '../stage/balance/placedshard.ts';
import { tasksOf } from './bounds.ts';
import { CALM, FULL, type Scenario, type Shape } from './scenario.ts';
import { KINDS, noRequests, type Requests } from './services.ts';
import { Simulation } from './simulation.ts';

/** S3 and SQS in us-east-1, dollars a request; removing from S3 is free, and all queues are reckoned as standard ones. */
const PRICES: Requests = {
  get: 0.0004 / 1000,
  head: 0.0004 / 1000,
  list: 0.005 / 1000,
  put: 0.005 / 1000,
  delete: 0,
  send: 0.4 / 1e6,
  deliver: 0.4 / 1e6,
  hold: 0.4 / 1e6,
};

/** Dollars. */
export function priceOf(requests: Requests): number {
  return KINDS.reduce((dollars, kind) => dollars + requests[kind] * PRICES[kind], 0);
}

/** The traffic that bench/ makes, and README's figures are of. */
const BYTES_PER_PACKET = 225;
const SESSIONS_PER_THOUSAND = 65;
const RUN_ROWS = 65_536;
const CAPTURE_BYTES = 150e6;
const CAPTURES = FULL.captures;

/** A job of these captures as plan, map and balance cut it by the sizes of the cloud, all hosts being equally busy. */
export interface CutJob {
  shape: Shape;
  /** Requests that move the data and that the simulation leaves out. */
  data: Requests;
  /** Of the shards, and of what merge tasks write: batches that two partitions share are in both. */
  bytes: { shards: number; merged: number };
}

export function cutJob(captures = CAPTURES): CutJob {
  const packets = (captures * CAPTURE_BYTES) / BYTES_PER_PACKET;
  const mapTasks = Math.ceil((captures * CAPTURE_BYTES) / CLOUD_SIZES.taskBytes);
  const shards = shardsOf(packets, mapTasks);
  const target = partitionTarget(packets, CLOUD_SIZES);
  const partitions = cutBuckets(bucketRows(shards, DEFAULT_BUCKETS), 0, DEFAULT_BUCKETS, target);
  const groups = cutMerge(shards, partitions, shardsAtOnce(shards, partitions, CLOUD_SIZES));
  const publishTasks = cutIntervals(shards, 0, shards.length, {
    rows: CLOUD_SIZES.intervalRows,
    shards: CLOUD_SIZES.intervalShards,
  }).length;
  const shape: Shape = {
    captures,
    mapTasks,
    mergeTasks: groups.length,
    partitions: partitions.length,
    publishTasks: publishTasks + 1,
  };
  const bytes = {
    shards: shards.reduce((sum, shard) => sum + shard.bytes, 0),
    merged: groups.flatMap((group) => group.bytes).reduce((sum, each) => sum + each, 0),
  };
  return { shape, data: dataRequests(shape, packets, shards, groups), bytes };
}

/** Shards of neighbouring times, all with as many rows in each bucket. */
function shardsOf(packets: number, mapTasks: number): PackedShard[] {
  const count = mapTasks * Math.ceil(packets / mapTasks / CLOUD_SIZES.shardRows);
  const rows = new Array<number>(DEFAULT_BUCKETS).fill(Math.round(packets / count / DEFAULT_BUCKETS));
  const packed = new ShardPacker().pack(placed(rows, 0, 0, CLOUD_SIZES.batchRows));
  return Array.from({ length: count }, (_, at) => ({ ...packed, firstUs: at, lastUs: at + 1 }));
}

/**
 * Captures are asked for twice, for their heads and whole; balance reads each map task's summary and fragments; each
 * partition has a range of each shard, or of each merged group; at the end of each interval each partition has a carry
 * beside the run that is simulated; publish reads each run.
 */
function dataRequests(
  { captures, mapTasks, partitions, publishTasks }: Shape,
  packets: number,
  shards: readonly PackedShard[],
  groups: readonly MergeGroup[],
): Requests {
  const ends = publishTasks * partitions;
  const sessions = (packets * SESSIONS_PER_THOUSAND) / 1000;
  const runs = ends * Math.max(1, Math.ceil(sessions / ends / RUN_ROWS));
  const requests = noRequests();
  requests.get = 2 * captures + 2 * mapTasks + runs;
  requests.put = shards.length + ends + runs - ends;
  let merged = 0;
  for (const { from, to, bytes } of groups) {
    merged += to - from;
    requests.put += bytes.length;
    for (const shard of shards.slice(from, to)) requests.get += Math.ceil(shard.bytes / CURSOR_BYTES);
  }
  requests.get += (groups.length + shards.length - merged) * partitions;
  return requests;
}

/** One job, and nothing that goes wrong. */
export function calmScenario(shape: Shape): Scenario {
  const deed = { deed: 'submit', at: 0, dataset: 'site', shape, variant: 0 } as const;
  return { seed: 1, faults: CALM, deeds: [deed], poison: [], poisonCaptures: [], reaction: 0, expiry: false };
}

/** The table, in lines of text. */
export async function costTable(captures?: number): Promise<string> {
  const { shape, data, bytes } = cutJob(captures);
  const { requests: coordination } = await new Simulation(calmScenario(shape)).run();
  const tasks = Object.values(tasksOf(shape)).reduce((sum, count) => sum + count, 0);
  const lines = [
    `${shape.captures} captures, ${tasks} tasks (map ${shape.mapTasks}, merge ${shape.mergeTasks}, reduce ${shape.partitions}, publish ${shape.publishTasks}), nothing going wrong`,
    `${'requests'.padEnd(10)}${'coordination'.padStart(14)}${'a task'.padStart(8)}${'data'.padStart(12)}${'dollars'.padStart(10)}`,
  ];
  for (const kind of KINDS) {
    const dollars = (coordination[kind] + data[kind]) * PRICES[kind];
    const a = (coordination[kind] / tasks).toFixed(2);
    lines.push(
      `${kind.padEnd(10)}${String(coordination[kind]).padStart(14)}${a.padStart(8)}${String(data[kind]).padStart(12)}${dollars.toFixed(4).padStart(10)}`,
    );
  }
  lines.push(`coordination $${priceOf(coordination).toFixed(3)}, data $${priceOf(data).toFixed(3)}`);
  lines.push(`shards ${(bytes.shards / 1e9).toFixed(0)} GB, merged objects ${(bytes.merged / 1e9).toFixed(0)} GB`);
  return lines.join('\n');
}
