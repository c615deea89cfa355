/**
 * Tables with millions of rows: each column has a function that fills a chunk of up to 2,048 rows in one call, so that
 * only the loops of these calls are between typed columns in memory and DuckDB's vectors.
 *
 * Only types are imported from the chunks' code, so that reading a table's columns does not load DuckDB.
 */
import type {
  BigintColumn,
  BooleanColumn,
  ChoiceColumn,
  ChunkColumn,
  DoubleColumn,
  IntegerColumn,
  TextColumn,
  TimestampColumn,
} from './parquet/chunk.ts';
import type { ColumnType, Table, TableColumn } from './tablecolumn.ts';

/** A column, and the function that fills it from a chunk's rows. */
export interface ChunkTableColumn<Rows> extends TableColumn {
  /** For VARCHAR of a closed list of texts: the list, the same for all chunks of a file. */
  readonly choices?: (rows: Rows) => readonly string[];
  /** Sets every row of the chunk, or makes it NULL. `to` is of the class that the type, or `choices`, requires. */
  fill(to: ChunkColumn, rows: Rows): void;
}

export type ChunkTable<Rows> = Table<ChunkTableColumn<Rows>>;

/** Describes a column whose chunks are of class `Column`. */
type Describe<Rows, Column extends ChunkColumn> = (
  name: string,
  description: string,
  fill: (to: Column, rows: Rows) => void,
) => ChunkTableColumn<Rows>;

/** A function for each type, which defines a column of a table with rows in `Rows`. None is nullable: see `orNull`. */
export function chunkColumns<Rows>(): {
  timestamp: Describe<Rows, TimestampColumn>;
  bigint: Describe<Rows, BigintColumn>;
  integer: Describe<Rows, IntegerColumn>;
  double: Describe<Rows, DoubleColumn>;
  boolean: Describe<Rows, BooleanColumn>;
  text: Describe<Rows, TextColumn>;
  choice: (
    name: string,
    description: string,
    choices: (rows: Rows) => readonly string[],
    fill: (to: ChoiceColumn, rows: Rows) => void,
  ) => ChunkTableColumn<Rows>;
} {
  const of =
    <Column extends ChunkColumn>(type: ColumnType): Describe<Rows, Column> =>
    (name, description, fill) => ({
      name,
      type,
      nullable: false,
      description,
      fill: fill as ChunkTableColumn<Rows>['fill'],
    });
  return {
    timestamp: of('TIMESTAMP'),
    bigint: of('BIGINT'),
    integer: of('INTEGER'),
    double: of('DOUBLE'),
    boolean: of('BOOLEAN'),
    text: of('VARCHAR'),
    choice: (name, description, choices, fill) => ({
      ...of<ChoiceColumn>('VARCHAR')(name, description, fill),
      choices,
    }),
  };
}
