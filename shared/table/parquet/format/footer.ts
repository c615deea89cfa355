/** What stands behind the row groups: Bloom filters, the page index, and the footer with the file's metadata. */
import type { ColumnType, TableColumn } from '../../tablecolumn.ts';
import type { Page, WrittenChunk } from './columnchunk.ts';
import type { FileSink } from './filesink.ts';
import { CONVERTED_TYPES, MAGIC, OPTIONAL, PLAIN, PLAIN_DICTIONARY, physicalType, REQUIRED, RLE } from './format.ts';
import { ThriftWriter } from './thrift.ts';

/** A row group that has been written: its column chunks in the order of the schema. */
export interface WrittenGroup {
  offset: number;
  rows: number;
  chunks: WrittenChunk[];
}

export interface FileFacts {
  schema: readonly SchemaColumn[];
  /** Places in the schema of the columns by which the rows are sorted, the first first. */
  sortedBy: readonly number[];
  groups: readonly WrittenGroup[];
  createdBy: string;
  metadata: Readonly<Record<string, string>>;
}

export type SchemaColumn = Pick<TableColumn, 'name' | 'type' | 'nullable' | 'lookedUp'>;

/** Where something stands in the file. */
interface Range {
  offset: number;
  bytes: number;
}

interface Placed {
  chunk: WrittenChunk;
  filter?: Range;
  columnIndex?: Range;
  offsetIndex?: Range;
}

/** Write everything behind the row groups. */
export function writeFooter(sink: FileSink, facts: FileFacts): void {
  const thrift = new ThriftWriter();
  const groups = facts.groups.map(({ chunks }) => chunks.map((chunk): Placed => ({ chunk })));
  const put = (bytes: Uint8Array): Range => {
    const offset = sink.position;
    sink.write(bytes);
    return { offset, bytes: bytes.length };
  };
  for (const placed of groups.flat()) {
    if (placed.chunk.filter !== undefined) placed.filter = put(placed.chunk.filter);
  }
  // Where a group has a single page, its statistics say as much.
  const paged = groups.flat().filter(({ chunk }) => chunk.pages.length > 1);
  for (const placed of paged) {
    if (placed.chunk.indexed) placed.columnIndex = put(columnIndex(thrift, placed.chunk));
  }
  for (const placed of paged) placed.offsetIndex = put(offsetIndex(thrift, placed.chunk.pages));
  const metadata = fileMetadata(thrift, facts, groups);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, metadata.length, true);
  for (const bytes of [metadata, length, MAGIC]) sink.write(bytes);
}

const NOTHING = new Uint8Array(0);

function columnIndex(thrift: ThriftWriter, { pages, order }: WrittenChunk): Uint8Array {
  return thrift
    .struct(() => {
      thrift.bools(
        1,
        pages.map(({ least }) => least === undefined),
      );
      thrift.binaries(
        2,
        pages.map(({ least }) => least?.bytes ?? NOTHING),
      );
      thrift.binaries(
        3,
        pages.map(({ most }) => most?.bytes ?? NOTHING),
      );
      thrift.i32(4, order);
      thrift.i64s(
        5,
        pages.map(({ nulls }) => nulls),
      );
    })
    .take();
}

function offsetIndex(thrift: ThriftWriter, pages: readonly Page[]): Uint8Array {
  return thrift
    .struct(() => {
      thrift.structs(1, pages, ({ offset, bytes, firstRow }) => {
        thrift.i64(1, offset);
        thrift.i32(2, bytes);
        thrift.i64(3, firstRow);
      });
    })
    .take();
}

function fileMetadata(thrift: ThriftWriter, facts: FileFacts, groups: readonly Placed[][]): Uint8Array {
  const { schema } = facts;
  return thrift
    .struct(() => {
      // Version 1: pages and encodings that every reader knows.
      thrift.i32(1, 1);
      thrift.structs(2, [undefined, ...schema], (column) => {
        if (column === undefined) {
          thrift.binary(4, 'flowstitch');
          thrift.i32(5, schema.length);
        } else schemaElement(thrift, column);
      });
      thrift.i64(
        3,
        facts.groups.reduce((sum, { rows }) => sum + rows, 0),
      );
      thrift.structs(4, [...groups.keys()], (g) => rowGroup(thrift, facts, g, groups[g]));
      thrift.structs(5, Object.entries(facts.metadata), ([key, value]) => {
        thrift.binary(1, key);
        thrift.binary(2, value);
      });
      thrift.binary(6, facts.createdBy);
      // Statistics are in the order of the type: without this, readers ignore those of texts.
      thrift.structs(7, schema, () => thrift.inner(1, () => {}));
    })
    .take();
}

