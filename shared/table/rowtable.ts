/**
 * Tables with an object a row, for those with one row a capture or an anomaly, which are small: each column has a
 * function that reads its value from the object.
 */
import type { ColumnType, Table, TableColumn } from './tablecolumn.ts';

/** A time in two parts: whole microseconds since 1970 and the 0..999 nanoseconds below. */
export interface RowTime {
  us: number;
  ns: number;
}

/**
 * Value of a column: a RowTime for TIMESTAMP, and for BIGINT columns of nanoseconds; numbers up to 2^53; texts; null
 * where the column is nullable.
 */
export type RowValue = RowTime | number | string | boolean | null;

/** A column, and its value in a row. */
export interface RowTableColumn<Row> extends TableColumn {
  readonly read: (row: Row) => RowValue;
}

export type RowTable<Row> = Table<RowTableColumn<Row>>;

/** A column that is never NULL. */
export function column<Row>(
  name: string,
  type: ColumnType,
  description: string,
  read: (row: Row) => RowValue,
): RowTableColumn<Row> {
  return { name, type, nullable: false, description, read };
}

/** A column that can be NULL. */
export function nullableColumn<Row>(
  name: string,
  type: ColumnType,
  description: string,
  read: (row: Row) => RowValue,
): RowTableColumn<Row> {
  return { name, type, nullable: true, description, read };
}
