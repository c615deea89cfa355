/**
 * Captures to groups: those of known groups as they were, the others in order of time. Nothing here reads or writes.
 * A capture is its number among the job's captures.
 */
import { DIGEST_WORDS, DigestTable } from '../../algorithm/digesttable.ts';
import { compareStored } from '../../job/rank.ts';
import type { HeadedCaptures } from './headedcaptures.ts';

/** Most captures of a group that a map task reads. */
export const MOST_CAPTURES = 1000;

/** The captures that are to be read, in order of their first packets, those without one last. */
export function inOrder(captures: HeadedCaptures): Uint32Array {
  const { headUs, length } = captures;
  let count = 0;
  const order = new Uint32Array(length);
  for (let at = 0; at < length; at++) if (!captures.isRefused(at)) order[count++] = at;
  return order.subarray(0, count).sort((a, b) => {
    // Not by their difference: both may be infinite.
    if (headUs[a] !== headUs[b]) return headUs[a] < headUs[b] ? -1 : 1;
    return captures.compareBytes(a, b) || compareStored(captures.stored(a), captures.stored(b));
  });
}

/** Finds the captures of known groups, each once. */
export class Matching {
  private readonly captures: HeadedCaptures;
  private readonly order: Uint32Array;
  private readonly taken: Uint8Array;
  private readonly contents: DigestTable;
  /** By content the first capture that is left and has it, and by capture the next one: as number and 1, or 0. */
  private readonly first: Uint32Array;
  private readonly next: Uint32Array;

  /** @param order of inOrder: which of several captures of one content is taken first */
  constructor(captures: HeadedCaptures, order: Uint32Array) {
    this.captures = captures;
    this.order = order;
    this.taken = new Uint8Array(captures.length);
    this.contents = new DigestTable(order.length);
    this.first = new Uint32Array(order.length);
    this.next = new Uint32Array(captures.length);
    // Those that may be gone come first: only with the shards of a known group can they be used.
    for (const kept of [false, true])
      for (let at = order.length - 1; at >= 0; at--) if (captures.isKept(order[at]) === kept) this.putBack(order[at]);
  }

  /** Takes one capture for each content; null, and nothing taken, when one is missing or out of order. */
  take(contents: Uint32Array): Uint32Array | null {
    const group = new Uint32Array(contents.length / DIGEST_WORDS);
    for (let at = 0; at < group.length; at++) {
      const content = this.contents.find(contents, DIGEST_WORDS * at);
      if (content < 0 || this.first[content] === 0) {
        this.release(group.subarray(0, at));
        return null;
      }
      const capture = this.first[content] - 1;
      this.first[content] = this.next[capture];
      this.taken[capture] = 1;
      group[at] = capture;
    }
    if (inOrderOfNames(this.captures, group)) return group;
    this.release(group);
    return null;
  }

  /** Takes back what was taken last. */
  release(group: Uint32Array): void {
    for (let at = group.length - 1; at >= 0; at--) {
      this.taken[group[at]] = 0;
      this.putBack(group[at]);
    }
  }

  /** Whether any of a group's captures may be gone; null when they are not all among the job's, and in order. */
  keeps(contents: Uint32Array): boolean | null {
    const group = this.take(contents);
    if (group === null) return null;
    this.release(group);
    return group.some((capture) => this.captures.isKept(capture));
  }

  /** Groups of what is left, of about `taskBytes` estimated bytes. */
  rest(taskBytes: number): Uint32Array[] {
    const { order, taken } = this;
    const { reckoned } = this.captures;
    const groups: Uint32Array[] = [];
    let group: number[] = [];
    let bytes = 0;
    for (const capture of order) {
      if (taken[capture] === 1) continue;
      if (group.length > 0 && (bytes + reckoned[capture] > taskBytes || group.length === MOST_CAPTURES)) {
        groups.push(Uint32Array.from(group));
        group = [];
        bytes = 0;
      }
      group.push(capture);
      bytes += reckoned[capture];
    }
    if (group.length > 0) groups.push(Uint32Array.from(group));
    return groups;
  }

  private putBack(capture: number): void {
    const content = this.contents.enter(this.captures.contents, DIGEST_WORDS * capture);
    this.next[capture] = this.first[content];
    this.first[content] = capture + 1;
  }
}

/** Groups of captures that will not be read: of their own, so that they do not prevent the reuse of others' shards. */
export function refusedGroups(captures: HeadedCaptures): Uint32Array[] {
  const refused: number[] = [];
  for (let at = 0; at < captures.length; at++) if (captures.isRefused(at)) refused.push(at);
  const groups: Uint32Array[] = [];
  for (let from = 0; from < refused.length; from += MOST_CAPTURES)
    groups.push(Uint32Array.from(refused.slice(from, from + MOST_CAPTURES)));
  return groups;
}

/**
 * Whether captures of a group that differ only in their names are in the order of their names. Shards have the rows of
 * captures with equal records in the order of the group: if the names were swapped since, other shards are needed.
 */
function inOrderOfNames(captures: HeadedCaptures, group: Uint32Array): boolean {
  const newest = new Map<string, number>();
  for (const capture of group) {
    const alike = `${captures.headDigest(capture)}/${captures.size[capture]}`;
    const before = newest.get(alike);
    if (before !== undefined && captures.stored(before).name > captures.stored(capture).name) return false;
    newest.set(alike, capture);
  }
  return true;
}
