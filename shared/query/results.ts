/**
 * SQL over the results: a connection with one view per table, over exactly the
 * files of one job, and the views over those tables (shared/views). The SQL is untrusted;
 * it can reach only those files: nothing else is
 * read or fetched, nothing is written, no extension is loaded but the one
 * that the caller names, and the settings are locked; permittedsql.ts refuses what
 * DuckDB does regardless of them.
 */
import { availableParallelism, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import {
  DuckDBArrayValue,
  type DuckDBConnection,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { type DuckDBLimits, openDuckDB } from '../table/parquet/duckdb.ts';
import { callNative } from '../table/parquet/nativecalls.ts';
import { exactPattern, sqlLiteral, sqlName } from '../table/parquet/sqltext.ts';
import type { TableColumn } from '../table/tablecolumn.ts';
import { TABLE_NAMES, TABLES, type TableName } from '../table/tables.ts';
import { VIEWS } from '../views/index.ts';
import { DAY_COLUMN } from '../views/view.ts';
import { prepareLast, SHADOWS } from './permittedsql.ts';
import { isRemote, type RemoteFiles, remoteAccess } from './remotefiles.ts';

/**
 * Paths of the Parquet files of each table, or s3:// URLs. A table without files is empty. One that is null is not available: a query
 * that needs its rows fails with an error that `isNotAtHand` recognizes.
 */
export type ResultFiles = Partial<Record<TableName, readonly string[] | null>>;

/** A value in a row. Integers of 64 and more bits are bigint, narrower numbers are number, times are text. */
export type QueryValue = string | number | bigint | boolean | null | NestedValue;

/** A nested value. */
export interface NestedValue {
  /** As DuckDB writes it. */
  readonly text: string;
  /** Those of a ROW by the names of its fields, of a MAP by the text of its keys, of a list or an array in order. */
  readonly parts: Readonly<Record<string, QueryValue>> | readonly QueryValue[];
}

/** The result of a query. */
export interface QueryResult {
  columns: { name: string; type: string }[];
  rows: QueryValue[][];
  /** Whether rows beyond `maxRows` were left out. */
  truncated: boolean;
}

/** Open results, ready for queries. */
export interface OpenResults {
  /**
   * Run SQL; of several statements the result is that of the last.
   *
   * @param maxRows most rows to fetch, default no limit
   * @throws DuckDB's error, which names the place in the SQL; RefusedSql
   */
  runQuery(sql: string, maxRows?: number): Promise<QueryResult>;
  close(): void;
}

/** The query of a table in DuckDB, and the files it may read: their paths and URLs. */
export interface TableSource {
  sql: string;
  files: readonly string[];
}

/**
 * Open the results of a job.
 *
 * @param remote how files whose names begin with s3:// are read
 * @throws DuckDB's error when a file is missing or not Parquet; RangeError for a path that no
 *   spelling can name (see exactPattern)
 */
export async function openResults(
  files: ResultFiles,
  limits: DuckDBLimits = {},
  remote?: RemoteFiles,
): Promise<OpenResults> {
  const { runQuery, close } = await openTables((name) => tableSource(name, files[name]), limits, remote);
  return { runQuery, close };
}

function tableSource(name: TableName, files: readonly string[] | null = []): TableSource {
  if (files === null) return { sql: absentTable(name), files: [] };
  const paths = files.map((file) => (isRemote(file) ? file : resolve(file)));
  return { sql: viewQuery(name, paths), files: paths };
}

/** Opens tables from anywhere, with the views over them; SQL over them can reach nothing else. */
export async function openTables(
  sourceOf: (name: TableName) => TableSource,
  limits: DuckDBLimits = {},
  remote?: RemoteFiles,
): Promise<OpenResults & { connection: DuckDBConnection }> {
  const open = await openDuckDB({
    threads: availableParallelism(),
    memoryLimit: '1GB',
    tempDirectory: tmpdir(),
    ...limits,
  });
  const { connection } = open;
  const run = (sql: string): Promise<unknown> => callNative(() => connection.run(sql));
  try {
    if (remote !== undefined) for (const statement of remoteAccess(remote)) await run(statement);
    const allowed: string[] = [];
    for (const name of TABLE_NAMES) {
      const { sql, files } = sourceOf(name);
      await run(`CREATE VIEW ${sqlName(name)} AS ${sql}`);
      // A path with wildcards in it is checked in both spellings: as the pattern and as the file found.
      for (const path of files) allowed.push(path, exactPattern(path));
    }
    for (const { name, sql } of VIEWS) await run(`CREATE VIEW ${sqlName(name)} AS ${sql}`);
    for (const shadow of SHADOWS) await run(shadow);
    await run(`SET allowed_paths = [${allowed.map(sqlLiteral).join(', ')}]`);
    await run('SET enable_external_access = false');
    await run('SET lock_configuration = true');
  } catch (cause) {
    open.close();
    throw cause;
  }
  return { connection, runQuery: (sql, maxRows) => runQuery(connection, sql, maxRows), close: () => open.close() };
}

/** The columns of a table in SQL: those of its files and, where they are by day, `dt`, the day. */
export function sqlColumns(name: TableName): readonly Pick<TableColumn, 'name' | 'type'>[] {
  const { columns, byDay } = TABLES[name];
  return byDay ? [...columns, DAY_COLUMN] : columns;
}

/** The day in a file's path, by which DuckDB leaves files unread; NULL where there is none. */
const DAY_OF_FILE = String.raw`nullif(regexp_extract(filename, '[/-]dt=(\d{4}-\d{2}-\d{2})(?:/[^/]*|[.]parquet)$', 1), '')`;

/** The query behind a view: all files of the table, or no rows with the right columns. */
function viewQuery(name: TableName, paths: readonly string[]): string {
  const columns = sqlColumns(name);
  if (paths.length === 0)
    return `SELECT ${columns.map((c) => `NULL::${c.type} AS ${sqlName(c.name)}`).join(', ')} LIMIT 0`;
  const texts = columns.map((c) => (c === DAY_COLUMN ? `${DAY_OF_FILE} AS dt` : sqlName(c.name)));
  const list = paths.map((path) => sqlLiteral(exactPattern(path))).join(', ');
  // Other directory names like job=1 in the path are layout, not columns: they could have the names of any.
  return `SELECT ${texts.join(', ')} FROM read_parquet([${list}], hive_partitioning = false)`;
}

const NOT_AT_HAND = 'flowstitch: the files of this table are not available';

/** The query behind a table that is not available: reading any of its columns or rows is an error. */
function absentTable(name: TableName): string {
  const error = `error(${sqlLiteral(NOT_AT_HAND)})`;
  const columns = sqlColumns(name)
    .map((c) => `CAST(${error} AS ${c.type}) AS ${sqlName(c.name)}`)
    .join(', ');
  return `SELECT ${columns} WHERE CAST(${error} AS BOOLEAN)`;
}

/** Whether a query failed because it needs a table that was given as null. */
export function isNotAtHand(error: unknown): boolean {
  return error instanceof Error && error.message.includes(NOT_AT_HAND);
}

async function runQuery(
  connection: DuckDBConnection,
  sql: string,
  maxRows = Number.POSITIVE_INFINITY,
): Promise<QueryResult> {
  const result = await callNative(async () => {
    const statement = await prepareLast(connection, sql);
    try {
      return await statement.stream();
    } finally {
      statement.destroySync();
    }
  });
  const columns = result.columnNames().map((name, i) => ({ name, type: String(result.columnType(i)) }));
  const rows: QueryValue[][] = [];
  for (;;) {
    const chunk = await callNative(() => result.fetchChunk());
    if (chunk === null || chunk.rowCount === 0) return { columns, rows, truncated: false };
    for (const row of chunk.getRows()) {
      if (rows.length >= maxRows) return { columns, rows, truncated: true };
      rows.push(row.map(plain));
    }
  }
}

function plain(value: DuckDBValue): QueryValue {
  if (value === null || typeof value !== 'object') return value;
  const text = String(value);
  const parts = partsOf(value);
  return parts === undefined ? text : { text, parts };
}

function partsOf(value: DuckDBValue): NestedValue['parts'] | undefined {
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(plain);
  if (value instanceof DuckDBStructValue) return byName(Object.entries(value.entries));
  if (value instanceof DuckDBMapValue) return byName(value.entries.map((entry) => [String(entry.key), entry.value]));
  return undefined;
}

function byName(entries: readonly (readonly [string, DuckDBValue])[]): Record<string, QueryValue> {
  return Object.fromEntries(entries.map(([name, value]) => [name, plain(value)]));
}
