/**
 * Finds equal values for dictionaries: open addressing over places, in memory that is used again.
 *
 * The loops over values are functions of their own that get arrays and numbers, here as in all of this folder: as methods,
 * or with a call for each value, they would be compiled anew for every kind of column that a process writes, which takes
 * longer than the values of its first file.
 */
import { roomFor } from './groupcolumn.ts';

/** Values that are looked at before a column of mostly different ones is given up. */
const LOOKED_AT = 4096;
/** Part of those that may be different. */
const MOST_DIFFERENT = 0.75;

let table = new Int32Array(0);
let allPlaces = new Uint32Array(0);
let allFirsts = new Uint32Array(0);

/** The different ones among some values, numbered in the order in which they first appear; valid until others are numbered. */
export interface Numbered {
  /** Place of each value. */
  readonly places: Uint32Array;
  /** The first value of each place. */
  readonly firsts: Uint32Array;
}

/**
 * Number values of one or two 32-bit words.
 *
 * @param most different values beyond which there is no dictionary
 * @returns undefined when there are too many
 */
export function numberedWords(values: Uint32Array, words: 1 | 2, count: number, most: number): Numbered | undefined {
  const mask = clearTable(count, most);
  return result(count, placeWords(values, words, count, most, mask, table, allPlaces, allFirsts));
}

/**
 * Number texts.
 *
 * @param starts where each stands in `bytes`, behind its length in four bytes, and where the last ends
 * @param most as of `numberedWords`
 * @returns undefined when there are too many
 */
export function numberedTexts(
  bytes: Uint8Array,
  starts: Uint32Array,
  count: number,
  most: number,
): Numbered | undefined {
  const mask = clearTable(count, most);
  return result(count, placeTexts(bytes, starts, count, most, mask, table, allPlaces, allFirsts));
}

/** @returns what of a hash is a place of the table */
function clearTable(count: number, most: number): number {
  const bits = Math.ceil(Math.log2(Math.max(2, Math.min(count, most + 1) * 2)));
  const size = 2 ** bits;
  if (table.length < size) table = new Int32Array(size);
  table.fill(-1, 0, size);
  if (allPlaces.length < count) {
    allPlaces = new Uint32Array(roomFor(count));
    allFirsts = new Uint32Array(roomFor(count));
  }
  return size - 1;
}

function result(count: number, different: number): Numbered | undefined {
  if (different < 0) return undefined;
  return { places: allPlaces.subarray(0, count), firsts: allFirsts.subarray(0, different) };
}

/** Whether value `i` is the one too many, of `different` ones and itself. */
function isTooMany(different: number, most: number, i: number, count: number): boolean {
  if (different >= most) return true;
  return different >= LOOKED_AT * MOST_DIFFERENT && i < LOOKED_AT && count > LOOKED_AT * 2;
}

/** @returns how many are different, -1 for too many */
function placeWords(
  values: Uint32Array,
  words: number,
  count: number,
  most: number,
  mask: number,
  slots: Int32Array,
  places: Uint32Array,
  firsts: Uint32Array,
): number {
  // Of a single word, `high` is the same once more.
  const upper = words === 1 ? 0 : 0x85ebca6b | 0;
  let different = 0;
  for (let i = 0; i < count; i++) {
    const low = values[i * words] | 0;
    const high = values[i * words + words - 1] | 0;
    let at = Math.imul(low ^ Math.imul(high, upper), 0x9e3779b1 | 0);
    at = (at ^ (at >>> 15)) & mask;
    let place = slots[at];
    while (place >= 0) {
      const first = firsts[place] * words;
      if ((values[first] | 0) === low && (values[first + words - 1] | 0) === high) break;
      at = (at + 1) & mask;
      place = slots[at];
    }
    if (place < 0) {
      if (isTooMany(different, most, i, count)) return -1;
      place = different++;
      slots[at] = place;
      firsts[place] = i;
    }
    places[i] = place;
  }
  return different;
}

/** @returns how many are different, -1 for too many */
function placeTexts(
  bytes: Uint8Array,
  starts: Uint32Array,
  count: number,
  most: number,
  mask: number,
  slots: Int32Array,
  places: Uint32Array,
  firsts: Uint32Array,
): number {
  let different = 0;
  for (let i = 0; i < count; i++) {
    let at = hashOf(bytes, starts[i], starts[i + 1]) & mask;
    let place = slots[at];
    while (place >= 0) {
      const first = firsts[place];
      if (isSame(bytes, starts[first], starts[first + 1], starts[i], starts[i + 1])) break;
      at = (at + 1) & mask;
      place = slots[at];
    }
    if (place < 0) {
      if (isTooMany(different, most, i, count)) return -1;
      place = different++;
      slots[at] = place;
      firsts[place] = i;
    }
    places[i] = place;
  }
  return different;
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let h = to - from;
  for (let i = from + 4; i < to; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return h ^ (h >>> 13);
}

function isSame(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  if (aEnd - a !== bEnd - b) return false;
  // From the end: texts of a column often begin alike.
  while (aEnd > a) if (bytes[--aEnd] !== bytes[--bEnd]) return false;
  return true;
}
