/**
 * Which tables, and which days of them, a query can need: found with DuckDB's planner, before any file is fetched. Each
 * day of a table is a branch of its own, of which only the day is known and, for sessions, that they began
 * on it; a branch that the planner has removed cannot give a row, whatever its file contains.
 */
import { callNative } from '../table/parquet/nativecalls.ts';
import { sqlLiteral, sqlName } from '../table/parquet/sqltext.ts';
import type { TableName } from '../table/tables.ts';
import { explainedPart, forEachStatement } from './permittedsql.ts';
import { openTables, sqlColumns } from './results.ts';

/** The days of each table that has files: YYYY-MM-DD, or '' for files without a day. */
export type TableDays = Partial<Record<TableName, readonly string[]>>;

/**
 * @returns the days of each table that the query can need; undefined for statements that DuckDB cannot explain
 * @throws DuckDB's error, which names the place in the SQL; RefusedSql
 */
export async function neededDays(query: string, days: TableDays): Promise<Map<TableName, Set<string>> | undefined> {
  const { connection, close } = await openTables((name) => ({ sql: branches(name, days[name] ?? []), files: [] }));
  try {
    return await callNative(async () => {
      // Errors in the query are thrown here; of several statements the first ones would have to be run.
      if ((await connection.extractStatements(query)).count !== 1) return undefined;
      await forEachStatement(connection, query, async () => {});
      const plan = await connection
        .runAndReadAll(`EXPLAIN (FORMAT json) ${explainedPart(query)}`)
        .catch(() => undefined);
      return plan && marksIn(JSON.stringify(plan.getRows()));
    });
  } finally {
    close();
  }
}

function marksIn(plan: string): Map<TableName, Set<string>> {
  const needed = new Map<TableName, Set<string>>();
  for (const [, name, day] of plan.matchAll(/<day of (\w+): ([\d-]*)>/g)) {
    const table = name as TableName;
    needed.set(table, (needed.get(table) ?? new Set()).add(day));
  }
  return needed;
}

/** A table of which the planner knows the days, and nothing else: all other values come from random(). */
function branches(table: TableName, days: readonly string[]): string {
  const begins = table === 'sessions' && days.length > 0 && !days.includes('');
  const columns = sqlColumns(table).map(({ name, type }) => {
    const known = name === 'dt' || (begins && name === 'ts');
    return known ? name : `TRY_CAST(CAST(random() AS VARCHAR) AS ${type}) AS ${sqlName(name)}`;
  });
  const branch = (day: string): string => {
    const mark = sqlLiteral(`<day of ${table}: ${day}>`);
    const dt = day === '' ? 'NULL' : sqlLiteral(day);
    // The planner knows that a choice of two times lies between them.
    const [first, last] = [`TIMESTAMP '${day}'`, `TIMESTAMP '${day} 23:59:59.999999'`];
    const ts = begins ? `, CASE WHEN random() < 0.5 THEN ${first} ELSE ${last} END AS ts` : '';
    return `SELECT CAST(${dt} AS VARCHAR) AS dt${ts} WHERE CAST(random() AS VARCHAR) = ${mark}`;
  };
  // A table without files still exists.
  const from = (days.length === 0 ? [''] : days).map(branch);
  return `SELECT ${columns.join(', ')} FROM (${from.join(' UNION ALL ')})`;
}
