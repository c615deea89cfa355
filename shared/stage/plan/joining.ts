/**
 * Known groups that one map task stands for. What a later job costs for a group that it does not read is a message and
 * some requests, so groups of small batches are put together, as their summaries are. That reads no capture. Sizes
 * grow by a factor of eight: a summary is written again twice or three times, however many batches there are.
 */
import { digestOf } from '../../job/jobconfig.ts';
import type { GroupPart } from '../../job/tasks/maptask.ts';
import type { KnownGroup } from './known/knowngroups.ts';

/** Bytes of summaries below which known groups are put together, class by class; those of the last and above stay alone. */
export const JOINED_BYTES = [64 << 10, 512 << 10, 4 << 20] as const;

/** What one map task stands for. */
export interface Unit {
  /** Numbers of the captures. */
  captures: Uint32Array;
  /** Name of the group, or of what joins several. */
  group: string;
  groups: readonly KnownGroup[];
  /** Bytes of their summaries. */
  bytes: number;
  /** What the task puts together; missing where its summary is there. */
  parts?: GroupPart[];
}

/** Puts small units together. @param units in order of time */
export function joinSmall(units: readonly Unit[]): Unit[] {
  let all = [...units];
  let least = 0;
  for (const below of JOINED_BYTES) {
    const joined: Unit[] = [];
    let together: Unit[] = [];
    let bytes = 0;
    for (const unit of all) {
      if (unit.bytes < least || unit.bytes >= below) {
        joined.push(unit);
        continue;
      }
      together.push(unit);
      bytes += unit.bytes;
      if (bytes < below) continue;
      joined.push(oneOf(together));
      together = [];
      bytes = 0;
    }
    if (together.length > 0) joined.push(oneOf(together));
    all = joined;
    least = below;
  }
  return all;
}

function oneOf(units: readonly Unit[]): Unit {
  if (units.length === 1) return units[0];
  const groups = units.flatMap((unit) => unit.groups);
  const captures = new Uint32Array(units.reduce((sum, unit) => sum + unit.captures.length, 0));
  let at = 0;
  for (const unit of units) {
    captures.set(unit.captures, at);
    at += unit.captures.length;
  }
  return {
    captures,
    group: joinedName(groups),
    groups,
    bytes: units.reduce((sum, unit) => sum + unit.bytes, 0),
    parts: units.flatMap((unit) => unit.parts ?? [partOf(unit)]),
  };
}

/** Groups that were mapped again under their old names have other shards: their times tell. */
export function joinedName(groups: readonly KnownGroup[]): string {
  return digestOf(groups.map(({ group, made }) => [group, made]));
}

const captureCount = ({ contents }: KnownGroup): number => contents.length / 4;

function partOf({ group, groups, captures }: Unit): GroupPart {
  const part = { group, captures: captures.length };
  return groups.length === 1 ? part : { ...part, parts: leavesOf(groups) };
}

/** Groups as parts of a task: what is read where nothing that joins them is there. */
export function leavesOf(groups: readonly KnownGroup[]): GroupPart[] {
  return groups.map((known) => ({ group: known.group, captures: captureCount(known) }));
}
