/** Writes a carry: the open sessions of a tracker, in order and in blocks. */
import { crc32 } from 'node:zlib';
import { rowsByKey, sortRows } from '../../algorithm/roworder.ts';
import { bucketOf, type FlowTable, KEY_WORDS, type Sharding, shardHash } from '../../packet/flow/flowtable.ts';
import * as L from '../slots.ts';
import type { SessionTracker } from '../tracker.ts';
import { addCounts, blockBytes, countsOf, emptyCounts, encodeBlock } from './carryblock.ts';
import { type CarryBlock, type CarryPlace, encodeIndex } from './carryindex.ts';

/** Bytes before compression at which a block ends with its bucket. */
const ENOUGH_BYTES = 128 << 10;
/** The most bytes of a block before compression, unless one session has more. */
export const MOST_BYTES = 256 << 10;

/**
 * The open sessions of a tracker as a carry, piece by piece: the object is the pieces, one behind the other. The tracker
 * has seen `endBefore(borderUs)`, sees nothing meanwhile, and is left as it is.
 *
 * @param sharding decides the sessions' buckets
 * @param identityOf name of the capture with this rank that any later job knows it by
 * @returns where in the object its index is
 */
export function* encodeCarry(
  tracker: SessionTracker,
  borderUs: number,
  sharding: Sharding,
  identityOf: (rank: number) => string,
): Generator<Uint8Array, CarryPlace> {
  const { order, buckets } = inOrder(tracker, sharding);
  const { numberOf, captures } = capturesOf(tracker, order, identityOf);
  const blocks: CarryBlock[] = [];
  let end = 0;
  let first = 0;
  let counts = emptyCounts();
  const cut = (to: number): Uint8Array => {
    const bytes = encodeBlock(tracker, order.subarray(first, to), buckets.subarray(first, to), counts, numberOf);
    blocks.push({
      fromBucket: buckets[first],
      toBucket: buckets[to - 1] + 1,
      start: end,
      end: end + bytes.length,
      crc: crc32(bytes),
      sessions: to - first,
    });
    end += bytes.length;
    first = to;
    counts = emptyCounts();
    return bytes;
  };
  for (let i = 0; i < order.length; i++) {
    const own = countsOf(tracker, order[i]);
    if (i > first) {
      const isEnough = buckets[i] !== buckets[i - 1] && blockBytes(counts) >= ENOUGH_BYTES;
      if (isEnough || blockBytes(counts) + blockBytes(own) > MOST_BYTES) yield cut(i);
    }
    addCounts(counts, own);
  }
  if (order.length > first) yield cut(order.length);
  const index = encodeIndex({ borderUs, captures, blocks }, end);
  yield index.bytes;
  return index.place;
}

/** The slots of the open sessions in order of (bucket, hash, flow key), and the bucket of each. */
function inOrder(tracker: SessionTracker, sharding: Sharding): { order: Uint32Array; buckets: Uint32Array } {
  const { words, open, limit } = tracker.slots;
  const slots = new Uint32Array(open);
  const hashes = new Uint32Array(open);
  let count = 0;
  for (let slot = 0; slot < limit; slot++) {
    const flow = words[slot * L.WORDS + L.W_FLOW];
    if (flow < 0) continue;
    slots[count] = slot;
    hashes[count++] = shardHash(tracker.flows.words, flow * KEY_WORDS, sharding.seed, sharding.by);
  }
  // Buckets are slices of the hash space, in its order.
  const rows = rowsByKey(hashes);
  sortEqual(rows, hashes, (a, b) => {
    const flow = (row: number): number => words[slots[row] * L.WORDS + L.W_FLOW];
    return compareKeys(tracker.flows, flow(a), flow(b));
  });
  const buckets = new Uint32Array(open);
  const order = new Uint32Array(open);
  for (let i = 0; i < open; i++) {
    order[i] = slots[rows[i]];
    buckets[i] = bucketOf(hashes[rows[i]], sharding.buckets);
  }
  return { order, buckets };
}

/** Sorts the rows of equal hashes: with the hash of addresses alone they may be many. */
function sortEqual(rows: Uint32Array, hashes: Uint32Array, compare: (a: number, b: number) => number): void {
  const scratch = new Uint32Array(rows.length);
  for (let from = 0, to = 1; from < rows.length; from = to, to = from + 1) {
    while (to < rows.length && hashes[rows[to]] === hashes[rows[from]]) to++;
    if (to - from > 1) sortRows(rows, from, to, compare, scratch);
  }
}

function compareKeys({ words }: FlowTable, a: number, b: number): number {
  for (let i = 0; i < KEY_WORDS; i++) {
    const difference = words[a * KEY_WORDS + i] - words[b * KEY_WORDS + i];
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The identities of the captures that sessions name, in order of rank, and the number of each by its rank. */
function capturesOf(
  tracker: SessionTracker,
  order: Uint32Array,
  identityOf: (rank: number) => string,
): { numberOf: Int32Array; captures: string[] } {
  const { words } = tracker.slots;
  let most = -1;
  for (const slot of order) most = Math.max(most, words[slot * L.WORDS + L.W_CAPTURE_MAX]);
  const numberOf = new Int32Array(most + 1).fill(-1);
  for (const slot of order) {
    // All captures of a session are these two and those of its set.
    const at = slot * L.WORDS;
    numberOf[words[at + L.W_CAPTURE_LATEST]] = 0;
    if (words[at + L.W_CAPTURE_BEFORE] >= 0) numberOf[words[at + L.W_CAPTURE_BEFORE]] = 0;
    if (words[at + L.W_CAPTURE_LIST] >= 0) for (const rank of tracker.captures.list(slot)) numberOf[rank] = 0;
  }
  const captures: string[] = [];
  for (let rank = 0; rank <= most; rank++)
    if (numberOf[rank] === 0) numberOf[rank] = captures.push(identityOf(rank)) - 1;
  return { numberOf, captures };
}
