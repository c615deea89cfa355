/**
 * Intervals of packet time, and the chain that they make. Plain values, JSON in the store.
 *
 * Reduce walks the intervals of a job in order. What an interval gives depends on the interval before it, the captures
 * that reach into it, its bounds, and the rules: its chain id is the digest of these. So a later job finds by the id
 * whether an interval has been made already, and begins behind the last one that has.
 */
import type { CarryPlace } from '../session/carry/carryindex.ts';
import type { PacketRunBatch } from '../table/run/packetrun.ts';
import type { PublishedFile } from './publishtask.ts';
import type { FlippedPart, LongestSpan, Tracked, WrittenRun } from './reducetask.ts';

/** A stretch [fromUs, toUs) of packet time: whole microseconds since 1970. */
export interface Interval {
  /** Its chain id, 32 hex digits. */
  chain: string;
  fromUs: number;
  toUs: number;
}

/** What intervals gave, of one partition or of all. */
export interface Gained {
  tracked: Tracked;
  sessions: number;
  packets: number;
  spanning: number;
  longest: LongestSpan | null;
}

export const NOTHING_GAINED: Gained = {
  tracked: { packets: 0, bytes: 0, outer: 0, joined: 0, orphans: 0 },
  sessions: 0,
  packets: 0,
  spanning: 0,
  longest: null,
};

/** Of equal spans the lower uid counts, whatever partitions they come from. */
export function longerSpan(a: LongestSpan | null, b: LongestSpan | null): LongestSpan | null {
  if (a === null || b === null) return a ?? b;
  return a.captures > b.captures || (a.captures === b.captures && a.uid < b.uid) ? a : b;
}

export function addGained(a: Gained, b: Gained): Gained {
  return {
    tracked: addTracked(a.tracked, b.tracked),
    sessions: a.sessions + b.sessions,
    packets: a.packets + b.packets,
    spanning: a.spanning + b.spanning,
    longest: longerSpan(a.longest, b.longest),
  };
}

export function addTracked(a: Tracked, b: Tracked): Tracked {
  return {
    packets: a.packets + b.packets,
    bytes: a.bytes + b.bytes,
    outer: a.outer + b.outer,
    joined: a.joined + b.joined,
    orphans: a.orphans + b.orphans,
  };
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

/** An interval whose files are complete. */
export interface MadeInterval extends Interval {
  /** The job that made it, its number in that job, and how many partitions that had: where its ends are. */
  job: string;
  number: number;
  partitions: number;
  /** Key of the list of the captures' names by that job's ranks. */
  names: string;
  files: PublishedFile[];
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
