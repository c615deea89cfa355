/** Input and output of map tasks: captures as planned and as read, shards, fragments. Plain values, JSON in the store. */
import type { AnomalyRow } from '../../capture/anomaly.ts';
import type { CaptureFacts } from '../../capture/facts.ts';
import type { Undecoded } from '../../packet/undecoded.ts';
import type { ShardIndex } from '../../shard/shardwriter.ts';
import type { CaptureRef } from '../../store/capturesource.ts';
import type { CheckedRange } from '../../store/checkedrange.ts';

/** A capture as plan found it. */
export interface PlannedCapture extends CaptureRef {
  /** Time of the first record, whole microseconds; null when the head could not be read or has none. */
  headUs: number | null;
  /** Digest of stored bytes from its head; '' when the head could not be read. */
  headDigest: string;
}

/** One map task: captures that are read one after another. */
export interface MapSpec {
  captures: PlannedCapture[];
  /** Digest of the captures' versions: names the shards. Of a task with parts, names what joins their summaries. */
  group: string;
  /** Known groups that the task stands for, in the order of their captures; missing where it is one group. */
  parts?: GroupPart[];
}

/** A group of captures among several of a map task. Its captures are read only if its summary is not there any more. */
export interface GroupPart {
  group: string;
  /** How many they are. */
  captures: number;
  /** What it joins, itself joined by an earlier map task. */
  parts?: GroupPart[];
}

/** What a map task with parts writes. */
export interface JoinedSummary {
  /** Of each group, in the order of the captures. */
  joined: MapSummary[];
}

/** The summaries of the groups that a map task stands for: one, unless it has parts. */
export function groupsIn(summary: MapSummary | JoinedSummary): MapSummary[] {
  return 'joined' in summary ? summary.joined : [summary];
}

/** The result of reading one capture. */
export interface CaptureOutcome {
  capture: PlannedCapture;
  facts: CaptureFacts;
  /** Records by fate, indexed as FATES. */
  fates: number[];
  /** What its records hold that nothing is decoded of: all of FATE_NOT_IP, of other fates those that have a number. */
  undecoded: Undecoded[];
  /** Rows of innermost packets beyond one for each record whose fate is a session: of aggregates of several packets. */
  extraRows: number;
  /** Records of hosts that the data set has forgotten, which have no fate; missing where there are none. */
  forgotten?: number;
  /** Digest of the decoded records; null when it could not be read to its end. */
  digest: string | null;
  /** Why the capture could not be read at all; null when it could. */
  failure: { reason: string; detail: string } | null;
}

/** A capture with its place in the order of captures: its index in the list is its rank. */
export interface RankedCapture extends CaptureOutcome {
  fragmentsCompleted: number;
  fragmentsIncomplete: number;
  /** Rank of the capture whose same packets are used instead; null when its own are. */
  copyOf: number | null;
}

/** A shard and what its readers need. */
export interface ShardPlace extends ShardIndex {
  key: string;
  /** Number in the summary of each capture with rows in the shard, and how many, as pairs. */
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

/** The result of a map task. */
export interface MapSummary {
  captures: CaptureOutcome[];
  shards: ShardPlace[];
  fragments: FragmentPlace[];
  /** IP bytes of the innermost packets in its shards, of each capture. */
  innermostBytes: number[];
  /** `capture` is the number in `captures`. */
  anomalies: AnomalyRow[];
  /** Keys of parts with the earlier ones, where there are many. */
  anomalyParts?: string[];
}

/** Where a job's anomalies are: those of its map tasks, and those found by balance. */
export interface AnomalyPlaces {
  /** Rank of each capture of each group of captures; a map task that failed counts as one. */
  ranks: number[][];
  /** Keys of parts with rows by their captures' ranks. They follow those of map. */
  parts: string[];
}
