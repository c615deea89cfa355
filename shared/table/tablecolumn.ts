/**
 * Schema of a result table: its columns in order, with names, types, descriptions, and how each is read from a row. The
 * Parquet writers, the empty views of the query engine, docs/tables.md and the Athena tables all come from these lists.
 *
 * The types are limited by Athena: none unsigned, none nested, no nanosecond timestamps. Times are UTC.
 */

/** Types a column can have, by their DuckDB names. TIMESTAMP values are cut to the millisecond. */
export type ColumnType = 'TIMESTAMP' | 'BIGINT' | 'INTEGER' | 'DOUBLE' | 'BOOLEAN' | 'VARCHAR';

/** One column of a result table. */
export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether it can be NULL. */
  readonly nullable: boolean;
  /** Whether rows are looked up by its value: row groups get a Bloom filter of it. VARCHAR only. */
  readonly lookedUp?: boolean;
  /** One sentence for people: meaning, unit, range, when NULL. */
  readonly description: string;
}

/** A table of results; tables.ts lists them all. */
export interface Table<Column extends TableColumn = TableColumn> {
  /** What a row is, and how to use it, for docs/tables.md. */
  readonly description: string;
  /** What its rows are sorted by, in words. */
  readonly order: string;
  /** The columns of that order, where it can be told by columns of the table. */
  readonly sortedBy?: readonly string[];
  /**
   * Whether its files are partitioned by the day on which their sessions start (`dt=` in their keys); otherwise a job
   * has one file of it.
   */
  readonly byDay: boolean;
  /** The option of `run` and `submit` without which a job leaves it empty. */
  readonly option?: string;
  /** In order. */
  readonly columns: readonly Column[];
}

const ATHENA_TYPES: Record<ColumnType, string> = {
  TIMESTAMP: 'timestamp',
  BIGINT: 'bigint',
  INTEGER: 'int',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  VARCHAR: 'string',
};

/** The name of a column type in Athena and Glue (Hive's type names). */
export function athenaType(type: ColumnType): string {
  return ATHENA_TYPES[type];
}

/** The same column, with Bloom filters. */
export function lookedUp<Column extends TableColumn>(column: Column): Column {
  return { ...column, lookedUp: true };
}

/** The same column, nullable. */
export function orNull<Column extends TableColumn>(column: Column): Column {
  return { ...column, nullable: true };
}
