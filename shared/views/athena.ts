/**
 * Views as Athena stores them. A view in the Glue catalog is a table
 * of type VIRTUAL_VIEW with the parameter `presto_view` = `true`; its ViewOriginalText
 * holds, in Base64, the JSON that Trino's Hive connector reads (io.trino.plugin.hive.
 * ViewReaderUtil; Athena is based on Trino), and its columns are the same columns with Hive's types.
 */

import { sqlName } from '../table/parquet/sqltext.ts';
import { athenaType, type ColumnType } from '../table/tablecolumn.ts';
import { TABLES, type TableName } from '../table/tables.ts';
import { PARTITION_COLUMNS, type View, type ViewColumn } from './view.ts';

const TRINO_TYPES: Record<ColumnType, string> = {
  // Tables of Delta Lake keep microseconds.
  TIMESTAMP: 'timestamp(6)',
  BIGINT: 'bigint',
  INTEGER: 'integer',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  VARCHAR: 'varchar',
};

/** The type of a column as Trino writes it into a view's JSON. */
export function trinoType(column: ViewColumn): string {
  if (!('fields' in column)) return TRINO_TYPES[column.type];
  return `row(${column.fields.map((field) => `${sqlName(field.name)} ${trinoType(field)}`).join(',')})`;
}

/** The type of a column as Glue (Hive) names it. */
export function glueType(column: ViewColumn): string {
  if (!('fields' in column)) return athenaType(column.type);
  return `struct<${column.fields.map((field) => `${field.name}:${glueType(field)}`).join(',')}>`;
}

/** Where the tables of a view are. */
export interface ViewPlace {
  /** Name of the Glue database. */
  readonly database: string;
  /** Name of the catalog in Athena, by default its name for Glue's. */
  readonly catalog?: string;
}

/** A view as the catalog has it: of all data sets. */
export interface CatalogView {
  readonly name: string;
  readonly description: string;
  readonly columns: readonly ViewColumn[];
  /** The SELECT. */
  readonly text: string;
}

/** The table with the rows of all tables, of which the tables are views (shared/catalog). */
export const RESULTS_TABLE = 'results';
/** Its column with the name of a row's table. */
export const TABLE_COLUMN = 'table_name';

/** A view over the tables, with their partition columns `dataset` and `dt` as its last ones. */
export function catalogView({ name, description, columns, partitionedSql }: View): CatalogView {
  return { name, description, columns: [...columns, ...PARTITION_COLUMNS], text: partitionedSql };
}

/** A table as a view: the rows of that table, with the columns of its files, and `dataset` and, where files are by day, `dt`. */
export function tableView(name: TableName): CatalogView {
  const { byDay, columns: own, description } = TABLES[name];
  const columns = [
    ...own.map((column) => ({ ...column, sql: sqlName(column.name) })),
    ...PARTITION_COLUMNS.slice(0, byDay ? 2 : 1),
  ];
  const list = columns.map((column) => `  ${sqlName(column.name)}`).join(',\n');
  return {
    name,
    description,
    columns,
    text: `SELECT\n${list}\nFROM ${RESULTS_TABLE}\nWHERE ${TABLE_COLUMN} = '${name}'`,
  };
}

/** What a table of the Glue catalog needs to be a view. */
export interface GlueView {
  /** TableInput.ViewOriginalText. */
  readonly originalText: string;
  /** StorageDescriptor.Columns; the view has no partition keys. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** TableInput.ViewExpandedText of every view. */
export const VIEW_EXPANDED_TEXT = '/* Presto View */';

/** A view over the tables of a Glue database. */
export function prestoView(
  { columns, text }: CatalogView,
  { database, catalog = 'awsdatacatalog' }: ViewPlace,
): GlueView {
  const definition = {
    originalSql: text,
    catalog,
    schema: database,
    columns: columns.map((column) => ({ name: column.name, type: trinoType(column) })),
  };
  return {
    originalText: `/* Presto View: ${Buffer.from(JSON.stringify(definition)).toString('base64')} */`,
    columns: columns.map((column) => ({ name: column.name, type: glueType(column) })),
  };
}
