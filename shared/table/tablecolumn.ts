/**
 * What a table of results looks like: its columns in order, with names, types and
 * meaning. The Parquet writers, the empty views of the query engine, docs/tables.md
 * and the Athena tables all come from these lists.
 *
 * Athena decides the types: nothing unsigned, nothing nested, no nanosecond
 * timestamps. Times are UTC.
 */

/** Types a column can have, by their DuckDB names. TIMESTAMP values are cut to the millisecond. */
export type ColumnType = 'TIMESTAMP' | 'BIGINT' | 'INTEGER' | 'DOUBLE' | 'BOOLEAN' | 'VARCHAR';

/** One column of a result table. */
export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether NULL can stand in it. */
  readonly nullable: boolean;
  /** One sentence for people: meaning, unit, range, when NULL. */
  readonly description: string;
}

const ATHENA_TYPES: Record<ColumnType, string> = {
  TIMESTAMP: 'timestamp',
  BIGINT: 'bigint',
  INTEGER: 'int',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  VARCHAR: 'string',
};

/** The name that Athena and Glue (Hive's type names) have for a column type. */
export function athenaType(type: ColumnType): string {
  return ATHENA_TYPES[type];
}

/** A column that is never NULL. */
export function column(name: string, type: ColumnType, description: string): TableColumn {
  return { name, type, nullable: false, description };
}

/** A column that can be NULL. */
export function nullableColumn(name: string, type: ColumnType, description: string): TableColumn {
  return { name, type, nullable: true, description };
}
