/**
 * Writes one Parquet file through DuckDB: rows are produced chunk by chunk in typed columns and streamed through a
 * table function into COPY, so that memory holds one row group, for tables of any length.
 *
 * The file uses what Athena and Trino read reliably: zstd, V1 pages, row groups near 100,000 rows. One thread writes
 * it, so its bytes depend on the rows alone.
 */

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBTableFunction } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { StoreError } from '../../store/objectstore.ts';
import { systemWords } from '../../store/systemerror.ts';
import type { TableColumn } from '../tablecolumn.ts';
import { CHUNK_ROWS, type ChunkColumn } from './chunk.ts';
import { type DuckDBLimits, openDuckDB } from './duckdb.ts';
import { callNative } from './nativecalls.ts';
import { sqlLiteral, sqlName } from './sqltext.ts';

/** Rows of a full row group: a whole number of chunks, because DuckDB closes a group at the end of a chunk. */
export const ROW_GROUP_ROWS = 49 * CHUNK_ROWS;

/** A fifth of a row group, as DuckDB's default: beyond it a dictionary mostly wastes space. */
export const DEFAULT_DICTIONARY_LIMIT = 20_000;

/** What was written. */
export interface ParquetFile {
  path: string;
  rows: number;
  bytes: number;
}

/** A table to be written to a file. */
export interface ParquetContent {
  /** The table's columns, in order. */
  schema: readonly Pick<TableColumn, 'name' | 'type'>[];
  /** One chunk column for each column of `schema`, in the same order. */
  columns: readonly ChunkColumn[];
  /** Fill the next chunk from row 0 on; the number of rows filled, 0 at the end. May throw: the write then fails with that error. */
  fill(): number;
  /**
   * Distinct values in a row group up to which a column is written as a dictionary, and so gets
   * a bloom filter; default DEFAULT_DICTIONARY_LIMIT.
   */
  dictionaryLimit?: number;
  /** Most rows of the table, if known. */
  mostRows?: number;
}

/** Names of the table functions that return the rows of the file which a connection writes, with a number behind: connections of an instance share its functions. */
const ROWS_FUNCTION = 'rows_to_write_';

/** The table function of a connection. */
interface Writer {
  readonly name: string;
  now: Writing | undefined;
}

/** What is being written through a connection. */
interface Writing {
  source: ParquetContent;
  rows: number;
  failure: unknown;
}

/**
 * Connections that have the table function, with what they write now. A function cannot be unregistered, and keeps its
 * closure alive: so one is used for all files.
 */
const writers = new WeakMap<DuckDBConnection, Writer>();
let functions = 0;

/**
 * Write a Parquet file. An existing file of that name is replaced; after an error
 * the file's content is undefined.
 *
 * @throws what `fill` throws, or DuckDB's error (disk full, no such directory)
 */
export async function writeParquet(
  path: string,
  source: ParquetContent,
  limits: DuckDBLimits = {},
): Promise<ParquetFile> {
  const { schema, columns } = source;
  if (schema.length !== columns.length)
    throw new RangeError(`${columns.length} columns for a schema of ${schema.length}`);
  const target = resolve(path);
  // DuckDB allocates dictionaries of that many values before it sees a row: for a file of a few rows that costs five
  // times as much as everything else. There are no more values than rows, so the bytes are the same.
  const dictionary = Math.min(
    source.dictionaryLimit ?? DEFAULT_DICTIONARY_LIMIT,
    Math.max(1, source.mostRows ?? Number.POSITIVE_INFINITY),
  );
  const open = limits.writer ?? (await openDuckDB({ ...limits, threads: 1 }));
  const connection = limits.connection ?? open.connection;
  const writing: Writing = { source, rows: 0, failure: undefined };
  try {
    const list = schema.map((c) => `${sqlName(c.name)}::${c.type} AS ${sqlName(c.name)}`).join(', ');
    const copyFrom = (name: string): string =>
      `COPY (SELECT ${list} FROM ${name}()) TO ${sqlLiteral(target)} (FORMAT parquet, PARQUET_VERSION V1, ` +
      `COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${ROW_GROUP_ROWS}, USE_TMP_FILE false, DICTIONARY_SIZE_LIMIT ${dictionary})`;
    await callNative(() => {
      const writer = writerOf(connection);
      writer.now = writing;
      return connection.run(copyFrom(writer.name));
    });
  } catch (cause) {
    throw writing.failure ?? diskFault(cause, target);
  } finally {
    const writer = writers.get(connection);
    if (writer !== undefined) writer.now = undefined;
    if (limits.writer === undefined) open.close();
  }
  return { path, rows: writing.rows, bytes: (await stat(target)).size };
}

/** DuckDB's I/O errors as errors of the store; anything else unchanged. */
function diskFault(cause: unknown, target: string): unknown {
  const words = cause instanceof Error ? cause.message : '';
  if (!words.startsWith('IO Error')) return cause;
  const full = words.includes('No space left');
  return new StoreError(
    'io',
    target,
    `cannot write ${target}: ${full ? systemWords({ code: 'ENOSPC', syscall: 'write' }) : words}`,
    cause,
  );
}

/** What a connection writes, to be set before its COPY; registers the table function on first use. */
function writerOf(connection: DuckDBConnection): Writer {
  const known = writers.get(connection);
  if (known !== undefined) return known;
  const writer: Writer = { name: `${ROWS_FUNCTION}${functions++}`, now: undefined };
  const current = (): Writing => {
    if (writer.now === undefined) throw new Error('nothing is being written');
    return writer.now;
  };
  connection.registerTableFunction(
    DuckDBTableFunction.create({
      name: writer.name,
      bindFunction: (bind) => {
        const { schema, columns } = current().source;
        for (let i = 0; i < schema.length; i++) bind.addResultColumn(schema[i].name, columns[i].type);
      },
      initFunction: (init) => init.setMaxThreads(1),
      mainFunction: (call, chunk) => {
        const writing = current();
        try {
          const filled = writing.source.fill();
          handOver(chunk, writing.source.columns, filled);
          writing.rows += filled;
        } catch (cause) {
          writing.failure ??= cause;
          call.setError('the rows to write could not be produced');
        }
      },
    }),
  );
  writers.set(connection, writer);
  return writer;
}

function handOver(chunk: DuckDBDataChunk, columns: readonly ChunkColumn[], rows: number): void {
  chunk.rowCount = rows;
  if (rows === 0) return;
  for (let i = 0; i < columns.length; i++) columns[i].flush(duckdb.data_chunk_get_vector(chunk.chunk, i), rows);
}
