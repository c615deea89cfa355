/**
 * Thrift's compact protocol, as far as Parquet's footer and page headers need it
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md). Fields are written in
 * order of their numbers.
 */

const TRUE = 1;
const FALSE = 2;
const I16 = 4;
const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

const utf8 = new TextEncoder();

/** Writes structs one behind another into a buffer that grows. */
export class ThriftWriter {
  private buffer = new Uint8Array(4096);
  private length = 0;
  /** Number of the last field of the struct that is being written. */
  private last = 0;

  /** What has been written since the last call, as a copy. */
  take(): Uint8Array {
    const taken = this.buffer.slice(0, this.length);
    this.length = 0;
    return taken;
  }

  /** A struct that stands by itself, or as an element of a list. */
  struct(fields: () => void): this {
    const { last } = this;
    this.last = 0;
    fields();
    this.byte(0);
    this.last = last;
    return this;
  }

  bool(id: number, value: boolean): void {
    this.field(id, value ? TRUE : FALSE);
  }

  /** A number of 16 bits. */
  i16(id: number, value: number): void {
    this.field(id, I16);
    this.signed(value);
  }

  /** A number of 32 bits. */
  i32(id: number, value: number): void {
    this.field(id, I32);
    this.signed(value);
  }

  /** A whole number, |value| < 2^52. */
  i64(id: number, value: number): void {
    this.field(id, I64);
    this.signed(value);
  }

  /** A number of 8 bits. */
  i8(id: number, value: number): void {
    this.field(id, 3);
    this.byte(value);
  }

  binary(id: number, value: Uint8Array | string): void {
    this.field(id, BINARY);
    this.bytes(value);
  }

  /** A struct, or a union, which is a struct with one field. */
  inner(id: number, fields: () => void): void {
    this.field(id, STRUCT);
    this.struct(fields);
  }

  structs<T>(id: number, of: readonly T[], fields: (element: T) => void): void {
    this.list(id, STRUCT, of.length);
    for (const element of of) this.struct(() => fields(element));
  }

  i32s(id: number, values: readonly number[]): void {
    this.list(id, I32, values.length);
    for (const value of values) this.signed(value);
  }

  i64s(id: number, values: readonly number[]): void {
    this.list(id, I64, values.length);
    for (const value of values) this.signed(value);
  }

  bools(id: number, values: readonly boolean[]): void {
    this.list(id, TRUE, values.length);
    for (const value of values) this.byte(value ? TRUE : FALSE);
  }

  binaries(id: number, values: readonly (Uint8Array | string)[]): void {
    this.list(id, BINARY, values.length);
    for (const value of values) this.bytes(value);
  }

  private field(id: number, type: number): void {
    const step = id - this.last;
    this.last = id;
    // Parquet's structs have fewer than sixteen fields.
    this.byte((step << 4) | type);
  }

  private list(id: number, type: number, size: number): void {
    this.field(id, LIST);
    if (size < 15) this.byte((size << 4) | type);
    else {
      this.byte(0xf0 | type);
      this.unsigned(size);
    }
  }

  private bytes(value: Uint8Array | string): void {
    const bytes = typeof value === 'string' ? utf8.encode(value) : value;
    this.unsigned(bytes.length);
    this.room(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  private signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value);
  }

  private unsigned(value: number): void {
    while (value >= 0x80) {
      this.byte((value % 0x80) | 0x80);
      value = Math.floor(value / 0x80);
    }
    this.byte(value);
  }

  private byte(value: number): void {
    this.room(1);
    this.buffer[this.length++] = value;
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + bytes));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }
}
