/** The stages of a job by name, the result of each stage's tasks, and how every task ends. */

import type { PacketRunBatch } from '../table/run/packetrun.ts';
import type { PublishedFile } from './publishtask.ts';
import type { FlippedPart, LongestSpan, Tracked, WrittenRun } from './reducetask.ts';

/** The result in a done key of each stage. */
export interface StageResults {
  plan: {
    captures: number;
    /** Stored bytes of the captures. */
    bytes: number;
    /** The tasks of map, as a StageList has them. */
    tasks: number;
    specs: string;
  };
  map: { summary: string; captures: number; records: number; reused: boolean };
  balance: {
    /** Key of the list of parts of the captures, in order of rank; the same of their names alone. */
    captures: string;
    names: string;
    /** Key of AnomalyPlaces. */
    anomalies: string;
    specs: string;
    partitions: number;
    /** As in ReduceSpec. */
    slotUs: number;
    /** Rows of all reduce tasks; those among them that balance joined from fragments. */
    rows: number;
    joined: number;
    /** Rows among them of captures that are copies: reduce leaves them out. */
    copiedRows: number;
    /** IP bytes of the innermost packets in all shards of map tasks, of captures that are no copies. */
    innermostBytes: number;
    shuffleBytes: number;
  };
  reduce: {
    sessionRuns: WrittenRun[];
    packetRuns: WrittenRun<PacketRunBatch>[];
    /** Sessions that flipped after packet rows of theirs had been written. */
    turned: FlippedPart[];
    /** Slot of session start and sessions, alternating; and the same for packet rows. */
    sessionStarts: number[];
    packetStarts: number[];
    /** What the sessions were made of. */
    tracked: Tracked;
    /** Rows of captures that are copies, which were left out. */
    leftOut: number;
    sessions: number;
    packets: number;
    spanning: number;
    longest: LongestSpan | null;
  };
  publish: { files: PublishedFile[] };
  commit: { summary: string };
}

/** Name of a stage. shared/stage/stages.ts has their order and descriptions. */
export type Stage = keyof StageResults;

/** Requests by kind, as storage and queues charge for them. */
export type RequestTotals = Record<string, number>;

/** The value of a done key. */
export type Done<S extends Stage = Stage> =
  | {
      ok: true;
      attempt: string;
      seconds: number;
      cpuSeconds: number;
      /** Requests of the attempt, by kind, where they are counted. */
      requests?: RequestTotals;
      result: StageResults[S];
    }
  | { ok: false; attempt: string; reason: string };

/** jobs/<job>/<stage>/list.json */
export interface StageList {
  tasks: number;
  /** Key prefix of the specifications: `<prefix><task>.json`; null for stages of one task that need none. */
  specs: string | null;
}
