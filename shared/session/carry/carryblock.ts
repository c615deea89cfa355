/**
 * A block of a carry: open sessions as columns, little-endian, compressed as a whole.
 *
 * | | |
 * |---|---|
 * | 8 words | how many of each of the following there are (BlockCounts) |
 * | doubles | a column for each double of a slot; then the ranges of TCP contents, from and to of each |
 * | words | bucket; the flow key; the words of a slot that mean the same anywhere; numbers of captures; how many ranges, remembered packets and captures each session has; then remembered packets and captures themselves |
 * | bytes | letters of histories; tunnels |
 *
 * What a slot refers to by a number of its tracker (flow, tunnel, ranges, remembered packets, sets of captures) is here
 * by content, or missing where the next tracker makes it anew: its number, its place in the wheel.
 */
import { zstdDecompressSync } from 'node:zlib';
import { KEY_WORDS } from '../../packet/flow/flowtable.ts';
import { MAX_TUNNEL_BYTES, TunnelTable } from '../../packet/flow/tunneltable.ts';
import { restoreHistory, saveHistory } from '../history.ts';
import { REPEAT_WORDS } from '../repeats.ts';
import * as L from '../slots.ts';
import type { SessionTracker } from '../tracker.ts';
import { compress } from './carryindex.ts';

/** Words that hold a capture's rank, -1 for none. */
const CAPTURE_WORDS = [
  L.W_CAPTURE_FIRST,
  L.W_CAPTURE_LAST,
  L.W_CAPTURE_MAX,
  L.W_CAPTURE_LATEST,
  L.W_CAPTURE_BEFORE,
] as const;

/** Words that mean something in their tracker only. */
const LOCAL_WORDS = new Set<number>([
  L.W_FLOW,
  L.W_NUMBER,
  L.W_TUNNEL,
  L.W_CELL,
  L.W_NEXT,
  L.W_PREVIOUS,
  L.W_CAPTURE_LIST,
  ...[0, 1].flatMap((end) =>
    [L.E_RANGES, L.E_RECENT, L.E_RECENT_PLACE].map((word) => L.W_ENDS + end * L.W_END_SIZE + word),
  ),
]);

/** Words that are as they are: all others. */
const PLAIN_WORDS = Uint8Array.from(
  Array.from({ length: L.WORDS }, (_, word) => word).filter(
    (word) => !LOCAL_WORDS.has(word) && !CAPTURE_WORDS.some((other) => other === word),
  ),
);

// Columns of words, in order.
const BUCKET = 0;
const KEY = 1;
const PLAIN = KEY + KEY_WORDS;
const CAPTURES = PLAIN + PLAIN_WORDS.length;
/** Ranges of end A and of end B. */
const RANGES = CAPTURES + CAPTURE_WORDS.length;
/** Bit 0 where packets of end A are remembered, bit 1 for end B. */
const RECENTS = RANGES + 2;
/** Captures in the set, besides those in words. */
const SET = RECENTS + 1;
const COLUMNS = SET + 1;

/** The column of the length of histories. */
const HISTORY_LENGTH = PLAIN + PLAIN_WORDS.indexOf(L.W_HISTORY_LENGTH);

const HEADER_WORDS = 8;

/** How much a block holds. */
export interface BlockCounts {
  sessions: number;
  /** Ranges of TCP contents. */
  ranges: number;
  /** Ends of which packets are remembered. */
  recents: number;
  /** Captures in sets. */
  captures: number;
  /** Bytes of history letters, and of tunnels. */
  letters: number;
  tunnels: number;
}

export function emptyCounts(): BlockCounts {
  return { sessions: 0, ranges: 0, recents: 0, captures: 0, letters: 0, tunnels: 0 };
}

/** Bytes of a block before it is compressed. */
export function blockBytes(counts: BlockCounts): number {
  const { sessions, ranges, recents, captures, letters, tunnels } = counts;
  const words = HEADER_WORDS + sessions * COLUMNS + recents * REPEAT_WORDS + captures;
  return 8 * (sessions * L.REALS + 2 * ranges) + 4 * words + letters + tunnels;
}

const tunnel = new Uint8Array(MAX_TUNNEL_BYTES);

/** What the session in `slot` holds. */
export function countsOf(tracker: SessionTracker, slot: number): BlockCounts {
  const { slots, contents, captures, flows } = tracker;
  const { words } = slots;
  const at = slot * L.WORDS;
  const counts = emptyCounts();
  counts.sessions = 1;
  for (let end = 0; end < 2; end++) {
    if (isTcp(words[at + L.W_FLAGS])) counts.ranges += contents.rangesOf(slot, end);
    if (words[at + L.W_ENDS + end * L.W_END_SIZE + L.E_RECENT] !== 0) counts.recents++;
  }
  if (words[at + L.W_CAPTURE_LIST] >= 0) counts.captures += captures.list(slot).length;
  counts.letters += words[at + L.W_HISTORY_LENGTH];
  counts.tunnels += flows.tunnels.put(words[at + L.W_TUNNEL], tunnel, 0);
  return counts;
}

