/**
 * The shard's bytes: an Arrow IPC stream, zstd bodies, rows sorted by (bucket, time).
 *
 * Columns that would hardly compress are stored as differences to predicted values: time and offset to the row before,
 * sequence and acknowledgement numbers to those expected from the flow's last packets. A batch can be read without
 * those before it: its first row's time and offset are relative to the shard's base, and it begins where a bucket
 * begins (a bucket larger than a batch has batches of its own). docs/shard.md documents the format for other tools.
 */
import { Binary, Field, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow';
import { type ColumnArrays, namesOf, typedColumns } from '../packet/typedcolumns.ts';
import { arrowTypeOf, numberChild } from './arrowcolumns.ts';
import { ARROW_ZSTD } from './arrowzstd.ts';

/** The columns of numbers, in order; between `ns` and `flowBack` stands `more`. */
const COLUMNS = {
  /** Microseconds since the row before (a batch's first row: since the shard's base), modulo 2^32. */
  time: 'u32',
  /** Nanoseconds below the microsecond. */
  ns: 'u16',
  /** How many flows are newer than this row's: 0 for the newest. */
  flowBack: 'u32',
  /** Record offset minus that of the row before, modulo 2^32. */
  offset: 'u32',
  ipLen: 'u32',
  /** IP length minus payload length. */
  headerLen: 'i32',
  /** Length on the wire minus IP length. */
  linkLen: 'i32',
  /** Length on the wire minus captured length. */
  cutLen: 'i32',
  /** Sequence number minus the expected one. */
  seq: 'i32',
  /** Acknowledgement minus the peer's expected sequence number. */
  ack: 'i32',
  /** Window minus the sender's last one, modulo 65,536. */
  window: 'u16',
  tcpFlags: 'u16',
  meta: 'u8',
  /** The packet's mark minus that of the side's last packet, modulo 65,536. */
  mark: 'u16',
} as const;

/** Room for the rows of a batch that is being written. */
export class ShardRows extends typedColumns(COLUMNS) {}

const NAMES = namesOf(COLUMNS);
/** Place of `more` among a shard's fields. */
const MORE_AT = NAMES.indexOf('flowBack');
const empty = new ShardRows(0);
const fields: Field[] = NAMES.map((name) => new Field(snakeCase(name), arrowTypeOf(empty[name])));
/**
 * What few rows have, see rarefields.ts: a flow's key at its first row, a wide time difference, a change of capture,
 * VLAN or tunnel.
 */
fields.splice(MORE_AT, 0, new Field('more', new Binary()));

export const SHARD_SCHEMA = new Schema(fields);

/**
 * The first `rows` rows of `columns` and of `more`, whose row i is the bytes from moreOffsets[i] to moreOffsets[i + 1],
 * as a record batch on the same memory.
 */
export function shardBatch(columns: ShardRows, moreOffsets: Int32Array, more: Uint8Array, rows: number): RecordBatch {
  const children = NAMES.map((name, at) => {
    const { type } = fields[at < MORE_AT ? at : at + 1];
    return numberChild(type, columns[name].subarray(0, rows), rows);
  });
  const offsets = { valueOffsets: moreOffsets.subarray(0, rows + 1), data: more.subarray(0, moreOffsets[rows]) };
  children.splice(MORE_AT, 0, makeData({ type: new Binary(), length: rows, nullCount: 0, ...offsets }));
  const struct = makeData({ type: new Struct(fields), length: rows, nullCount: 0, children });
  return new RecordBatch(SHARD_SCHEMA, struct);
}

/** The columns of a batch, as passed to `shardBatch`. */
export interface ShardColumns extends ColumnArrays<typeof COLUMNS> {
  moreOffsets: Int32Array;
  more: Uint8Array;
}

/** The columns of a batch, by name. */
export function shardColumns(batch: RecordBatch): ShardColumns {
  const { children } = batch.data;
  const numbers = NAMES.map((name, at) => [name, children[at < MORE_AT ? at : at + 1].values]);
  const { valueOffsets: moreOffsets, values: more } = children[MORE_AT];
  return { ...Object.fromEntries(numbers), moreOffsets, more } as ShardColumns;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Stream writer that knows the position of the next message. */
export class PositionedWriter extends RecordBatchStreamWriter {
  constructor() {
    super({ compressionType: ARROW_ZSTD });
  }

  get position(): number {
    return this._position;
  }
}

/** The stream's first bytes, which every shard shares: needed before a range of batches to read it. */
export const SCHEMA_BYTES: Uint8Array = (() => {
  const writer = new PositionedWriter();
  writer.reset(undefined, SHARD_SCHEMA);
  const length = writer.position;
  writer.finish();
  return writer.toUint8Array(true).slice(0, length);
})();
