/**
 * Writing one Parquet file through DuckDB: rows are produced chunk by chunk into
 * typed columns and stream through a table function into COPY, so that memory
 * holds one row group, whatever the length of the table.
 *
 * The file is what Athena and Trino read without surprises: zstd, V1 pages, row
 * groups near 100,000 rows. One thread writes it, so its bytes depend on the rows
 * and on nothing else.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type DuckDBDataChunk, DuckDBTableFunction } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { CHUNK_ROWS, type ChunkColumn } from './chunk.ts';
import { type DuckDBLimits, openDuckDB } from './duckdb.ts';
import { callNative } from './nativecalls.ts';
import type { TableColumn } from './schema.ts';
import { sqlLiteral, sqlName } from './sqltext.ts';

/** Rows of a full row group: a whole number of chunks, because DuckDB closes a group at a chunk's border. */
export const ROW_GROUP_ROWS = 49 * CHUNK_ROWS;

/** A fifth of a row group, as DuckDB's own default is: beyond it a dictionary mostly costs space. */
export const DEFAULT_DICTIONARY_LIMIT = 20_000;

/** What was written. */
export interface ParquetFile {
  path: string;
  rows: number;
  bytes: number;
}

/** A table on its way into a file. */
export interface ParquetSource {
  /** The table's columns, in order. */
  schema: readonly TableColumn[];
  /** One chunk column for each column of `schema`, in the same order. */
  columns: readonly ChunkColumn[];
  /** Fill the next chunk from row 0 on; the number of rows filled, 0 at the end. May throw: the write then fails with that error. */
  fill(): number;
  /**
   * Distinct values in a row group up to which a column is written as a dictionary, and so gets
   * a bloom filter; default DEFAULT_DICTIONARY_LIMIT.
   */
  dictionaryLimit?: number;
}

/** Table functions registered so far: an instance that writes several files needs a name for each. */
let functions = 0;

/**
 * Write a Parquet file. An existing file of that name is replaced; after an error
 * the file's content is undefined.
 *
 * @throws what `fill` throws, or DuckDB's error (disk full, no such directory)
 */
export async function writeParquet(
  path: string,
  source: ParquetSource,
  limits: DuckDBLimits = {},
): Promise<ParquetFile> {
  const { schema, columns } = source;
  if (schema.length !== columns.length)
    throw new RangeError(`${columns.length} columns for a schema of ${schema.length}`);
  const target = resolve(path);
  const open = limits.writer ?? (await openDuckDB({ ...limits, threads: 1 }));
  const rowsFunction = `rows_${functions++}`;
  let rows = 0;
  let failure: unknown;
  try {
    const list = schema.map((c) => `${sqlName(c.name)}::${c.type} AS ${sqlName(c.name)}`).join(', ');
    const copy =
      `COPY (SELECT ${list} FROM ${rowsFunction}()) TO ${sqlLiteral(target)} (FORMAT parquet, PARQUET_VERSION V1, ` +
      `COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${ROW_GROUP_ROWS}, USE_TMP_FILE false, DICTIONARY_SIZE_LIMIT ${source.dictionaryLimit ?? DEFAULT_DICTIONARY_LIMIT})`;
    await callNative(() => {
      open.connection.registerTableFunction(
        DuckDBTableFunction.create({
          name: rowsFunction,
          bindFunction: (bind) => {
            for (let i = 0; i < schema.length; i++) bind.addResultColumn(schema[i].name, columns[i].type);
          },
          initFunction: (init) => init.setMaxThreads(1),
          mainFunction: (call, chunk) => {
            try {
              const filled = source.fill();
              handOver(chunk, columns, filled);
              rows += filled;
            } catch (cause) {
              failure ??= cause;
              call.setError('the rows to write could not be produced');
            }
          },
        }),
      );
      return open.connection.run(copy);
    });
  } catch (cause) {
    throw failure ?? cause;
  } finally {
    if (limits.writer === undefined) open.close();
  }
  return { path, rows, bytes: (await stat(target)).size };
}

function handOver(chunk: DuckDBDataChunk, columns: readonly ChunkColumn[], rows: number): void {
  chunk.rowCount = rows;
  if (rows === 0) return;
  for (let i = 0; i < columns.length; i++) columns[i].flush(duckdb.data_chunk_get_vector(chunk.chunk, i), rows);
}
