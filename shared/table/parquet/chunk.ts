/**
 * Columns of one DuckDB data chunk (at most 2,048 rows), filled row by row from typed arrays and passed on with one
 * copy a column.
 *
 * The layouts are DuckDB's vector formats: fixed-width values in native byte order, validity as one bit a row (1 = not
 * NULL), VARCHAR as 16-byte structs (u32 length; up to 12 bytes inline, zero padded). Longer texts are passed on one by
 * one. 64-bit values are written as two 32-bit words, without BigInt and exact for every exact double.
 */
import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBEnumType,
  type DuckDBType,
  ENUM,
  INTEGER,
  TIMESTAMP,
  VARCHAR,
} from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { choiceText } from './choicetext.ts';

/** Rows that a chunk holds. */
export const CHUNK_ROWS = 2048;

const TWO32 = 0x100000000;
/** Bytes of text that fit inside DuckDB's 16-byte string struct. */
const INLINE_BYTES = 12;

/**
 * A column under construction. Rows are set in any order; rows not set keep stale values, so each row must be set or
 * made NULL.
 */
export abstract class ChunkColumn {
  abstract readonly type: DuckDBType;
  protected abstract readonly values: Uint8Array;
  private readonly validity = new Uint32Array(CHUNK_ROWS / 32).fill(0xffffffff);
  private nulls = 0;

  /** Make a row NULL. */
  setNull(row: number): void {
    this.validity[row >>> 5] &= ~(1 << (row & 31));
    this.nulls++;
  }

  /** Copy rows 0..rows-1 into a vector of `type` and clear the NULLs. */
  flush(vector: duckdb.Vector, rows: number): void {
    const { buffer, byteOffset, byteLength } = this.values;
    duckdb.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, byteOffset, (byteLength / CHUNK_ROWS) * rows);
    if (this.nulls === 0) return;
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, this.validity.buffer, 0, this.validity.byteLength);
    this.validity.fill(0xffffffff);
    this.nulls = 0;
  }
}

/** BIGINT. */
export class BigintColumn extends ChunkColumn {
  readonly type: DuckDBType = BIGINT;
  protected readonly words = new Uint32Array(CHUNK_ROWS * 2);
  protected readonly values = new Uint8Array(this.words.buffer);

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
  override readonly type: DuckDBType = TIMESTAMP;

  /** Set the millisecond of microsecond `us` (truncated: Athena would round up into the next one). */
  setMillisecondOf(row: number, us: number): void {
    this.set(row, Math.floor(us / 1000) * 1000);
  }
}

/** INTEGER: signed 32 bits. */
export class IntegerColumn extends ChunkColumn {
  readonly type: DuckDBType = INTEGER;
  private readonly numbers = new Int32Array(CHUNK_ROWS);
  protected readonly values = new Uint8Array(this.numbers.buffer);

  /** Set a whole number, -2^31..2^31-1. */
  set(row: number, value: number): void {
    this.numbers[row] = value;
  }
}

/** DOUBLE. */
export class DoubleColumn extends ChunkColumn {
  readonly type: DuckDBType = DOUBLE;
  private readonly numbers = new Float64Array(CHUNK_ROWS);
  protected readonly values = new Uint8Array(this.numbers.buffer);

  set(row: number, value: number): void {
    this.numbers[row] = value;
  }
}

/** BOOLEAN. */
export class BooleanColumn extends ChunkColumn {
  readonly type: DuckDBType = BOOLEAN;
  protected readonly values = new Uint8Array(CHUNK_ROWS);

  set(row: number, value: boolean): void {
    this.values[row] = value ? 1 : 0;
  }
}

/** VARCHAR of any text. */
export class TextColumn extends ChunkColumn {
  readonly type: DuckDBType = VARCHAR;
  protected readonly values = new Uint8Array(CHUNK_ROWS * 16);
  /** The same as words: the length, then the text. */
  private readonly words = new Uint32Array(this.values.buffer);
  private readonly longRows: number[] = [];
  private readonly longTexts: string[] = [];

  /** Set a text. Lone surrogates become U+FFFD, as everywhere where JavaScript text becomes UTF-8. */
  set(row: number, text: string): void {
    const { length } = text;
    this.clear(row, 0);
    if (length <= INLINE_BYTES) {
      let to = row * 16 + 4;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        this.values[to++] = code;
      }
      if (i === length) {
        this.words[row * 4] = length;
        return;
      }
    }
    this.longRows.push(row);
    this.longTexts.push(text);
  }

  /** Set `count` <= 12 ASCII bytes, read from `from` at `start`. */
  setAscii(row: number, from: Uint8Array, start: number, count: number): void {
    this.clear(row, count);
    for (let i = 0, to = row * 16 + 4; i < count; i++) this.values[to++] = from[start++];
  }

  /** Zero the struct of a row, apart from its length. Long texts are set over a length of 0. */
  private clear(row: number, length: number): void {
    const at = row * 4;
    this.words[at] = length;
    this.words[at + 1] = 0;
    this.words[at + 2] = 0;
    this.words[at + 3] = 0;
  }

  override flush(vector: duckdb.Vector, rows: number): void {
    super.flush(vector, rows);
    for (let i = 0; i < this.longRows.length; i++) {
      const text = this.longTexts[i];
      // The binding's text call ends at U+0000; its byte call does not.
      if (text.includes('\0')) duckdb.vector_assign_string_element_len(vector, this.longRows[i], Buffer.from(text));
      else duckdb.vector_assign_string_element(vector, this.longRows[i], text);
    }
    this.longRows.length = 0;
    this.longTexts.length = 0;
  }
}

/**
 * VARCHAR of a closed list of texts, set by their index in the list. It is passed as an ENUM vector and cast to VARCHAR
 * in the statement that writes it.
 */
export class ChoiceColumn extends ChunkColumn {
  readonly type: DuckDBEnumType;
  protected readonly values: Uint8Array;
  private readonly codes: Uint8Array | Uint16Array | Uint32Array;
  /** ENUM member of each index: equal texts share one. */
  private readonly members: Uint32Array;

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
    if (distinct.size === 0) distinct.set('', 0);
    this.type = ENUM([...distinct.keys()]);
    const rows = CHUNK_ROWS;
    // DuckDB's widths: one byte up to 255 members, two up to 65,535.
    this.codes =
      distinct.size <= 0xff
        ? new Uint8Array(rows)
        : distinct.size <= 0xffff
          ? new Uint16Array(rows)
          : new Uint32Array(rows);
    this.values = new Uint8Array(this.codes.buffer);
  }

  /** Set the text at place `place` of the list. */
  set(row: number, place: number): void {
    this.codes[row] = this.members[place];
  }
}