function schemaElement(thrift: ThriftWriter, { name, type, nullable }: SchemaColumn): void {
  thrift.i32(1, physicalType(type));
  thrift.i32(3, nullable ? OPTIONAL : REQUIRED);
  thrift.binary(4, name);
  const converted = CONVERTED_TYPES[type];
  if (converted === undefined) return;
  thrift.i32(6, converted);
  thrift.inner(10, () => logicalType(thrift, type));
}

function logicalType(thrift: ThriftWriter, type: ColumnType): void {
  switch (type) {
    case 'VARCHAR':
      thrift.inner(1, () => {});
      break;
    case 'TIMESTAMP':
      thrift.inner(8, () => {
        // Not an instant but a time on the clock: SQL's TIMESTAMP, which Athena and DuckDB show without a zone.
        thrift.bool(1, false);
        thrift.inner(2, () => thrift.inner(2, () => {}));
      });
      break;
    default:
      thrift.inner(10, () => {
        thrift.i8(1, type === 'BIGINT' ? 64 : 32);
        thrift.bool(2, true);
      });
  }
}

function rowGroup(thrift: ThriftWriter, facts: FileFacts, number: number, placed: readonly Placed[]): void {
  const { offset, rows, chunks } = facts.groups[number];
  const sum = (of: (chunk: WrittenChunk) => number): number => chunks.reduce((all, chunk) => all + of(chunk), 0);
  thrift.structs(1, [...placed.keys()], (c) => columnChunk(thrift, facts.schema[c], placed[c]));
  thrift.i64(
    2,
    sum(({ uncompressedBytes }) => uncompressedBytes),
  );
  thrift.i64(3, rows);
  if (facts.sortedBy.length > 0)
    thrift.structs(4, facts.sortedBy, (column) => {
      thrift.i32(1, column);
      thrift.bool(2, false);
      thrift.bool(3, false);
    });
  thrift.i64(5, offset);
  thrift.i64(
    6,
    sum(({ compressedBytes }) => compressedBytes),
  );
  thrift.i16(7, number);
}

function columnChunk(thrift: ThriftWriter, column: SchemaColumn, placed: Placed): void {
  const { chunk, columnIndex, offsetIndex } = placed;
  thrift.i64(2, chunk.dictionaryOffset ?? chunk.pages[0].offset);
  thrift.inner(3, () => columnMetadata(thrift, column, placed));
  if (offsetIndex !== undefined) {
    thrift.i64(4, offsetIndex.offset);
    thrift.i32(5, offsetIndex.bytes);
  }
  if (columnIndex !== undefined) {
    thrift.i64(6, columnIndex.offset);
    thrift.i32(7, columnIndex.bytes);
  }
}

function columnMetadata(thrift: ThriftWriter, { name, type, nullable }: SchemaColumn, { chunk, filter }: Placed): void {
  const { dictionaryOffset, least, most } = chunk;
  thrift.i32(1, physicalType(type));
  thrift.i32s(2, [dictionaryOffset === undefined ? PLAIN : PLAIN_DICTIONARY, ...(nullable ? [RLE] : [])]);
  thrift.binaries(3, [name]);
  thrift.i32(4, chunk.codec);
  thrift.i64(5, chunk.rows);
  thrift.i64(6, chunk.uncompressedBytes);
  thrift.i64(7, chunk.compressedBytes);
  thrift.i64(9, chunk.pages[0].offset);
  if (dictionaryOffset !== undefined) thrift.i64(11, dictionaryOffset);
  thrift.inner(12, () => {
    thrift.i64(3, chunk.nulls);
    if (least === undefined || most === undefined) return;
    thrift.binary(5, most.bytes);
    thrift.binary(6, least.bytes);
    thrift.bool(7, most.exact);
    thrift.bool(8, least.exact);
  });
  if (filter !== undefined) {
    thrift.i64(14, filter.offset);
    thrift.i32(15, filter.bytes);
  }
}
