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
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  type DuckDBResult,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  type DuckDBValue,
  ResultReturnType,
} from '@duckdb/node-api';
import { type DuckDBLimits, openDuckDB } from '../table/parquet/duckdb.ts';
import { callNative } from '../table/parquet/nativecalls.ts';
import { exactPattern, sqlLiteral, sqlName } from '../table/parquet/sqltext.ts';
import type { TableColumn } from '../table/tablecolumn.ts';
import { TABLE_NAMES, TABLES, type TableName } from '../table/tables.ts';
import { VIEWS } from '../views/index.ts';
import { DAY_COLUMN } from '../views/view.ts';
import { forEachStatement, SHADOWS } from './permittedsql.ts';
import { Decimal, type NestedValue, type QueryResult, type QueryValue } from './queryresult.ts';
import { isRemote, type RemoteFiles, remoteAccess } from './remotefiles.ts';
import { SUBNET_MACROS } from './subnet.ts';

/**
 * Paths of the Parquet files of each table, or s3:// URLs. A table without files is empty. One that is null is not available: a query
 * that needs its rows fails with an error that `isNotAtHand` recognizes.
 */
export type ResultFiles = Partial<Record<TableName, readonly string[] | null>>;

/** Open results, ready for queries. */
export interface OpenResults {
  /**
   * Run SQL; of several queries the result is that of the last.
   *
   * @param maxRows most rows to fetch, default no limit
   * @throws DuckDB's error, which names the place in the SQL; RefusedSql
   */
  runQuery(sql: string, maxRows?: number): Promise<QueryResult>;
  close(): void;
}

/** Open results, as the command line asks them. */
export interface OpenTables extends OpenResults {
  readonly connection: DuckDBConnection;
  /**
   * Runs SQL with one or more statements.
   * @returns the results of all queries among them, in order; that of the last statement when there is no query
   * @throws as runQuery
   */
  runQueries(sql: string): Promise<QueryResult[]>;
  /**
   * Whether a query reads a table that has no files, itself or by way of a view. False for several statements, and for
   * invalid SQL.
   */
  readsEmpty(sql: string, table: TableName): boolean;
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
): Promise<OpenTables> {
  return openTables((name) => tableSource(name, files[name]), limits, remote);
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
): Promise<OpenTables> {
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
    await run(`CREATE SCHEMA ${EMPTY_TABLES}`);
    for (const name of TABLE_NAMES) await run(emptyTable(name));
    const allowed: string[] = [];
    for (const name of TABLE_NAMES) {
      const { sql, files } = sourceOf(name);
      await run(`CREATE VIEW ${sqlName(name)} AS ${sql}`).catch((cause) => {
        throw otherVersion(name, cause);
      });
      // A path with wildcards in it is checked in both spellings: as the pattern and as the file found.
      for (const path of files) allowed.push(path, exactPattern(path));
    }
    for (const { name, sql } of VIEWS) await run(`CREATE VIEW ${sqlName(name)} AS ${sql}`);
    for (const macro of [...SHADOWS, ...SUBNET_MACROS]) await run(macro);
    await run(`SET allowed_paths = [${allowed.map(sqlLiteral).join(', ')}]`);
    await run('SET enable_external_access = false');
    await run('SET lock_configuration = true');
  } catch (cause) {
    open.close();
    throw cause;
  }
  const runQueries = (sql: string, maxRows?: number): Promise<QueryResult[]> => runStatements(connection, sql, maxRows);
  return {
    connection,
    runQuery: async (sql, maxRows) => (await runQueries(sql, maxRows)).at(-1)!,
    runQueries,
    readsEmpty: (sql, table) => tablesIn(connection, sql).includes(table),
    close: () => open.close(),
  };
}

/** The error for files that have not the columns of this version; any other unchanged. */
function otherVersion(name: TableName, cause: unknown): unknown {
  const [, column] = /^Binder Error: Referenced column "([^"]*)" not found/.exec((cause as Error).message) ?? [];
  if (column === undefined) return cause;
  return new Error(
    `the table ${name} has no column ${column}: another version of Flowstitch wrote it; run the same job again to make the tables anew`,
    { cause },
  );
}

/** The columns of a table in SQL: those of its files and, where they are by day, `dt`, the day. */
export function sqlColumns(name: TableName): readonly Pick<TableColumn, 'name' | 'type'>[] {
  const { columns, byDay } = TABLES[name];
  return byDay ? [...columns, DAY_COLUMN] : columns;
}

/** The schema of tables without rows, which stand for those without files: DuckDB tells which of them a query reads. */
const EMPTY_TABLES = 'empty';

function emptyTable(name: TableName): string {
  const columns = sqlColumns(name).map((c) => `${sqlName(c.name)} ${c.type}`);
  return `CREATE TABLE ${EMPTY_TABLES}.${sqlName(name)} (${columns.join(', ')})`;
}

/** The day in a file's path, by which DuckDB leaves files unread; NULL where there is none. */
const DAY_OF_FILE = String.raw`nullif(regexp_extract(filename, '[/-]dt=(\d{4}-\d{2}-\d{2})(?:/[^/]*|[.]parquet)$', 1), '')`;

/** The query behind a view: all files of the table, or no rows with the right columns. */
function viewQuery(name: TableName, paths: readonly string[]): string {
  const columns = sqlColumns(name);
  if (paths.length === 0) return `FROM ${EMPTY_TABLES}.${sqlName(name)}`;
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

/** Names of the tables in one statement, and of those under the views that it names. */
function tablesIn(connection: DuckDBConnection, sql: string): readonly string[] {
  try {
    return connection.getTableNames(sql, false);
  } catch {
    // Running it says what is wrong.
    return [];
  }
}

function runStatements(connection: DuckDBConnection, sql: string, maxRows?: number): Promise<QueryResult[]> {
  return callNative(async () => {
    const results: QueryResult[] = [];
    let last: QueryResult | undefined;
    await forEachStatement(connection, sql, async (statement) => {
      const result = await statement.stream();
      last = await rowsOf(result, maxRows);
      if (result.returnType === ResultReturnType.QUERY_RESULT) results.push(last);
    });
    return results.length > 0 || last === undefined ? results : [last];
  });
}

async function rowsOf(result: DuckDBResult, maxRows = Number.POSITIVE_INFINITY): Promise<QueryResult> {
  const columns = result.columnNames().map((name, i) => ({ name, type: String(result.columnType(i)) }));
  const rows: QueryValue[][] = [];
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return { columns, rows, truncated: false };
    const more = chunk.getRows();
    const room = maxRows - rows.length;
    inUtc(() => {
      for (const row of more.slice(0, room)) rows.push(row.map(plain));
    });
    if (more.length > room) return { columns, rows, truncated: true };
  }
}

/** Calls what makes text of times: DuckDB's client writes those with a zone in one that holds for the whole program. */
function inUtc(write: () => void): void {
  const before = DuckDBTimestampTZValue.timezoneOffsetInMinutes;
  DuckDBTimestampTZValue.timezoneOffsetInMinutes = 0;
  try {
    write();
  } finally {
    DuckDBTimestampTZValue.timezoneOffsetInMinutes = before;
  }
}

function plain(value: DuckDBValue): QueryValue {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof DuckDBDecimalValue) return value.scale === 0 ? value.value : new Decimal(String(value));
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
