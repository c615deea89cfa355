/** Writes tables into Parquet files, column by column as their column lists define. */
import type { ChunkTable } from '../chunktable.ts';
import type { RowTable, RowTime, RowValue } from '../rowtable.ts';
import type { ColumnType } from '../tablecolumn.ts';
import {
  BigintColumn,
  BooleanColumn,
  CHUNK_ROWS,
  ChoiceColumn,
  type ChunkColumn,
  DoubleColumn,
  IntegerColumn,
  TextColumn,
  TimestampColumn,
} from './chunk.ts';
import { type ParquetContent, type ParquetFile, writeParquet } from './parquetfile.ts';

/** A column of the chunk, and the texts of its choices, if it has any. */
interface KeptColumn {
  column: ChunkColumn;
  texts: readonly string[] | undefined;
}

/** The columns that the last file of a table was written with: making them is more work than the rows of a small file. */
const kept = new Map<readonly unknown[], KeptColumn[]>();

/**
 * A source for `writeParquet` of rows in typed columns.
 *
 * @param rows what the columns are filled from
 * @param next loads the next chunk into `rows`; returns the number of rows, at most CHUNK_ROWS, 0 at the end
 */
export function chunkSource<Rows>(
  { columns, sortedBy }: ChunkTable<Rows>,
  rows: Rows,
  next: () => number,
): ParquetContent {
  const before = kept.get(columns);
  // They are this file's now.
  kept.delete(columns);
  const own = columns.map(({ type, choices }, c): KeptColumn => {
    const texts = choices?.(rows);
    if (before !== undefined && before[c].texts === texts) return before[c];
    return { column: texts === undefined ? chunkColumn(type).column : new ChoiceColumn(texts), texts };
  });
  const chunks = own.map(({ column }) => column);
  return {
    schema: columns,
    sortedBy,
    columns: chunks,
    fill() {
      const count = next();
      if (count > 0) for (let c = 0; c < columns.length; c++) columns[c].fill(chunks[c], rows);
      return count;
    },
    done: () => void kept.set(columns, own),
  };
}

/**
 * Write a table of objects as one Parquet file. The rows must be in the table's order, and are read a chunk at a time.
 *
 * @throws as `writeParquet`; RangeError when a value is null in a column that is not nullable
 */
export function writeRows<Row>(path: string, table: RowTable<Row>, rows: Iterable<Row>): Promise<ParquetFile> {
  return writeParquet(path, rowSource(table, rows));
}

function rowSource<Row>({ columns, sortedBy }: RowTable<Row>, rows: Iterable<Row>): ParquetContent {
  const chunks = columns.map(({ type }) => chunkColumn(type));
  const left = rows[Symbol.iterator]();
  return {
    schema: columns,
    sortedBy,
    columns: chunks.map(({ column }) => column),
    fill() {
      let count = 0;
      for (; count < CHUNK_ROWS; count++) {
        const next = left.next();
        if (next.done) break;
        for (let c = 0; c < columns.length; c++) {
          const value = columns[c].read(next.value);
          if (value === null) chunks[c].column.setNull(count);
          else chunks[c].set(count, value);
        }
      }
      return count;
    },
  };
}

/** An empty column of a type, and the function that sets a row of it. */
function chunkColumn(type: ColumnType): { column: ChunkColumn; set: (row: number, value: RowValue) => void } {
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
