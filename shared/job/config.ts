/**
 * What a job is asked to do. Everything that results depend on goes into the
 * job's id; the sizes, on which only speed and memory depend, do not.
 */
import { createHash } from 'node:crypto';
import type { CompressionBounds } from '../capture/bounds.ts';
import type { DecodeConfig } from '../packet/decode.ts';
import type { SessionConfig } from '../session/config.ts';
import { SHARD_FORMAT } from '../shard/format.ts';
import type { Sharding } from '../shard/writer.ts';
import type { CaptureRef } from '../store/capturesource.ts';

/** Version of the rules by which shards and tables are made: a task of another version refuses to run. */
export const SOFTWARE = '0.1.0';

/** Bounds on the pieces of a job. */
export interface Sizes {
  /** Uncompressed capture bytes of a map task. */
  taskBytes: number;
  /** Rows of a shard, at most. */
  shardRows: number;
  /** Rows that end a batch at the next bucket border. */
  batchRows: number;
  /** Rows of a reduce task, about, at most. */
  partitionRows: number;
  /** Reduce tasks that there should be, so that all workers have some, where each has a fair number of rows. */
  partitions: number;
  /** Rows that one reduce holds open at once. */
  openRows: number;
  /** Rows of a Parquet file, at most. */
  fileRows: number;
  /** Uncompressed bytes of a capture that one task can read in its time; missing where tasks have all the time they need. */
  captureBytes?: number;
}

/** What `flowstitch run` uses unless told otherwise; bench/README.md has the measurements. */
export const DEFAULT_SIZES: Sizes = {
  taskBytes: 256 << 20,
  shardRows: 1_500_000,
  batchRows: 4096,
  partitionRows: 2_000_000,
  partitions: 1,
  openRows: 1_000_000,
  fileRows: 1_000_000,
};

/**
 * Sizes in the cloud: a map task reads for some ten seconds to a minute, a reduce task's shards are about
 * 150 MB, and a capture that would take a function longer than its quarter of an hour is refused.
 */
export const CLOUD_SIZES: Sizes = {
  taskBytes: 1 << 30,
  shardRows: 4_000_000,
  batchRows: 4096,
  partitionRows: 20_000_000,
  partitions: 64,
  openRows: 4_000_000,
  fileRows: 1_000_000,
  captureBytes: 32 * 2 ** 30,
};

export interface JobConfig {
  /** Data set the results belong to: letters, digits, '-' and '_'. */
  dataset: string;
  sharding: Sharding;
  decode: DecodeConfig;
  /** What compressed captures may ask for; missing means what they may unless told otherwise. */
  compression?: CompressionBounds;
  sessions: SessionConfig;
  /** Whether the packets table is made. */
  packets: boolean;
  /** Times that captures which a job went on without have been tried anew by a job of their own; missing in the first. */
  retry?: number;
  sizes: Sizes;
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

/** What shards depend on apart from the captures: shards of equal digest can be used again. */
export function shardingDigest(config: JobConfig): string {
  const { sharding, decode, compression } = config;
  return digestOf({ software: SOFTWARE, format: SHARD_FORMAT, sharding, decode, compression });
}

/** The job's id: the same captures and configuration are the same job. */
export function jobId(config: JobConfig, captures: readonly CaptureRef[]): string {
  const { sizes: _, ...meaning } = config;
  const inputs = captures.map(({ name, version }) => [name, version]).sort();
  return digestOf({ software: SOFTWARE, format: SHARD_FORMAT, meaning, inputs }).slice(0, 16);
}
