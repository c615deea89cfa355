/**
 * The values of one column in the row group that is being written: those that are not NULL, one behind another, and
 * which rows are NULL. A subclass knows a form of values.
 */
import type { BloomFilter } from './bloomfilter.ts';

/** Values written once, and the place of each value among them. */
export interface Dictionary {
  /** How many values it has. */
  readonly size: number;
  /** Place of each value. */
  readonly places: Uint32Array;
  /** Its values, PLAIN. */
  readonly bytes: Uint8Array;
}

/** Values by their numbers, -1 for none that counts in statistics. */
export interface Extremes {
  least: number;
  most: number;
}

/** A bound of values for statistics. */
export interface Bound {
  readonly bytes: Uint8Array;
  /** Whether it is the value itself, and not a shorter one below or above it. */
  readonly exact: boolean;
}

export abstract class GroupColumn {
  /** Rows, NULL or not. */
  rows = 0;
  /** Values: rows that are not NULL. */
  count = 0;
  /** 1 for each row with a value, 0 for NULL; what lies behind `rows` is undefined, and everything while there are no NULLs. */
  levels = new Uint8Array(0);

  get nulls(): number {
    return this.rows - this.count;
  }

  /**
   * Take the rows of a chunk.
   *
   * @param isNull 1 for each row that is NULL, undefined when there are none
   */
  append(rows: number, isNull: Uint8Array | undefined): void {
    if (isNull !== undefined || this.nulls > 0) this.note(rows, isNull);
    this.rows += rows;
    this.take(rows, isNull);
  }

  /** Forget the values; their memory is kept. */
  clear(): void {
    this.rows = 0;
    this.count = 0;
  }

  /** Values [from, to) of a dictionary or, when there is none, PLAIN, as a view that is valid until more is written. */
  abstract plain(from: number, to: number): Uint8Array;

  /** A dictionary of the values, when it is worth it; valid until another column makes one. */
  abstract dictionary(): Dictionary | undefined;

  /** Compare values i and j in the order of statistics. */
  abstract compare(i: number, j: number): number;

  /** Find the least and the greatest of the first `count` values of `which`, one at least. */
  abstract extremes(which: Uint32Array, count: number, found: Extremes): void;

  /** Value i as a bound of values that are not below (or not above) it; undefined when there is none that is short. */
  abstract bound(i: number, upper: boolean): Bound | undefined;

  /** Add values to a filter: one of each place of the dictionary, all when there is none. */
  abstract addTo(filter: BloomFilter, dictionary: Dictionary | undefined): void;

  /** Appends the chunk's values that are not NULL, and counts them. */
  protected abstract take(rows: number, isNull: Uint8Array | undefined): void;

  private note(rows: number, isNull: Uint8Array | undefined): void {
    const end = this.rows + rows;
    if (this.levels.length < end) {
      const levels = new Uint8Array(roomFor(end));
      levels.set(this.levels);
      this.levels = levels;
    }
    if (this.nulls === 0) this.levels.fill(1, 0, this.rows);
    if (isNull === undefined) this.levels.fill(1, this.rows, end);
    else noteLevels(this.levels, this.rows, isNull, rows);
  }
}

function noteLevels(levels: Uint8Array, at: number, isNull: Uint8Array, rows: number): void {
  for (let i = 0; i < rows; i++) levels[at + i] = 1 - isNull[i];
}

/**
 * Append to the `count` values of `words` 32-bit words in `values` those of a chunk's rows that are not NULL.
 *
 * @returns the new count
 */
export function appendWords(
  values: Uint32Array,
  count: number,
  words: number,
  chunk: Uint32Array,
  rows: number,
  isNull: Uint8Array | undefined,
): number {
  if (isNull !== undefined) return appendPresent(values, count, words, chunk, rows, isNull);
  values.set(chunk.subarray(0, rows * words), count * words);
  return count + rows;
}

function appendPresent(
  values: Uint32Array,
  count: number,
  words: number,
  chunk: Uint32Array,
  rows: number,
  isNull: Uint8Array,
): number {
  for (let i = 0; i < rows; i++) {
    if (isNull[i] === 1) continue;
    const to = count++ * words;
    values[to] = chunk[i * words];
    // Of a single word the same once more.
    values[to + words - 1] = chunk[i * words + words - 1];
  }
  return count;
}

/** A capacity for `needed` values that is not outgrown at once: memory that is given up is work for the collector. */
export function roomFor(needed: number): number {
  for (let room = 64; ; room *= 4) if (room >= needed) return room;
}
