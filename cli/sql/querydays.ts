/**
 * Which days of the sessions a query can need. The files of a day hold the sessions that began on it, UTC, by their
 * column `ts`; so of a query that reads the sessions once, and wants of them only those between two times, the
 * other days' files need not be there.
 *
 * The query is taken apart by DuckDB's own parser. Whatever is not understood here narrows nothing: a query over
 * anything else than that one table, with subqueries, with a column of its own named ts, and every condition that
 * is not `ts` beside a time that stands there in so many words.
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { openDuckDB } from '../../shared/table/parquet/duckdb.ts';
import { callNative } from '../../shared/table/parquet/nativecalls.ts';
import { dayOf } from '../../shared/table/window.ts';

/** Days from one to the other, both included, as YYYY-MM-DD; undefined is without an end. */
export interface Days {
  first?: string;
  last?: string;
}

/** A node of the query's syntax tree. */
type Node = { [member: string]: unknown };

const isNode = (value: unknown): value is Node => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Comparisons, and what they are with their sides exchanged. */
const COMPARISONS: Record<string, string> = {
  COMPARE_EQUAL: 'COMPARE_EQUAL',
  COMPARE_LESSTHAN: 'COMPARE_GREATERTHAN',
  COMPARE_LESSTHANOREQUALTO: 'COMPARE_GREATERTHANOREQUALTO',
  COMPARE_GREATERTHAN: 'COMPARE_LESSTHAN',
  COMPARE_GREATERTHANOREQUALTO: 'COMPARE_LESSTHANOREQUALTO',
};

/** The days of sessions that a query can need; without ends where that cannot be told. */
export async function daysOf(query: string): Promise<Days> {
  if (!/\bts\b/i.test(query)) return {};
  const open = await openDuckDB();
  try {
    const { connection } = open;
    const [[text]] = await rowsOf(connection, 'SELECT json_serialize_sql($1::VARCHAR)', query);
    const condition = conditionOf(JSON.parse(String(text)));
    const days: Days = {};
    if (condition !== undefined) for (const one of conjuncts(condition)) await narrow(days, one, connection);
    return days;
  } finally {
    open.close();
  }
}

async function rowsOf(connection: DuckDBConnection, sql: string, parameter: string): Promise<DuckDBValue[][]> {
  return (await callNative(() => connection.runAndReadAll(sql, [parameter]))).getRows();
}

/** The WHERE of a plain query over the sessions, undefined for any other query. */
function conditionOf({ error, statements }: { error: boolean; statements?: { node: Node }[] }): Node | undefined {
  if (error || statements?.length !== 1) return undefined;
  const { node } = statements[0];
  const { type, cte_map, from_table, sample, where_clause, select_list } = node;
  const plain =
    type === 'SELECT_NODE' &&
    isNode(cte_map) &&
    (cte_map.map as unknown[]).length === 0 &&
    isNode(from_table) &&
    isPlainTable(from_table) &&
    sample === null &&
    !(select_list as Node[]).some(({ alias }) => String(alias).toLowerCase() === 'ts') &&
    !hasSubquery(node);
  return plain && isNode(where_clause) ? where_clause : undefined;
}

function isPlainTable({ type, table_name, column_name_alias, sample, at_clause }: Node): boolean {
  const named = type === 'BASE_TABLE' && String(table_name).toLowerCase() === 'sessions';
  return named && (column_name_alias as unknown[]).length === 0 && sample === null && at_clause === null;
}

function hasSubquery(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasSubquery);
  if (!isNode(value)) return false;
  return value.class === 'SUBQUERY' || Object.values(value).some(hasSubquery);
}

/** Conditions all of which must hold. */
function conjuncts(condition: Node): Node[] {
  return condition.type === 'CONJUNCTION_AND' ? (condition.children as Node[]).flatMap(conjuncts) : [condition];
}

/** Takes what one condition says of `ts` into account. */
async function narrow(days: Days, condition: Node, connection: DuckDBConnection): Promise<void> {
  const { type, left, right, input, lower, upper } = condition;
  if (type === 'COMPARE_BETWEEN') {
    if (!isTs(input)) return;
    noEarlier(days, await timeOf(lower, connection));
    noLater(days, await timeOf(upper, connection));
    return;
  }
  if (!Object.hasOwn(COMPARISONS, String(type))) return;
  const straight = isTs(left);
  if (!straight && !isTs(right)) return;
  const comparison = straight ? String(type) : COMPARISONS[String(type)];
  const us = await timeOf(straight ? right : left, connection);
  if (comparison !== 'COMPARE_LESSTHAN' && comparison !== 'COMPARE_LESSTHANOREQUALTO') noEarlier(days, us);
  // A time before midnight is one of the day before.
  if (comparison === 'COMPARE_LESSTHAN') noLater(days, us === undefined ? undefined : us - 1);
  else if (comparison !== 'COMPARE_GREATERTHAN' && comparison !== 'COMPARE_GREATERTHANOREQUALTO') noLater(days, us);
}

function noEarlier(days: Days, us: number | undefined): void {
  if (us !== undefined && !(days.first !== undefined && days.first >= dayOf(us))) days.first = dayOf(us);
}

function noLater(days: Days, us: number | undefined): void {
  if (us !== undefined && !(days.last !== undefined && days.last <= dayOf(us))) days.last = dayOf(us);
}

function isTs(node: unknown): boolean {
  if (!isNode(node) || node.class !== 'COLUMN_REF') return false;
  const names = node.column_names as string[];
  return names.length <= 2 && names.at(-1)?.toLowerCase() === 'ts';
}

/** Microseconds since 1970 of a text, or of a text cast to a time or a day; undefined for anything else, and for times that no calendar has. */
async function timeOf(node: unknown, connection: DuckDBConnection): Promise<number | undefined> {
  if (!isNode(node)) return undefined;
  if (node.class === 'CAST') {
    const { cast_type, child } = node as { cast_type: Node; child: unknown };
    if (cast_type.id !== 'TIMESTAMP' && cast_type.id !== 'DATE') return undefined;
    return timeOfText(textOf(child), cast_type.id, connection);
  }
  return timeOfText(textOf(node), 'TIMESTAMP', connection);
}

function textOf(node: unknown): string | undefined {
  if (!isNode(node) || node.class !== 'CONSTANT') return undefined;
  const { type, is_null, value } = node.value as { type: Node; is_null: boolean; value: unknown };
  return type.id === 'VARCHAR' && !is_null ? String(value) : undefined;
}

async function timeOfText(
  text: string | undefined,
  type: 'TIMESTAMP' | 'DATE',
  connection: DuckDBConnection,
): Promise<number | undefined> {
  if (text === undefined) return undefined;
  const sql = `SELECT epoch_us(TRY_CAST(TRY_CAST($1::VARCHAR AS ${type}) AS TIMESTAMP))`;
  const [[us]] = await rowsOf(connection, sql, text);
  const number = us === null ? Number.NaN : Number(us);
  // Years that are written with more or fewer than four digits would not sort as text.
  const year = Number.isFinite(number) ? new Date(number / 1000).getUTCFullYear() : Number.NaN;
  return year >= 1000 && year <= 9999 ? number : undefined;
}