/** Adds to a block's counts. */
export function addCounts(counts: BlockCounts, own: BlockCounts): void {
  counts.sessions += own.sessions;
  counts.ranges += own.ranges;
  counts.recents += own.recents;
  counts.captures += own.captures;
  counts.letters += own.letters;
  counts.tunnels += own.tunnels;
}

function isTcp(flags: number): boolean {
  return (flags & L.FLAG_KIND_MASK) >> L.FLAG_KIND_SHIFT === L.KIND_TCP;
}

/** The parts of a block, as views of its bytes. */
class BlockParts {
  readonly bytes: Uint8Array;
  readonly reals: Float64Array;
  readonly ranges: Float64Array;
  readonly columns: Int32Array;
  readonly recents: Int32Array;
  readonly captures: Int32Array;
  readonly letters: Uint8Array;
  readonly tunnels: Uint8Array;

  /** @param buffer of blockBytes(counts) bytes */
  constructor(buffer: ArrayBuffer, counts: BlockCounts) {
    let at = HEADER_WORDS * 4;
    const take = (bytes: number): number => {
      at += bytes;
      return at - bytes;
    };
    const { sessions, ranges, recents, captures, letters, tunnels } = counts;
    this.bytes = new Uint8Array(buffer);
    this.reals = new Float64Array(buffer, take(sessions * L.REALS * 8), sessions * L.REALS);
    this.ranges = new Float64Array(buffer, take(ranges * 16), ranges * 2);
    this.columns = new Int32Array(buffer, take(sessions * COLUMNS * 4), sessions * COLUMNS);
    this.recents = new Int32Array(buffer, take(recents * REPEAT_WORDS * 4), recents * REPEAT_WORDS);
    this.captures = new Int32Array(buffer, take(captures * 4), captures);
    this.letters = new Uint8Array(buffer, take(letters), letters);
    this.tunnels = new Uint8Array(buffer, take(tunnels), tunnels);
  }
}

/**
 * The sessions in slots[0..) as a block.
 *
 * @param buckets their buckets
 * @param counts how much they hold (countSession)
 * @param numberOf number of a capture in the carry's list, by rank
 */
export function encodeBlock(
  tracker: SessionTracker,
  slots: Uint32Array,
  buckets: Uint32Array,
  counts: BlockCounts,
  numberOf: Int32Array,
): Uint8Array {
  const buffer = new ArrayBuffer(blockBytes(counts));
  const { sessions, ranges, recents, captures, letters, tunnels } = counts;
  new Uint32Array(buffer, 0, HEADER_WORDS).set([sessions, ranges, recents, captures, letters, tunnels]);
  const parts = new BlockParts(buffer, counts);
  encodeSlots(tracker, slots, buckets, parts, numberOf);
  encodeContents(tracker, slots, parts, numberOf);
  return compress(parts.bytes);
}

/** The columns that come from slots and flow keys. */
function encodeSlots(
  tracker: SessionTracker,
  slots: Uint32Array,
  buckets: Uint32Array,
  { reals, columns }: BlockParts,
  numberOf: Int32Array,
): void {
  const n = slots.length;
  const { words, reals: slotReals } = tracker.slots;
  const keys = tracker.flows.words;
  columns.set(buckets, BUCKET * n);
  for (let i = 0; i < n; i++) {
    const at = slots[i] * L.WORDS;
    const key = words[at + L.W_FLOW] * KEY_WORDS;
    for (let k = 0; k < L.REALS; k++) reals[k * n + i] = slotReals[slots[i] * L.REALS + k];
    for (let k = 0; k < KEY_WORDS; k++) columns[(KEY + k) * n + i] = keys[key + k];
    for (let k = 0; k < PLAIN_WORDS.length; k++) columns[(PLAIN + k) * n + i] = words[at + PLAIN_WORDS[k]];
    for (let k = 0; k < CAPTURE_WORDS.length; k++) {
      const rank = words[at + CAPTURE_WORDS[k]];
      columns[(CAPTURES + k) * n + i] = rank < 0 ? -1 : numberOf[rank];
    }
  }
}

