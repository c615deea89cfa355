/** The tables of a job's results: all code that handles every table uses this list. */
import { ANOMALIES } from './anomalies.ts';
import { CAPTURES } from './captures.ts';
import { PACKETS } from './packets.ts';
import { SESSIONS } from './sessions.ts';
import type { Table } from './tablecolumn.ts';

/** By name, in the order of the documentation. */
export const TABLES = {
  sessions: SESSIONS,
  packets: PACKETS,
  captures: CAPTURES,
  anomalies: ANOMALIES,
} as const satisfies Record<string, Table>;

export type TableName = keyof typeof TABLES;

/** Tables partitioned by day: the publish tasks write them, from the runs of reduce. */
export type DayTable = { [Name in TableName]: (typeof TABLES)[Name]['byDay'] extends true ? Name : never }[TableName];

/** Tables with one file a job: commit writes them. */
export type JobTable = Exclude<TableName, DayTable>;

export const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/** A value for each table. */
export function perTable<T>(make: (name: TableName) => T): Record<TableName, T> {
  return Object.fromEntries(TABLE_NAMES.map((name) => [name, make(name)])) as Record<TableName, T>;
}

export const DAY_TABLES = TABLE_NAMES.filter((name): name is DayTable => TABLES[name].byDay);
export const JOB_TABLES = TABLE_NAMES.filter((name): name is JobTable => !TABLES[name].byDay);
