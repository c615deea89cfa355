/**
 * Tables with millions of rows: each column says how a chunk of it is filled, in one call for up to 2,048 rows, so
 * that nothing but the loops of these calls stands between typed columns in memory and DuckDB's vectors.
 *
 * Only types are taken from the chunks' code: whoever asks for a table's columns loads no DuckDB.
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

/** A column, and how it is filled from what holds a chunk's rows. */
export interface ChunkTableColumn<Rows> extends TableColumn {
  /** For VARCHAR of a closed list of texts: the list, the same for all chunks of a file. */
  readonly choices?: (rows: Rows) => readonly string[];
  /** Sets every row of the chunk, or makes it NULL. `to` is of the class that the type, or `choices`, asks for. */
  fill(to: ChunkColumn, rows: Rows): void;
}

export type ChunkTable<Rows> = Table<ChunkTableColumn<Rows>>;

/** Describes a column whose chunks are of class `Column`. */
type Describe<Rows, Column extends ChunkColumn> = (
  name: string,
  description: string,
  fill: (to: Column, rows: Rows) => void,
) => ChunkTableColumn<Rows>;

/** A function for each type, which describes a column of a table whose rows are held by `Rows`. None is nullable: see `orNull`. */
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
