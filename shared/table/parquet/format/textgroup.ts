/** Texts: kept as PLAIN, each behind its length in four bytes. */
import type { BloomFilter } from './bloomfilter.ts';
import { numberedTexts } from './dictionary.ts';
import { type Bound, type Dictionary, type Extremes, GroupColumn, roomFor } from './groupcolumn.ts';
import { textBound } from './textbound.ts';

/** Of the values, so many may be different for a dictionary. */
const MOST_DIFFERENT = 1 / 2;

/** The texts of a chunk: row i has bytes [starts[i], starts[i] + lengths[i]). */
export interface ChunkTexts {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
}

export class TextGroup extends GroupColumn {
  private bytes = new Uint8Array(0);
  /** Where the length of each value stands, and behind the last where the next would. */
  private starts = new Uint32Array(1);
  private readonly chunk: ChunkTexts;

  constructor(chunk: ChunkTexts) {
    super();
    this.chunk = chunk;
  }

  protected override take(rows: number, isNull: Uint8Array | undefined): void {
    const nulls = isNull ?? noNulls(rows);
    const needed = this.starts[this.count] + presentBytes(this.chunk.lengths, nulls, rows);
    if (this.bytes.length < needed) {
      const larger = new Uint8Array(roomFor(needed));
      larger.set(this.bytes.subarray(0, this.starts[this.count]));
      this.bytes = larger;
    }
    if (this.starts.length <= this.count + rows) {
      const more = new Uint32Array(roomFor(this.count + rows + 1));
      more.set(this.starts.subarray(0, this.count + 1));
      this.starts = more;
    }
    this.count = appendTexts(this.bytes, this.starts, this.count, this.chunk, nulls, rows);
  }

  override plain(from: number, to: number): Uint8Array {
    return this.bytes.subarray(this.starts[from], this.starts[to]);
  }

  override dictionary(): Dictionary | undefined {
    const { bytes, starts, count } = this;
    const found = numberedTexts(bytes, starts, count, Math.ceil(count * MOST_DIFFERENT));
    if (found === undefined) return undefined;
    const { places, firsts } = found;
    return { size: firsts.length, places, bytes: copyTexts(bytes, starts, firsts) };
  }

  override compare(i: number, j: number): number {
    return compareTexts(this.bytes, this.starts, i, j);
  }

  override extremes(which: Uint32Array, count: number, found: Extremes): void {
    textExtremes(this.bytes, this.starts, which, count, found);
  }

  override bound(i: number, upper: boolean): Bound | undefined {
    return textBound(this.bytes.subarray(this.starts[i] + 4, this.starts[i + 1]), upper);
  }

  override addTo(filter: BloomFilter, dictionary: Dictionary | undefined): void {
    if (dictionary !== undefined) addTexts(filter, dictionary.bytes, dictionary.size);
    else addTexts(filter, this.bytes, this.count);
  }
}

let zeros = new Uint8Array(0);

function noNulls(rows: number): Uint8Array {
  if (zeros.length < rows) zeros = new Uint8Array(rows);
  return zeros;
}

/** Bytes of the texts of a chunk that are not NULL, with their lengths. */
function presentBytes(lengths: Uint32Array, isNull: Uint8Array, rows: number): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) if (isNull[i] !== 1) sum += 4 + lengths[i];
  return sum;
}

/** @returns the new count */
function appendTexts(
  to: Uint8Array,
  places: Uint32Array,
  count: number,
  { bytes, starts, lengths }: ChunkTexts,
  isNull: Uint8Array,
  rows: number,
): number {
  let at = places[count];
  for (let i = 0; i < rows; i++) {
    if (isNull[i] === 1) continue;
    const length = lengths[i];
    to[at] = length;
    to[at + 1] = length >>> 8;
    to[at + 2] = length >>> 16;
    to[at + 3] = length >>> 24;
    at += 4;
    for (let from = starts[i], end = from + length; from < end; ) to[at++] = bytes[from++];
    places[++count] = at;
  }
  return count;
}

/** Texts `which`, one behind the other. */
function copyTexts(bytes: Uint8Array, starts: Uint32Array, which: Uint32Array): Uint8Array {
  let size = 0;
  for (let k = 0; k < which.length; k++) size += starts[which[k] + 1] - starts[which[k]];
  const to = new Uint8Array(size);
  for (let k = 0, at = 0; k < which.length; k++)
    for (let from = starts[which[k]], end = starts[which[k] + 1]; from < end; ) to[at++] = bytes[from++];
  return to;
}

function compareTexts(bytes: Uint8Array, starts: Uint32Array, i: number, j: number): number {
  const a = starts[i] + 4;
  const b = starts[j] + 4;
  const aLength = starts[i + 1] - a;
  const bLength = starts[j + 1] - b;
  const length = Math.min(aLength, bLength);
  for (let k = 0; k < length; k++) {
    const difference = bytes[a + k] - bytes[b + k];
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

function textExtremes(
  bytes: Uint8Array,
  starts: Uint32Array,
  which: Uint32Array,
  count: number,
  found: Extremes,
): void {
  let least = which[0];
  let most = least;
  for (let k = 1; k < count; k++) {
    const i = which[k];
    if (compareTexts(bytes, starts, i, least) < 0) least = i;
    else if (compareTexts(bytes, starts, i, most) > 0) most = i;
  }
  found.least = least;
  found.most = most;
}

/** Adds `count` texts, PLAIN, to a filter. */
function addTexts(filter: BloomFilter, plain: Uint8Array, count: number): void {
  for (let k = 0, at = 0; k < count; k++) {
    const from = at + 4;
    at = from + (plain[at] | (plain[at + 1] << 8) | (plain[at + 2] << 16) | (plain[at + 3] << 24));
    filter.add(plain, from, at);
  }
}
