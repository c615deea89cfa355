/**
 * Columns of one chunk of a table (at most 2,048 rows), filled row by row from typed arrays; a chunk that is full moves
 * into the row group that is being written.
 *
 * 64-bit values are written as two 32-bit words, without BigInt and exact for every exact double.
 */
import { choiceText } from './choicetext.ts';
import { BooleanGroup } from './format/booleangroup.ts';
import { ChoiceGroup } from './format/choicegroup.ts';
import { BigintGroup, DoubleGroup, IntegerGroup } from './format/fixedgroup.ts';
import type { GroupColumn } from './format/groupcolumn.ts';
import { TextGroup } from './format/textgroup.ts';

/** Rows that a chunk holds. */
export const CHUNK_ROWS = 2048;

const TWO32 = 0x100000000;

/**
 * A column under construction. Rows are set in any order; rows not set keep stale values, so each row must be set or
 * made NULL.
 */
export abstract class ChunkColumn {
  /** The column's values in the row group. */
  abstract readonly group: GroupColumn;
  private readonly isNull = new Uint8Array(CHUNK_ROWS);
  private nulls = 0;

  /** Make a row NULL. */
  setNull(row: number): void {
    this.isNull[row] = 1;
    this.nulls++;
  }

  /** Move rows 0..rows-1 to the row group. */
  flush(rows: number): void {
    this.group.append(rows, this.nulls === 0 ? undefined : this.isNull);
    this.forget();
  }

  /** Make the chunk empty. */
  forget(): void {
    if (this.nulls > 0) this.isNull.fill(0);
    this.nulls = 0;
  }
}

/** BIGINT. */
export class BigintColumn extends ChunkColumn {
  protected readonly words = new Uint32Array(CHUNK_ROWS * 2);
  readonly group: GroupColumn = new BigintGroup(this.words);

  /** Set a whole number, |value| <= 2^53. */
  set(row: number, value: number): void {
    const high = Math.floor(value / TWO32);
    this.words[row * 2] = value - high * TWO32;
    this.words[row * 2 + 1] = high;
  }

  /** Set `us` microseconds and `ns` nanoseconds as nanoseconds: exact beyond 2^53. */
  setNanoseconds(row: number, us: number, ns: number): void {
    const usHigh = Math.floor(us / TWO32);
    const low = (us - usHigh * TWO32) * 1000 + ns;
    const carry = Math.floor(low / TWO32);
    this.words[row * 2] = low - carry * TWO32;
    this.words[row * 2 + 1] = usHigh * 1000 + carry;
  }
}

/** TIMESTAMP: microseconds since 1970 UTC. */
export class TimestampColumn extends BigintColumn {
  /** Set the millisecond of microsecond `us` (truncated: Athena would round up into the next one). */
  setMillisecondOf(row: number, us: number): void {
    this.set(row, Math.floor(us / 1000) * 1000);
  }
}

/** INTEGER: signed 32 bits. */
export class IntegerColumn extends ChunkColumn {
  private readonly numbers = new Int32Array(CHUNK_ROWS);
  readonly group: GroupColumn = new IntegerGroup(new Uint32Array(this.numbers.buffer));

  /** Set a whole number, -2^31..2^31-1. */
  set(row: number, value: number): void {
    this.numbers[row] = value;
  }
}

/** DOUBLE. */
export class DoubleColumn extends ChunkColumn {
  private readonly numbers = new Float64Array(CHUNK_ROWS);
  readonly group: GroupColumn = new DoubleGroup(new Uint32Array(this.numbers.buffer));

  set(row: number, value: number): void {
    this.numbers[row] = value;
  }
}

/** BOOLEAN. */
export class BooleanColumn extends ChunkColumn {
  private readonly values = new Uint8Array(CHUNK_ROWS);
  readonly group: GroupColumn = new BooleanGroup(this.values);

  set(row: number, value: boolean): void {
    this.values[row] = value ? 1 : 0;
  }
}

/** VARCHAR of any text. */
export class TextColumn extends ChunkColumn {
  private readonly texts = {
    bytes: new Uint8Array(CHUNK_ROWS * 8),
    starts: new Uint32Array(CHUNK_ROWS),
    lengths: new Uint32Array(CHUNK_ROWS),
  };
  /** Bytes of the texts set so far. */
  private used = 0;
  readonly group: GroupColumn = new TextGroup(this.texts);

  /** Set a text. Lone surrogates become U+FFFD, as everywhere where JavaScript text becomes UTF-8. */
  set(row: number, text: string): void {
    const { length } = text;
    // A code unit is at most three bytes.
    const bytes = this.room(length * 3);
    const start = this.used;
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) break;
      bytes[start + i] = code;
    }
    this.place(row, i === length ? length : utf8.encodeInto(text, bytes.subarray(start)).written);
  }

  /** Set `count` ASCII bytes, read from `from` at `start`. */
  setAscii(row: number, from: Uint8Array, start: number, count: number): void {
    const bytes = this.room(count);
    for (let i = 0, to = this.used; i < count; i++) bytes[to++] = from[start++];
    this.place(row, count);
  }

  override forget(): void {
    super.forget();
    this.used = 0;
  }

  private place(row: number, length: number): void {
    this.texts.starts[row] = this.used;
    this.texts.lengths[row] = length;
    this.used += length;
  }

  private room(count: number): Uint8Array {
    const { bytes } = this.texts;
    if (this.used + count <= bytes.length) return bytes;
    const larger = new Uint8Array(Math.max(bytes.length * 2, this.used + count));
    larger.set(bytes.subarray(0, this.used));
    this.texts.bytes = larger;
    return larger;
  }
}

const utf8 = new TextEncoder();

/** VARCHAR of a closed list of texts, set by their index in the list. */
export class ChoiceColumn extends ChunkColumn {
  private readonly codes = new Uint32Array(CHUNK_ROWS);
  /** Place in the group's list of each index: equal texts share one. */
  private readonly members: Uint32Array;
  readonly group: GroupColumn;

  constructor(texts: readonly string[]) {
    super();
    const distinct = new Map<string, number>();
    this.members = new Uint32Array(texts.length);
    for (let i = 0; i < texts.length; i++) {
      const text = choiceText(texts[i]);
      let member = distinct.get(text);
      if (member === undefined) distinct.set(text, (member = distinct.size));
      this.members[i] = member;
    }
    this.group = new ChoiceGroup(this.codes, [...distinct.keys()]);
  }

  /** Set the text at place `place` of the list. */
  set(row: number, place: number): void {
    this.codes[row] = this.members[place];
  }
}
