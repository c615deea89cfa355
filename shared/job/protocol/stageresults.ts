/** The stages of a job by name, the result of each stage's tasks, and how every task ends. */

import type { PublishedFile } from '../tasks/publishtask.ts';
import type { Gained, TurnedPart } from '../tasks/reduced.ts';

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
    /** Merge tasks: 0 where the reduce tasks read few enough segments by themselves. */
    merges: number;
    /** Key of the list of all intervals; the number of the first that this job makes. */
    intervals: string;
    first: number;
    /** Time of the last packet. */
    endUs: number;
    /** Rows of all reduce tasks; those among them that balance joined from fragments. */
    rows: number;
    joined: number;
    /** Rows among them of captures that are copies: reduce leaves them out. */
    copiedRows: number;
    /** IP bytes of the innermost packets in all shards of map tasks, of captures that are no copies. */
    innermostBytes: number;
    shuffleBytes: number;
  };
  merge: { objects: number; bytes: number };
  reduce: {
    /** Of the intervals that this job makes: sessions that flipped after packet rows of theirs had been written. */
    turned: TurnedPart[];
    /** What the intervals that this job makes gave, and the sessions left open at the end. */
    gained: Gained;
  };
  publish: {
    files: PublishedFile[];
    /** Of the interval in all partitions; null from a task that has not its sessions. */
    gained: Gained | null;
  };
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
