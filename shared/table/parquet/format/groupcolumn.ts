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

  /** A dictionary of the values, when it is worth it. */
  abstract dictionary(): Dictionary | undefined;

  /** Compare values i and j in the order of statistics. */
  abstract compare(i: number, j: number): number;

  /** Find the least and the greatest of values [from, to), `from` < `to`. */
  extremes(from: number, to: number, found: Extremes): void {
    let least = from;
    let most = from;
    for (let i = from + 1; i < to; i++) {
      if (this.compare(i, least) < 0) least = i;
      else if (this.compare(i, most) > 0) most = i;
    }
    found.least = least;
    found.most = most;
  }

  /** Value i as a bound of values that are not below (or not above) it; undefined when there is none that is short. */
  abstract bound(i: number, upper: boolean): Bound | undefined;

  /** Add value i to a filter. */
  abstract addTo(filter: BloomFilter, i: number): void;

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
    else for (let i = 0; i < rows; i++) this.levels[this.rows + i] = 1 - isNull[i];
  }
}

/** A capacity for `needed` values that is not outgrown at once: memory that is given up is work for the collector. */
export function roomFor(needed: number): number {
  for (let room = 64; ; room *= 4) if (room >= needed) return room;
}
