/** Input and output of reduce tasks: segments of shards, runs of sessions and packets. Plain values, JSON in the store. */
import type { RunBatch } from '../table/run/sessionrun.ts';
import type { Carried, Interval } from './interval.ts';

/** A shard as reduce tasks see it. */
export interface ReduceShard {
  key: string;
  baseUs: number;
  firstUs: number;
  lastUs: number;
  /** Rank of each capture of its map task, LEFT_OUT for a copy of another; null when the rows already have ranks. */
  ranks: number[] | null;
}

/** Rows of one shard: [shard number, first row, end row, one bucket (0 or 1), then start, end, CRC-32, first row, rows of each batch]. */
export type SegmentTuple = number[];

/** One reduce task: the buckets [fromBucket, toBucket) through the intervals that are to be made. */
export interface ReduceSpec {
  fromBucket: number;
  toBucket: number;
  /** Number in the job of the first interval to be made. */
  first: number;
  /** That interval and all behind it. */
  intervals: Interval[];
  /** Lowest and highest rank of the captures of the job. */
  ranks: [number, number];
  /** Time of the first packet of the whole job. */
  firstUs: number;
  /** Time of the last packet of the whole job: sessions that still wait for a timeout end there, with the input. */
  endUs: number;
  /** Sessions that were open where the first interval begins. */
  carried: Carried[];
  shards: ReduceShard[];
  segments: SegmentTuple[];
}

/** A run that a reduce task wrote. */
export interface WrittenRun<Batch extends RunBatch = RunBatch> {
  key: string;
  batches: Batch[];
}

/** The session that spans the most captures. */
export interface LongestSpan {
  captures: number;
  uid: string;
}

/** An object with FlippedRow's of sessions that start from `firstUs` to `lastUs`. */
export interface FlippedPart {
  key: string;
  firstUs: number;
  lastUs: number;
}

/** Such a part of one interval. */
export interface TurnedPart extends FlippedPart {
  /** Number of the interval in which they flipped: packet rows of it and of those before may be wrong. */
  interval: number;
}

/** Rows of packets that the session tracker has entered into sessions, by kind. */
export interface Tracked {
  /** Innermost packets that are not fragments, and their IP bytes. */
  packets: number;
  bytes: number;
  /** Packets around them: of tunnels that are sessions too. */
  outer: number;
  /** Datagrams joined from fragments, and their other fragments. */
  joined: number;
  /** Fragments without their datagram. There should be none: balance writes them together. */
  orphans: number;
}
