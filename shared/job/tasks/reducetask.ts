/** Input of reduce tasks: segments of shards, intervals to be made. Plain values, JSON in the store. */
import type { Carried, Interval } from './interval.ts';

/** A shard as reduce tasks see it. */
export interface ReduceShard {
  key: string;
  baseUs: number;
  firstUs: number;
  lastUs: number;
  /** Which of the lists of ranks is that of its captures; null when the rows already have ranks. */
  ranks: number | null;
}

/** The shards that the reduce tasks of a job read, and whose segments name them by number: one object for all tasks. */
export interface ReduceShards {
  /** For each group of captures that was mapped together the rank of each, LEFT_OUT for a copy of another. */
  ranks: number[][];
  shards: ReduceShard[];
}

/** Rows of one shard: [shard number, first row, end row, one bucket (0 or 1), then start, end, CRC-32, first row, rows of each batch]. */
export type SegmentTuple = number[];

/** Neighbouring segments [from, to) of a task that a merge task has put side by side, from byte `start` of an object on. */
export interface MergedRange {
  key: string;
  start: number;
  from: number;
  to: number;
}

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
  /** Key of the job's ReduceShards. */
  shards: string;
  segments: SegmentTuple[];
  /** Those of the segments that are not read from their shards. */
  merged: MergedRange[];
}
