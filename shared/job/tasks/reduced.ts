/** Output of reduce tasks: runs of sessions and packets, and what they add up to. Plain values, JSON in the store. */
import type { RunBatch } from '../../table/run/sessionrun.ts';

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

/** What intervals gave, of one partition or of all. */
export interface Gained {
  tracked: Tracked;
  /** Sessions that began: each is in the runs of the interval in which it ended, or among those left open. */
  opened: number;
  sessions: number;
  packets: number;
  spanning: number;
  longest: LongestSpan | null;
}

export const NOTHING_GAINED: Gained = {
  tracked: { packets: 0, bytes: 0, outer: 0, joined: 0, orphans: 0 },
  opened: 0,
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
    opened: a.opened + b.opened,
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
