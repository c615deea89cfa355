/**
 * Writes one Parquet file: rows are produced chunk by chunk in typed columns, so that memory holds one row group, for
 * tables of any length.
 *
 * The file uses what Athena and Trino read reliably: zstd, V1 pages, plain values and dictionaries, row groups near
 * 100,000 rows. Its bytes depend on the rows alone.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { StoreError } from '../../store/objectstore.ts';
import { systemCode, systemWords } from '../../store/systemerror.ts';
import { SOFTWARE } from '../../text/software.ts';
import { CHUNK_ROWS, type ChunkColumn } from './chunk.ts';
import { writeColumnChunk } from './format/columnchunk.ts';
import { FileSink } from './format/filesink.ts';
import { type SchemaColumn, type WrittenGroup, writeFooter } from './format/footer.ts';
import { MAGIC } from './format/format.ts';

/** Rows of a full row group. */
export const ROW_GROUP_ROWS = 49 * CHUNK_ROWS;

/** Rows of a full page: what a reader that knows its rows reads at least, of each column. */
export const PAGE_ROWS = 10 * CHUNK_ROWS;

/** What was written. */
export interface ParquetFile {
  path: string;
  rows: number;
  bytes: number;
}

/** A table to be written to a file. */
export interface ParquetContent {
  /** The table's columns, in order. */
  schema: readonly SchemaColumn[];
  /** Names of the columns by which the rows are sorted, the first first; default none. */
  sortedBy?: readonly string[];
  /** One chunk column for each column of `schema`, in the same order. */
  columns: readonly ChunkColumn[];
  /** Fill the next chunk from row 0 on; the number of rows filled, 0 at the end. May throw: the write then fails with that error. */
  fill(): number;
  /** Called at the end: the columns may be used for another file. */
  done?(): void;
}

/**
 * Write a Parquet file. An existing file of that name is replaced; after an error the file's content is undefined.
 *
 * @throws what `fill` throws; StoreError when the file cannot be written (disk full, no such folder); RangeError for
 *   NULL in a column that is not nullable
 */
export async function writeParquet(path: string, source: ParquetContent): Promise<ParquetFile> {
  const { schema, sortedBy = [], columns } = source;
  if (schema.length !== columns.length)
    throw new RangeError(`${columns.length} columns for a schema of ${schema.length}`);
  const target = resolve(path);
  const groups: WrittenGroup[] = [];
  let rows = 0;
  for (const column of columns) {
    column.forget();
    column.group.clear();
  }
  try {
    const sink = onDisk(target, () => new FileSink(target));
    try {
      onDisk(target, () => sink.write(MAGIC));
      for (let more = true; more; ) {
        // Other work of this thread waits no longer than a row group.
        if (rows > 0) await turn();
        const filled = fillGroup(source);
        more = filled >= ROW_GROUP_ROWS;
        if (filled > 0) onDisk(target, () => groups.push(writeGroup(sink, source, filled)));
        rows += filled;
      }
      onDisk(target, () => {
        writeFooter(sink, {
          schema,
          sortedBy: sortedBy.map((name) => schema.findIndex((column) => column.name === name)),
          groups,
          createdBy: `flowstitch version ${SOFTWARE}`,
          metadata: { 'flowstitch.version': SOFTWARE },
        });
        sink.close();
      });
    } catch (cause) {
      sink.abandon();
      throw cause;
    }
  } finally {
    source.done?.();
  }
  return { path, rows, bytes: (await stat(target)).size };
}

/** Fills a row group from chunks. @returns its rows */
function fillGroup(source: ParquetContent): number {
  const { schema, columns } = source;
  let rows = 0;
  while (rows < ROW_GROUP_ROWS) {
    const filled = source.fill();
    if (filled === 0) break;
    for (const column of columns) column.flush(filled);
    rows += filled;
  }
  for (const [c, { name, nullable }] of schema.entries())
    if (!nullable && columns[c].group.nulls > 0) throw new RangeError(`column ${name} cannot be NULL`);
  return rows;
}

function writeGroup(sink: FileSink, { schema, columns }: ParquetContent, rows: number): WrittenGroup {
  const offset = sink.position;
  const chunks = schema.map((column, c) => {
    const chunk = writeColumnChunk(sink, column, columns[c].group, PAGE_ROWS);
    columns[c].group.clear();
    return chunk;
  });
  return { offset, rows, chunks };
}

/** The system's errors as errors of the store; any other unchanged. */
function onDisk<T>(target: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (systemCode(cause) === undefined) throw cause;
    throw new StoreError('io', target, `cannot write ${target}: ${systemWords(cause)}`, cause);
  }
}
