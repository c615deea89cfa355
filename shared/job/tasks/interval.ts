/**
 * Intervals of packet time, and the chain that they make. Plain values, JSON in the store.
 *
 * Reduce walks the intervals of a job in order. What an interval gives depends on the interval before it, the captures
 * that reach into it, its bounds, and the rules: its chain id is the digest of these. So a later job finds by the id
 * whether an interval has been made already, and begins behind the last one that has.
 */
import type { CarryPlace } from '../../session/carry/carryindex.ts';
import type { PacketRunBatch } from '../../table/run/packetrun.ts';
import type { DayTable } from '../../table/tables.ts';
import type { PublishedFile } from './publishtask.ts';
import type { FlippedPart, Gained, WrittenRun } from './reduced.ts';

/** A stretch [fromUs, toUs) of packet time: whole microseconds since 1970. */
export interface Interval {
  /** Its chain id, 32 hex digits. */
  chain: string;
  fromUs: number;
  toUs: number;
}

/** Sessions of the buckets [fromBucket, toBucket) that pass an interval's end: a carry and where in it the index is. */
export interface Carried {
  key: string;
  fromBucket: number;
  toBucket: number;
  place: CarryPlace;
}

/**
 * The end of an interval in one partition: jobs/<job>/reduce/ends/<task>/<number>. The first that is written counts. The
 * sessions that are open at the end of all have an end of their own, with the number behind the last interval's.
 */
export interface IntervalEnd {
  /**
   * Key of the shards with which the job was planned. Files of jobs expire one by one: a job that is planned anew may find
   * ends of its former partitions, and does not take them for its own.
   */
  plan: string;
  /** The sessions that are open at its end; null when there are none. */
  carry: Carried | null;
  sessionRuns: WrittenRun[];
  packetRuns: WrittenRun<PacketRunBatch>[];
  /** Sessions that flipped in this interval after packet rows of theirs had been written, in this one or before. */
  turned: FlippedPart[];
  /** Slot of session start and sessions, alternating; and the same for packet rows. */
  sessionStarts: number[];
  packetStarts: number[];
  /** Length of the slots. */
  slotUs: number;
  gained: Gained;
}

/** A day of a table: what an interval gave of it is in files together with the rows of other intervals. */
export interface JoinedDay {
  table: DayTable;
  day: string;
  /** Chain id of the interval with which the files stand: the last of those whose rows are in them. */
  into: string;
  /** As of an interval's own files; null until the files are written. */
  corrections: string[] | null;
}

/** An interval whose files are complete. */
export interface MadeInterval extends Interval {
  /** The job that made it, its number in that job, and how many partitions that had: where its ends are. */
  job: string;
  number: number;
  partitions: number;
  /** Key of the list of the captures' names by that job's ranks. */
  names: string;
  /** Its own, without days that are joined, and those of joined days that stand with it. */
  files: PublishedFile[];
  /** Days of which its rows are in files with those of others. */
  joined: JoinedDay[];
  /** Sessions that flipped in it. */
  turned: FlippedPart[];
  /** Chain ids of later intervals in which sessions flipped that have packets in it: its files have their last direction. */
  corrections: string[];
  /** Of it and all intervals before it. */
  total: Gained;
}

/** datasets/<dataset>/chains/<line>.json: the intervals of the data set's newest job with one configuration. */
export interface Chain {
  intervals: MadeInterval[];
}

/** The intervals of a job, in order: those made before, and those that it makes. */
export interface IntervalsPlan {
  made: MadeInterval[];
  rest: Interval[];
}