/** What slots refer to, and how much of it each session has. */
function encodeContents(tracker: SessionTracker, slots: Uint32Array, parts: BlockParts, numberOf: Int32Array): void {
  const n = slots.length;
  const { columns } = parts;
  const { words } = tracker.slots;
  let ranges = 0;
  let recents = 0;
  let captures = 0;
  let letters = 0;
  let tunnels = 0;
  for (let i = 0; i < n; i++) {
    const slot = slots[i];
    const at = slot * L.WORDS;
    for (let end = 0; end < 2; end++) {
      if (isTcp(words[at + L.W_FLAGS])) {
        const before = ranges;
        ranges = tracker.contents.save(slot, end, parts.ranges, ranges);
        columns[(RANGES + end) * n + i] = (ranges - before) / 2;
      }
      if (!tracker.repeats.save(slot, end, parts.recents, recents)) continue;
      columns[RECENTS * n + i] |= 1 << end;
      recents += REPEAT_WORDS;
    }
    if (words[at + L.W_CAPTURE_LIST] >= 0) {
      const list = tracker.captures.list(slot);
      columns[SET * n + i] = list.length;
      for (const rank of list) parts.captures[captures++] = numberOf[rank];
    }
    letters = saveHistory(tracker.slots, slot, parts.letters, letters);
    tunnels = tracker.flows.tunnels.put(words[at + L.W_TUNNEL], parts.tunnels, tunnels);
  }
}

/**
 * Opens the sessions of a block whose bucket is in [from, to).
 *
 * @param object the carry's name in errors
 * @param bytes as encodeBlock returned them; their checksum has been verified
 * @param ranks rank of each capture in the carry's list
 * @returns how many sessions
 * @throws Error when the bytes are not a block, or when a session's flow has an open session already
 */
export function restoreBlock(
  object: string,
  bytes: Uint8Array,
  from: number,
  to: number,
  ranks: Int32Array,
  tracker: SessionTracker,
): number {
  const plain = Uint8Array.from(zstdDecompressSync(bytes));
  const [sessions, ranges, recents, captures, letters, tunnels] = new Uint32Array(plain.buffer, 0, HEADER_WORDS);
  const counts = { sessions, ranges, recents, captures, letters, tunnels };
  if (blockBytes(counts) !== plain.length)
    throw new Error(`${object} has a block of ${plain.length} bytes whose header says ${blockBytes(counts)}`);
  return restoreSessions(object, new BlockParts(plain.buffer, counts), sessions, from, to, ranks, tracker);
}

function restoreSessions(
  object: string,
  parts: BlockParts,
  n: number,
  from: number,
  to: number,
  ranks: Int32Array,
  tracker: SessionTracker,
): number {
  const { columns } = parts;
  let restored = 0;
  let ranges = 0;
  let recents = 0;
  let captures = 0;
  let letters = 0;
  let tunnels = 0;
  for (let i = 0; i < n; i++) {
    const bucket = columns[BUCKET * n + i];
    const open = bucket >= from && bucket < to;
    const length = columns[HISTORY_LENGTH * n + i];
    const set = columns[SET * n + i];
    let slot = -1;
    if (open) {
      slot = restoreSlot(parts, n, i, ranks, tracker);
      restoreHistory(tracker.slots, slot, parts.letters, letters);
      tracker.slots.words[slot * L.WORDS + L.W_TUNNEL] = tracker.flows.tunnels.take(parts.tunnels, tunnels);
      const list: number[] = [];
      for (let k = 0; k < set; k++) list.push(ranks[parts.captures[captures + k]]);
      tracker.captures.restore(slot, list);
    }
    for (let end = 0; end < 2; end++) {
      const count = columns[(RANGES + end) * n + i];
      if (open && isTcp(tracker.slots.words[slot * L.WORDS + L.W_FLAGS]))
        tracker.contents.restore(slot, end, count, parts.ranges, ranges);
      ranges += 2 * count;
      if ((columns[RECENTS * n + i] & (1 << end)) === 0) continue;
      if (open) tracker.repeats.restore(slot, end, parts.recents, recents);
      recents += REPEAT_WORDS;
    }
    captures += set;
    letters += length;
    tunnels += TunnelTable.bytes(parts.tunnels, tunnels);
    if (!open) continue;
    if (!tracker.resume(slot))
      throw new Error(`${object} has a session of a flow that has an open one already: was it restored before?`);
    restored++;
  }
  return restored;
}

const key = new Uint32Array(KEY_WORDS);

/** A slot with what is in columns. */
function restoreSlot(
  { reals, columns }: BlockParts,
  n: number,
  i: number,
  ranks: Int32Array,
  tracker: SessionTracker,
): number {
  const slot = tracker.slots.take();
  const { words, reals: slotReals } = tracker.slots;
  const at = slot * L.WORDS;
  for (let k = 0; k < KEY_WORDS; k++) key[k] = columns[(KEY + k) * n + i];
  words[at + L.W_FLOW] = tracker.flows.lookup(key);
  for (let k = 0; k < PLAIN_WORDS.length; k++) words[at + PLAIN_WORDS[k]] = columns[(PLAIN + k) * n + i];
  for (let k = 0; k < CAPTURE_WORDS.length; k++) {
    const number = columns[(CAPTURES + k) * n + i];
    words[at + CAPTURE_WORDS[k]] = number < 0 ? -1 : ranks[number];
  }
  for (let k = 0; k < L.REALS; k++) slotReals[slot * L.REALS + k] = reals[k * n + i];
  return slot;
}
