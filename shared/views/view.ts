/**
 * A view: columns over the result tables, written once and run unchanged
 * by DuckDB, Trino and Athena. The SQL is limited to what the three share: no `/` on
 * integers (DuckDB divides them as floating point), every literal cast to the column's
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

/** A column with named fields, queried as `column.field`. */
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
  /** The SELECT over one job's tables, with their column `dt` last: a condition on it limits the files that are read. */
  readonly sql: string;
  /** The same SELECT with `dataset` too, which separates data sets in Athena's tables. */
  readonly partitionedSql: string;
}

const DATASET: ScalarColumn = {
  name: 'dataset',
  type: 'VARCHAR',
  sql: 'dataset',
  description: 'Name of the data set',
};
/** The day of a file, in tables with files by day. */
export const DAY_COLUMN: ScalarColumn = {
  name: 'dt',
  type: 'VARCHAR',
  sql: 'dt',
  description: 'Day of the start, YYYY-MM-DD, UTC',
};
/** The partition columns of every table in Athena, in order: data set and day of the start, YYYY-MM-DD. */
export const PARTITION_COLUMNS: readonly ScalarColumn[] = [DATASET, DAY_COLUMN];

/** A view of `columns` over `from`, which passes `dataset` and `dt` on. */
export function view(name: string, description: string, columns: readonly ViewColumn[], from: string): View {
  return {
    name,
    description,
    columns,
    sql: selectText([...columns, DAY_COLUMN], from),
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
