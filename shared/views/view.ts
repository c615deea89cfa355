/**
 * What a view is: columns over the result tables, written once and run as they are
 * by DuckDB, Trino and Athena. The text is kept to what the three share: no `/` on
 * whole numbers (DuckDB divides them as reals), every literal cast to the column's
 * type, `regexp_extract` instead of a match, `CAST(ROW(...) AS ROW(...))` for nested values.
 */

import { sqlName } from '../table/parquet/sqltext.ts';
import type { ColumnType } from '../table/tablecolumn.ts';

/** A column with one value. */
export interface ScalarColumn {
  readonly name: string;
  /** The type that every engine gives the expression, by its DuckDB name. */
  readonly type: ColumnType;
  /** Expression over the columns of the view's FROM. */
  readonly sql: string;
  /** One sentence for people. */
  readonly description: string;
}

/** A column with named fields, asked for as `column.field`. */
export interface RowColumn {
  readonly name: string;
  readonly fields: readonly ViewColumn[];
  readonly description: string;
}

export type ViewColumn = ScalarColumn | RowColumn;

/** A view over the result tables. */
export interface View {
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  readonly columns: readonly ViewColumn[];
  /** The SELECT, over tables as a job's files have them. */
  readonly sql: string;
  /**
   * The same SELECT with `dataset` and `dt` behind the columns. These are partition columns of the
   * tables in Athena, and no columns of the files, so DuckDB has none; without them a view in Athena
   * could neither keep data sets apart nor leave days unread.
   */
  readonly partitionedSql: string;
}

/** The partition columns of every table in Athena, in order: data set and day of the start, YYYY-MM-DD. */
export const PARTITION_COLUMNS: readonly ScalarColumn[] = [
  { name: 'dataset', type: 'VARCHAR', sql: 'dataset', description: 'Name of the data set' },
  { name: 'dt', type: 'VARCHAR', sql: 'dt', description: 'Day of the start, YYYY-MM-DD, UTC' },
];

/** A view of `columns` over `from`, which passes `dataset` and `dt` on where its tables have them. */
export function view(name: string, description: string, columns: readonly ViewColumn[], from: string): View {
  return {
    name,
    description,
    columns,
    sql: selectText(columns, from),
    partitionedSql: selectText([...columns, ...PARTITION_COLUMNS], from),
  };
}

function selectText(columns: readonly ViewColumn[], from: string): string {
  const list = columns.map((column) => `  ${expression(column)} AS ${sqlName(column.name)}`);
  return `SELECT\n${list.join(',\n')}\nFROM ${from}`;
}

function expression(column: ViewColumn): string {
  if (!('fields' in column)) return column.sql;
  const values = column.fields.map((field) => `\n    ${expression(field)}`).join(',');
  return `CAST(ROW(${values}\n  ) AS ${sqlType(column)})`;
}

/** The type of a column as DuckDB and Trino both spell it. */
export function sqlType(column: ViewColumn): string {
  if (!('fields' in column)) return column.type;
  return `ROW(${column.fields.map((field) => `${sqlName(field.name)} ${sqlType(field)}`).join(', ')})`;
}
