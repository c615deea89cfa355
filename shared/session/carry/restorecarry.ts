/** Reads a carry: a tracker continues the sessions of a range of buckets. */
import { checkRanges } from '../../store/checkedrange.ts';
import type { SessionTracker } from '../tracker.ts';
import { restoreBlock } from './carryblock.ts';
import { type CarryBlock, type CarryIndex, type CarryPlace, decodeIndex } from './carryindex.ts';

/** Neighbouring blocks are read together up to so many bytes. */
const READ_BYTES = 4 << 20;

/** A carry in a store. */
export interface CarryObject {
  key: string;
  place: CarryPlace;
  /** Bytes [start, end) of the object. */
  read: (start: number, end: number) => Promise<Uint8Array>;
}

/**
 * Opens the sessions of the buckets [from, to) in a tracker that has no packets yet. They take the first numbers; in the
 * directory of a packets table they are entered as sessions of which packet rows have been written out. A tracker may
 * take sessions from several carries of one border.
 *
 * @param rankOf rank in this job of the capture with this identity; ranks are in the order of the job that wrote the carry
 * @returns sessions opened
 * @throws StoreError 'damaged', naming the object, when bytes are not those that were written; Error when ranks are in
 *   another order, or two sessions of one flow are open
 */
export async function restoreCarry(
  carry: CarryObject,
  from: number,
  to: number,
  tracker: SessionTracker,
  rankOf: (identity: string) => number,
): Promise<number> {
  const { key, place, read } = carry;
  const index = decodeIndex(key, await read(place.start, place.end), place);
  // All packets are at the border or later, as are all deadlines: nothing is due.
  tracker.expire(index.borderUs - 1);
  const wanted = index.blocks.filter((block) => block.fromBucket < to && block.toBucket > from);
  if (wanted.length === 0) return 0;
  const ranks = ranksOf(key, index, rankOf);
  let restored = 0;
  for (const blocks of inReads(wanted)) {
    const { start } = blocks[0];
    const bytes = await read(start, blocks[blocks.length - 1].end);
    checkRanges(key, bytes, blocks);
    for (const block of blocks)
      restored += restoreBlock(key, bytes.subarray(block.start - start, block.end - start), from, to, ranks, tracker);
  }
  return restored;
}

/** The ranks of a carry's captures in this job, by their numbers. */
function ranksOf(key: string, { captures }: CarryIndex, rankOf: (identity: string) => number): Int32Array {
  const ranks = Int32Array.from(captures, rankOf);
  for (let i = 1; i < ranks.length; i++)
    if (ranks[i] <= ranks[i - 1])
      throw new Error(
        `${key} has capture ${captures[i - 1]} before ${captures[i]}, but this job has them in another order`,
      );
  return ranks;
}

/** Blocks as they are read together: neighbours. */
function* inReads(blocks: readonly CarryBlock[]): Generator<CarryBlock[]> {
  let some: CarryBlock[] = [];
  for (const block of blocks) {
    if (some.length > 0 && block.end - some[0].start > READ_BYTES) {
      yield some;
      some = [];
    }
    some.push(block);
  }
  yield some;
}
