/** Texts: kept as PLAIN, each behind its length in four bytes. */
import type { BloomFilter } from './bloomfilter.ts';
import { numbered } from './dictionary.ts';
import { type Bound, type Dictionary, GroupColumn, roomFor } from './groupcolumn.ts';
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
    const { bytes, starts, lengths } = this.chunk;
    let needed = this.starts[this.count];
    for (let i = 0; i < rows; i++) if (isNull?.[i] !== 1) needed += 4 + lengths[i];
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
    const to = this.bytes;
    let at = this.starts[this.count];
    for (let i = 0; i < rows; i++) {
      if (isNull?.[i] === 1) continue;
      const length = lengths[i];
      to[at] = length;
      to[at + 1] = length >>> 8;
      to[at + 2] = length >>> 16;
      to[at + 3] = length >>> 24;
      at += 4;
      for (let from = starts[i], end = from + length; from < end; ) to[at++] = bytes[from++];
      this.starts[++this.count] = at;
    }
  }

  override plain(from: number, to: number): Uint8Array {
    return this.bytes.subarray(this.starts[from], this.starts[to]);
  }

  override dictionary(): Dictionary | undefined {
    const { bytes, starts, count } = this;
    const found = numbered(
      count,
      Math.ceil(count * MOST_DIFFERENT),
      (i) => hashOf(bytes, starts[i], starts[i + 1]),
      (i, j) => same(bytes, starts[i], starts[i + 1], starts[j], starts[j + 1]),
    );
    if (found === undefined) return undefined;
    const { places, firsts } = found;
    let size = 0;
    for (const i of firsts) size += starts[i + 1] - starts[i];
    const kept = new Uint8Array(size);
    let at = 0;
    for (const i of firsts) {
      kept.set(this.plain(i, i + 1), at);
      at += starts[i + 1] - starts[i];
    }
    return { size: firsts.length, places, bytes: kept };
  }

  override compare(i: number, j: number): number {
    const { bytes, starts } = this;
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

  override bound(i: number, upper: boolean): Bound | undefined {
    return textBound(this.bytes.subarray(this.starts[i] + 4, this.starts[i + 1]), upper);
  }

  override addTo(filter: BloomFilter, i: number): void {
    filter.add(this.bytes, this.starts[i] + 4, this.starts[i + 1]);
  }
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let h = to - from;
  for (let i = from + 4; i < to; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return h ^ (h >>> 13);
}

function same(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  if (aEnd - a !== bEnd - b) return false;
  // From the end: texts of a column often begin alike.
  while (aEnd > a) if (bytes[--aEnd] !== bytes[--bEnd]) return false;
  return true;
}
