/**
 * Fragment records between map tasks and the join: an Arrow IPC stream, zstd bodies, rows sorted by datagram key and
 * then time. Columns are not encoded further: fragments are few.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import {
  Binary,
  type Data,
  Field,
  FixedSizeBinary,
  makeData,
  RecordBatch,
  RecordBatchReader,
  Schema,
  Struct,
} from 'apache-arrow';
import { MAX_TUNNEL_BYTES } from '../packet/flow/tunneltable.ts';
import { compareFragmentKeys } from '../packet/fragment/fragmentorder.ts';
import { END_WORDS, FRAGMENT_COLUMNS, FragmentColumns } from '../packet/fragmentcolumns.ts';
import { type CheckedRange, checkRanges } from '../store/checkedrange.ts';
import { arrowTypeOf } from './arrowcolumns.ts';
import { rangeReader } from './scratch.ts';
import type { ReadRange } from './segment.ts';
import { PositionedWriter } from './shardschema.ts';

/** Rows of a batch. */
const BATCH_ROWS = 4096;
const END_BYTES = END_WORDS * 4;
/** Most files that one merge has open; more are merged in passes. */
const MOST_OPEN = 128;

const template = new FragmentColumns(0);
const PLAIN = FRAGMENT_COLUMNS.filter((name) => name !== 'headStart' && name !== 'headLen' && name !== 'tunnel');

const SCHEMA = new Schema([
  ...PLAIN.map((name) => new Field(name, arrowTypeOf(template[name]))),
  new Field('ends', new FixedSizeBinary(END_BYTES)),
  new Field('head', new Binary()),
  /** The tunnel around the fragment, as tunneltable.ts writes it. */
  new Field('tunnel', new Binary()),
]);

const FRAGMENT_SCHEMA_BYTES: Uint8Array = (() => {
  const writer = new PositionedWriter();
  writer.reset(undefined, SCHEMA);
  const length = writer.position;
  writer.finish();
  return writer.toUint8Array(true).slice(0, length);
})();

/** Fragments of one file, ready to be merged with others. */
export interface FragmentFile {
  /** The object's name in errors. */
  key: string;
  read: ReadRange;
  batches: CheckedRange[];
  /** Rank of each capture number in the file; null when the rows hold ranks already. */
  ranks: ArrayLike<number> | null;
}

/** Rows order[0..) of `columns` as a file. */
export function encodeFragments(
  columns: FragmentColumns,
  order: Uint32Array,
): { bytes: Uint8Array; batches: CheckedRange[] } {
  const writer = new PositionedWriter();
  writer.reset(undefined, SCHEMA);
  const ranges: Omit<CheckedRange, 'crc'>[] = [];
  const some = new FragmentColumns(Math.min(order.length, BATCH_ROWS));
  for (let from = 0; from < order.length; from += BATCH_ROWS) {
    some.clear();
    for (let i = from; i < Math.min(from + BATCH_ROWS, order.length); i++) some.pushRow(columns, order[i]);
    const start = writer.position;
    writer.write(toBatch(some));
    ranges.push({ start, end: writer.position });
  }
  writer.finish();
  const bytes = writer.toUint8Array(true);
  return { bytes, batches: ranges.map((at) => ({ ...at, crc: crc32(bytes.subarray(at.start, at.end)) })) };
}

function toBatch(columns: FragmentColumns): RecordBatch {
  const length = columns.length;
  const children = SCHEMA.fields.map((field, index) => {
    const column = { type: field.type, length, nullCount: 0 };
    if (index < PLAIN.length) return makeData({ ...column, data: columns[PLAIN[index]].subarray(0, length) } as never);
    if (field.name === 'ends') {
      const { buffer, byteOffset } = columns.ends;
      return makeData({ ...column, data: new Uint8Array(buffer, byteOffset, length * END_BYTES) } as never);
    }
    if (field.name === 'tunnel') {
      const valueOffsets = new Int32Array(length + 1);
      const data = new Uint8Array(length * MAX_TUNNEL_BYTES);
      for (let row = 0; row < length; row++)
        valueOffsets[row + 1] = columns.tunnels.put(columns.tunnel[row], data, valueOffsets[row]);
      return makeData({ ...column, valueOffsets, data: data.subarray(0, valueOffsets[length]) } as never);
    }
    // Rows were pushed in order, so their heads are contiguous in the pool.
    const valueOffsets = new Int32Array(length + 1);
    for (let row = 0; row < length; row++) valueOffsets[row + 1] = valueOffsets[row] + columns.headLen[row];
    return makeData({ ...column, valueOffsets, data: columns.heads.subarray(0, columns.headBytes) } as never);
  }) as Data[];
  const struct = makeData({ type: new Struct(SCHEMA.fields), length, nullCount: 0, children } as never);
  return new RecordBatch(SCHEMA, struct as unknown as Data<Struct>);
}

