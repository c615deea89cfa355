/** The plain values that stages hand to each other through the store. All are JSON. */
import type { AnomalyRow } from '../capture/anomaly.ts';
import type { CaptureFacts } from '../capture/facts.ts';
import type { ShardIndex } from '../shard/shardwriter.ts';
import type { Tracked } from '../stage/reconcile.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import type { CheckedRange } from '../store/checkedrange.ts';
import type { PacketRunBatch } from '../table/run/packetrun.ts';
import type { RunBatch } from '../table/run/sessionrun.ts';
import type { Window } from '../table/window.ts';
import type { RequestTotals } from './context.ts';
import type { JobConfig } from './jobconfig.ts';

/** jobs/<job>/job.json */
export interface Job {
  job: string;
  /** Release that began it: version and revisions. */
  software: string;
  config: JobConfig;
}

/** A capture as the plan saw it. */
export interface PlannedCapture extends CaptureRef {
  /** Time of the first record, whole microseconds; null when the head could not be read or holds none. */
  headUs: number | null;
  /** Digest of stored bytes from its head; '' when the head could not be read. */
  headDigest: string;
}

/** One map task: captures that are read one after another. */
export interface MapSpec {
  captures: PlannedCapture[];
  /** Digest of the captures' versions: names the shards. */
  group: string;
}

/** A shard and what readers need to know of it. */
export interface ShardPlace extends ShardIndex {
  key: string;
  /** Numbers in the summary of the captures with rows in the shard. */
  captures: number[];
}

/** An object with fragment records, sorted by datagram. */
export interface FragmentPlace {
  key: string;
  /** Tunnel layers around each of them. */
  depth: number;
  bytes: number;
  rows: number;
  batches: CheckedRange[];
}

/** What became of one capture. */
export interface CaptureOutcome {
  capture: PlannedCapture;
  facts: CaptureFacts;
  /** Records by fate, indexed as FATES. */
  fates: number[];
  /** Rows of innermost packets beyond one for each record whose fate is a session: of aggregates of several packets. */
  extraRows: number;
  /** Digest of the decoded records; null when it could not be read to its end. */
  digest: string | null;
  /** Why the capture could not be read at all; null when it could. */
  failure: { reason: string; detail: string } | null;
}

/** What a map task made. */
export interface MapSummary {
  captures: CaptureOutcome[];
  shards: ShardPlace[];
  fragments: FragmentPlace[];
  /** IP bytes of the innermost packets in its shards. */
  innermostBytes: number;
  /** `capture` is the number in `captures`. */
  anomalies: AnomalyRow[];
  /** Keys of parts with those before them, where they are many. */
  anomalyParts?: string[];
}

/** Where a job's anomalies are: with its map tasks, and those that balance has found itself. */
export interface AnomalyPlaces {
  /** Rank of each capture of each map task; none where it failed. */
  ranks: number[][];
  /** Keys of parts with rows under their captures' ranks. They come after those of map. */
  parts: string[];
}

/** A shard as reduce tasks see it. */
export interface ReduceShard {
  key: string;
  baseUs: number;
  firstUs: number;
  lastUs: number;
  /** Rank of each capture of its map task; null when the rows hold ranks already. */
  ranks: number[] | null;
}

/** Rows of one shard: [shard number, first row, end row, one bucket (0 or 1), then start, end, CRC-32, first row, rows of each batch]. */
export type SegmentTuple = number[];

/** One reduce task: groups of segments, worked off one after another. A flow lies in one group only. */
export interface ReduceSpec {
  /** Time of the last packet of the whole job: what still waits for a timeout then ends with the input. */
  endUs: number;
  /** Length of the slots of time by which session starts are counted. */
  slotUs: number;
  shards: ReduceShard[];
  groups: { segments: SegmentTuple[] }[];
}

/** A capture with its place in the order of captures: its index in the list is its rank. */
export interface RankedCapture extends CaptureOutcome {
  fragmentsCompleted: number;
  fragmentsIncomplete: number;
}

/** A run that a reduce task wrote. */
export interface RunPlace<Batch extends RunBatch = RunBatch> {
  key: string;
  batches: Batch[];
}

/** The session over the most captures. */
export interface LongestSpan {
  captures: number;
  uid: string;
}

/** An object with TurnedRow's of sessions that start from `firstUs` to `lastUs`. */
export interface TurnedPart {
  key: string;
  firstUs: number;
  lastUs: number;
}

/** What each stage's done key says of success. */
export interface StageResults {
  plan: { captures: number; bytes: number };
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
    /** IP bytes of the innermost packets in all shards of map tasks. */
    innermostBytes: number;
    shuffleBytes: number;
  };
  reduce: {
    sessionRuns: RunPlace[];
    packetRuns: RunPlace<PacketRunBatch>[];
    /** Sessions that turned after packet rows of theirs had been written. */
    turned: TurnedPart[];
    /** Slot of session start and sessions, alternating; and the same for packet rows. */
    sessionStarts: number[];
    packetStarts: number[];
    /** What the sessions were made of. */
    tracked: Tracked;
    sessions: number;
    packets: number;
    spanning: number;
    longest: LongestSpan | null;
  };
  publish: { files: PublishedFile[] };
  commit: { summary: string };
}

/** One publish task: neighbouring windows of one table, mostly each a file. */
export interface PublishSpec {
  table: 'sessions' | 'packets';
  windows: Window[];
  /** Rows of a file, at most. */
  mostRows: number;
  /** Runs with batches that reach into the windows, and these batches alone. */
  runs: RunPlace<RunBatch | PacketRunBatch>[];
  /** Keys of the parts about sessions that turned. */
  turned: string[];
}

/** A file of a table. */
export interface PublishedFile {
  table: 'sessions' | 'packets';
  key: string;
  day: string;
  rows: number;
  bytes: number;
}

/** The value of a done key. */
export type Done<S extends keyof StageResults = keyof StageResults> =
  | {
      ok: true;
      attempt: string;
      seconds: number;
      cpuSeconds: number;
      /** Requests that the attempt made, by kind, where they are counted. */
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
