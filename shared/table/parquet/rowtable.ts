/**
 * Small tables from plain objects: one property a column, under the column's name.
 * For tables with a row a capture or an anomaly, where an object a row costs nothing.
 */

import type { ColumnType, TableColumn } from '../tablecolumn.ts';
import {
  BigintColumn,
  BooleanColumn,
  CHUNK_ROWS,
  type ChunkColumn,
  DoubleColumn,
  IntegerColumn,
  TextColumn,
  TimestampColumn,
} from './chunk.ts';
import type { ParquetSource } from './parquetfile.ts';

/** A time in two parts: whole microseconds since 1970 and the 0..999 nanoseconds below. */
export interface RowTime {
  us: number;
  ns: number;
}

/**
 * What a column's property holds: a RowTime for TIMESTAMP, and for BIGINT columns
 * of nanoseconds; numbers up to 2^53; texts; null where the column is nullable.
 */
export type RowValue = RowTime | number | string | boolean | null;

type Setter = (row: number, value: RowValue) => void;

function columnOf(type: ColumnType): { column: ChunkColumn; set: Setter } {
  switch (type) {
    case 'TIMESTAMP': {
      const column = new TimestampColumn();
      return { column, set: (row, value) => column.setMillisecondOf(row, (value as RowTime).us) };
    }
    case 'BIGINT': {
      const column = new BigintColumn();
      return {
        column,
        set: (row, value) => {
          if (typeof value === 'object') column.setNanoseconds(row, value!.us, value!.ns);
          else column.set(row, value as number);
        },
      };
    }
    case 'INTEGER': {
      const column = new IntegerColumn();
      return { column, set: (row, value) => column.set(row, value as number) };
    }
    case 'DOUBLE': {
      const column = new DoubleColumn();
      return { column, set: (row, value) => column.set(row, value as number) };
    }
    case 'BOOLEAN': {
      const column = new BooleanColumn();
      return { column, set: (row, value) => column.set(row, value as boolean) };
    }
    case 'VARCHAR': {
      const column = new TextColumn();
      return { column, set: (row, value) => column.set(row, value as string) };
    }
  }
}

/**
 * A source for `writeParquet` over objects, taken a chunk at a time as they are written.
 *
 * @param values the value of each column of `schema` for a row, in order
 * @throws RangeError (from the write) when a value is null in a column that is not nullable
 */
export function rowSource<Row>(
  schema: readonly TableColumn[],
  rows: Iterable<Row>,
  values: (row: Row) => readonly RowValue[],
): ParquetSource {
  const columns = schema.map((c) => columnOf(c.type));
  const left = rows[Symbol.iterator]();
  return {
    schema,
    columns: columns.map((c) => c.column),
    fill(): number {
      let count = 0;
      for (; count < CHUNK_ROWS; count++) {
        const next = left.next();
        if (next.done) break;
        const row = values(next.value);
        for (let c = 0; c < columns.length; c++) {
          if (row[c] !== null) columns[c].set(count, row[c]);
          else if (schema[c].nullable) columns[c].column.setNull(count);
          else throw new RangeError(`column ${schema[c].name} cannot be NULL`);
        }
      }
      return count;
    },
  };
}