function decodeBatch(batch: RecordBatch, ranks: ArrayLike<number> | null): FragmentColumns {
  const length = batch.numRows;
  const columns = new FragmentColumns(length);
  const child = (index: number): { values: Uint8Array; valueOffsets: Int32Array } =>
    batch.data.children[index] as unknown as { values: Uint8Array; valueOffsets: Int32Array };
  for (const [index, name] of PLAIN.entries()) columns[name].set(child(index).values.subarray(0, length));
  const ends = child(PLAIN.length).values;
  new Uint8Array(columns.ends.buffer).set(ends.subarray(0, length * END_BYTES));
  const { values, valueOffsets } = child(PLAIN.length + 1);
  columns.heads = values;
  columns.headBytes = values.length;
  const tunnels = child(PLAIN.length + 2);
  for (let row = 0; row < length; row++) {
    columns.tunnel[row] = columns.tunnels.take(tunnels.values, tunnels.valueOffsets[row]);
    columns.headStart[row] = valueOffsets[row];
    columns.headLen[row] = valueOffsets[row + 1] - valueOffsets[row];
    if (ranks !== null) columns.capture[row] = ranks[columns.capture[row]];
  }
  columns.length = length;
  return columns;
}

class FragmentReader {
  private readonly file: FragmentFile;
  private next = 0;
  columns = new FragmentColumns(0);
  row = 0;

  constructor(file: FragmentFile) {
    this.file = file;
  }

  /** Loads the next batch. @returns false at the end */
  async fill(): Promise<boolean> {
    const place = this.file.batches[this.next++];
    if (place === undefined) return false;
    const bytes = await this.file.read(place.start, place.end);
    checkRanges(this.file.key, bytes, [place]);
    for (const batch of RecordBatchReader.from([FRAGMENT_SCHEMA_BYTES, bytes]))
      this.columns = decodeBatch(batch, this.file.ranks);
    this.row = 0;
    return true;
  }
}

function compare(a: FragmentReader, b: FragmentReader): number {
  const x = a.columns;
  const y = b.columns;
  return (
    compareFragmentKeys(x, a.row, y, b.row) ||
    x.us[a.row] - y.us[b.row] ||
    x.ns[a.row] - y.ns[b.row] ||
    x.capture[a.row] - y.capture[b.row] ||
    x.offset[a.row] - y.offset[b.row]
  );
}

/**
 * Calls `emit` for every fragment of the files in the order (key, time, rank, offset).
 * @param scratch an empty folder for a merge in passes
 * @param between awaited now and then, to flush output that must not pile up
 */
export async function mergeFragments(
  files: readonly FragmentFile[],
  scratch: string,
  emit: (columns: FragmentColumns, row: number) => void,
  between: () => Promise<void>,
): Promise<void> {
  let level = [...files];
  for (let pass = 0; level.length > MOST_OPEN; pass++) {
    const merged: FragmentFile[] = [];
    for (let from = 0; from < level.length; from += MOST_OPEN)
      merged.push(await mergeToFile(level.slice(from, from + MOST_OPEN), join(scratch, `fragments-${pass}-${from}`)));
    level = merged;
  }
  // In order: with at most MOST_OPEN readers, insertion is as fast as a heap.
  const readers: FragmentReader[] = [];
  const insert = (reader: FragmentReader): void => {
    let at = readers.length;
    while (at > 0 && compare(readers[at - 1], reader) > 0) at--;
    readers.splice(at, 0, reader);
  };
  for (const file of level) {
    const reader = new FragmentReader(file);
    if (await reader.fill()) insert(reader);
  }
  while (readers.length > 0) {
    const first = readers[0];
    const rival = readers[1];
    do emit(first.columns, first.row++);
    while (first.row < first.columns.length && (rival === undefined || compare(first, rival) <= 0));
    readers.shift();
    if (first.row < first.columns.length) insert(first);
    else {
      await between();
      if (await first.fill()) insert(first);
    }
  }
}

async function mergeToFile(files: readonly FragmentFile[], path: string): Promise<FragmentFile> {
  const file = await open(path, 'wx+');
  const batches: CheckedRange[] = [];
  const pending = new FragmentColumns(BATCH_ROWS);
  const written: Uint8Array[] = [];
  let end = 0;
  const flush = (): void => {
    const order = Uint32Array.from({ length: pending.length }, (_, row) => row);
    const encoded = encodeFragments(pending, order);
    for (const { start, end: stop, crc } of encoded.batches) {
      written.push(encoded.bytes.subarray(start, stop));
      batches.push({ start: end, end: end + stop - start, crc });
      end += stop - start;
    }
    pending.clear();
  };
  const save = async (): Promise<void> => {
    for (const bytes of written) await file.writeFile(bytes);
    written.length = 0;
  };
  try {
    await mergeFragments(
      files,
      path,
      (columns, row) => {
        pending.pushRow(columns, row);
        if (pending.length === BATCH_ROWS) flush();
      },
      save,
    );
    flush();
    await save();
  } finally {
    await file.close();
  }
  return { key: path, read: rangeReader(path), batches, ranks: null };
}
