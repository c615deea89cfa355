/**
 * The configuration of a job. Everything that results depend on goes into the
 * job's id; the sizes on which only speed and memory depend do not.
 */
import { createHash } from 'node:crypto';
import type { CompressionBounds } from '../capture/compression/bounds.ts';
import type { DecodeConfig } from '../packet/decode.ts';
import type { Sharding } from '../packet/flow/flowtable.ts';
import type { SessionConfig } from '../session/sessionconfig.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import { MAPPING_REVISION, REVISIONS } from './revisions.ts';

/** Bounds on the pieces of a job. */
export interface Sizes {
  /** Uncompressed capture bytes of a map task. */
  taskBytes: number;
  /** Most rows of a shard. */
  shardRows: number;
  /** Rows that end a batch at the next bucket border. */
  batchRows: number;
  /** Most rows of a reduce task, approximately. */
  partitionRows: number;
  /** Least number of reduce tasks, so that all workers have some, as long as each has a fair number of rows. */
  partitions: number;
  /** Rows that one reduce holds open at once. */
  openRows: number;
  /** Reads of segments that the reduce tasks of a job may make, with more shards are merged; bytes of each read then. */
  directReads: number;
  readBytes: number;
  /** Rows and shards of an interval of packet time, at which the next one begins. */
  intervalRows: number;
  intervalShards: number;
  /** Most rows of a Parquet file. */
  fileRows: number;
  /** Uncompressed bytes of a capture that one task can read in its time; missing where tasks have no time limit. */
  captureBytes?: number;
}

/** Defaults of `flowstitch run`; bench/README.md has the measurements. */
export const DEFAULT_SIZES: Sizes = {
  taskBytes: 256 << 20,
  shardRows: 1_500_000,
  batchRows: 4096,
  partitionRows: 2_000_000,
  partitions: 1,
  openRows: 1_000_000,
  directReads: 200_000,
  readBytes: 2 << 20,
  intervalRows: 16_000_000,
  intervalShards: 1000,
  fileRows: 1_000_000,
};

/**
 * Sizes in the cloud: a map task reads for some ten seconds to a minute, a reduce task's shards are about
 * 150 MB, and a capture that would take a function longer than its 15 minutes is refused. At the end of an interval each
 * partition writes three objects; to publish the packets of one takes some four minutes of processor.
 */
export const CLOUD_SIZES: Sizes = {
  taskBytes: 1 << 30,
  shardRows: 4_000_000,
  batchRows: 4096,
  partitionRows: 20_000_000,
  partitions: 64,
  openRows: 4_000_000,
  directReads: 50_000,
  readBytes: 2 << 20,
  intervalRows: 300_000_000,
  intervalShards: 1000,
  fileRows: 1_000_000,
  captureBytes: 32 * 2 ** 30,
};

export interface JobConfig {
  /** Data set the results belong to: letters, digits, '-' and '_'. */
  dataset: string;
  sharding: Sharding;
  decode: DecodeConfig;
  /** Limits on compressed captures; missing means the defaults. */
  compression?: CompressionBounds;
  sessions: SessionConfig;
  /** Whether the packets table is written. */
  packets: boolean;
  /** Whether captures that hold the same packets as another one are used too; missing means not. */
  keepCopies?: boolean;
  /** How often captures that an earlier job left out were tried again by a job of their own; missing in the first. */
  retry?: number;
  sizes: Sizes;
}

/** jobs/<job>/job.json */
export interface Job {
  job: string;
  /** Release that started it: version and revisions. */
  software: string;
  config: JobConfig;
}

/** Hex digest of a JSON value with its keys in order, 32 digits. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 32);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object')
    return `{${Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
      .join(',')}}`;
  return JSON.stringify(value);
}

/**
 * What shards depend on apart from the captures: shards of equal digest can be reused. Everything except what is
 * named here as irrelevant to them, so that anything added to a configuration makes shards of its own.
 */
export function shardingDigest(config: JobConfig): string {
  const { dataset: _d, sessions: _s, packets: _p, keepCopies: _k, retry: _r, sizes: _z, ...mapping } = config;
  return digestOf({ revision: MAPPING_REVISION, ...mapping });
}

/** The sizes that results depend on: how rows are cut into files, and which captures are refused. Again all but those named. */
function meaningfulSizes(sizes: Sizes): Partial<Sizes> {
  const {
    taskBytes: _t,
    shardRows: _s,
    batchRows: _b,
    partitionRows: _r,
    partitions: _p,
    openRows: _o,
    directReads: _d,
    readBytes: _y,
    intervalRows: _i,
    intervalShards: _n,
    ...rest
  } = sizes;
  return rest;
}

/**
 * What the rows of intervals and their files depend on apart from the captures. Again all but what is named: the sharding
 * decides no row.
 */
export function intervalsDigest(config: JobConfig): string {
  const { retry: _r, sharding: _s, sizes, ...meaning } = config;
  return digestOf({ revisions: REVISIONS, meaning, sizes: meaningfulSizes(sizes) });
}

/** The line of a data set's intervals that a job continues: also the sharding must be the same, for carries are in the order of buckets. */
export function lineOf(config: JobConfig): string {
  return digestOf({ intervals: intervalsDigest(config), sharding: config.sharding }).slice(0, 16);
}

/** The job's id: the same captures and configuration, by the same rules, are the same job. */
export function jobId(config: JobConfig, captures: readonly CaptureRef[]): string {
  const meaning = { ...config, sizes: meaningfulSizes(config.sizes) };
  // A capture that was refused gives other tables than the same one read, and so does one that may be passed over.
  const inputs = captures
    .map(({ name, version, refused, incidental }) => [
      name,
      version,
      refused?.reason ?? (incidental ? 'incidental' : ''),
    ])
    .sort();
  return digestOf({ revisions: REVISIONS, meaning, inputs }).slice(0, 16);
}
