/** What a Parquet file holds, through DuckDB. */
import type { DuckDBValue } from '@duckdb/node-api';
import type { QueryResult, QueryValue } from '../../shared/query/queryresult.ts';
import { formatTable } from '../../shared/query/resulttext.ts';
import { openDuckDB } from '../../shared/table/parquet/duckdb.ts';
import { callNative } from '../../shared/table/parquet/nativecalls.ts';
import { exactPattern, sqlLiteral } from '../../shared/table/parquet/sqltext.ts';
import { TABLES } from '../../shared/table/tables.ts';
import { printable } from '../../shared/text/printable.ts';
import { timeText } from '../../shared/text/timetext.ts';
import { bytesText, count, counted, fieldLines } from '../text/format.ts';
import { UsageError } from '../usage/usage.ts';
import type { Inspection } from './inspection.ts';

interface ParquetColumn {
  name: string;
  type: string;
}

/** @param shown rows to show @throws UsageError when DuckDB cannot read the file */
export async function inspectParquet(path: string, shown: number): Promise<Inspection> {
  const { connection, close } = await openDuckDB();
  const file = sqlLiteral(exactPattern(path));
  const query = async (text: string): Promise<QueryResult> => {
    const result = await callNative(() => connection.runAndReadAll(text));
    const columns = result.columnNames().map((name, i) => ({ name, type: String(result.columnType(i)) }));
    return { columns, rows: result.getRows().map((row) => row.map(plain)), truncated: false };
  };
  try {
    const [[createdBy, rows, rowGroups]] = (
      await query(`SELECT created_by, num_rows, num_row_groups FROM parquet_file_metadata(${file})`)
    ).rows;
    const [[codecs, packed, raw]] = (
      await query(`SELECT string_agg(DISTINCT compression, ', ' ORDER BY compression), sum(total_compressed_size)::DOUBLE,
        sum(total_uncompressed_size)::DOUBLE FROM parquet_metadata(${file})`)
    ).rows;
    const source = `read_parquet(${file}, hive_partitioning = false)`;
    const described = (await query(`DESCRIBE SELECT * FROM ${source}`)).rows;
    const columns = described.map(([name, type]) => ({ name: String(name), type: String(type) }));
    const times = columns.some(({ name, type }) => name === 'ts_ns' && type === 'BIGINT')
      ? (await query(`SELECT min(ts_ns), max(ts_ns) FROM ${source}`)).rows[0].map(nanosText)
      : [null, null];
    const first = shown > 0 ? await query(`SELECT * FROM ${source} LIMIT ${shown}`) : null;
    const table = tableOf(columns);
    const fields: [string, string][] = [
      ['Parquet', `${printable(path)}${table === null ? '' : `, the table ${table}`}`],
      ['written by', printable(String(createdBy))],
      ['rows', `${count(Number(rows))} in ${counted(Number(rowGroups), 'row group')}`],
      ['bytes', `${bytesText(Number(packed))}${codecs === null ? '' : ` (${codecs})`} of ${bytesText(Number(raw))}`],
    ];
    if (times[0] !== null) fields.push(['first', times[0]], ['last', times[1] ?? '']);
    fields.push(['columns', columns.map(({ name, type }) => printable(`${name} ${type}`)).join(', ')]);
    return {
      json: {
        kind: 'parquet',
        table,
        createdBy,
        rowCount: Number(rows),
        rowGroups: Number(rowGroups),
        compression: codecs,
        first: times[0],
        last: times[1],
        columns,
        rows: first === null ? [] : first.rows.map((row) => rowObject(columns, row)),
      },
      text: `${first === null ? '' : `${formatTable(first)}\n`}${fieldLines(fields)}`,
      exitCode: 0,
    };
  } catch (error) {
    throw new UsageError(`${printable(path)} cannot be read as Parquet: ${printable((error as Error).message)}`);
  } finally {
    close();
  }
}

function plain(value: DuckDBValue): QueryValue {
  return value !== null && typeof value === 'object' ? String(value) : value;
}

/** 64-bit numbers beyond 2^53 as text, since JSON readers would round them. */
function rowObject(columns: readonly ParquetColumn[], row: readonly QueryValue[]): Record<string, unknown> {
  return Object.fromEntries(
    row.map((value, i) => {
      const exact = typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
      return [columns[i].name, typeof exact === 'bigint' ? String(exact) : exact];
    }),
  );
}

function nanosText(nanos: QueryValue): string | null {
  if (typeof nanos !== 'bigint' || nanos < 0n) return null;
  return timeText(Number(nanos / 1000n), Number(nanos % 1000n));
}

/** The table of ours that has these columns. */
function tableOf(columns: readonly ParquetColumn[]): string | null {
  const names = columns.map(({ name }) => name).join();
  for (const [table, { columns }] of Object.entries(TABLES))
    if (columns.map(({ name }) => name).join() === names) return table;
  return null;
}
