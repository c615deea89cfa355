/**
 * Views as Athena stores them. A view in the Glue catalog is a table
 * of type VIRTUAL_VIEW with the parameter `presto_view` = `true`; its ViewOriginalText
 * holds, in Base64, the JSON that Trino's Hive connector reads (io.trino.plugin.hive.
 * ViewReaderUtil; Athena is based on Trino), and its columns are the same columns with Hive's types.
 */

import { sqlName } from '../table/parquet/sqltext.ts';
import { athenaType, type ColumnType } from '../table/tablecolumn.ts';
import { PARTITION_COLUMNS, type View, type ViewColumn } from './view.ts';

const TRINO_TYPES: Record<ColumnType, string> = {
  TIMESTAMP: 'timestamp(3)',
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

/** What a table of the Glue catalog needs to be a view. */
export interface GlueView {
  /** TableInput.ViewOriginalText. */
  readonly originalText: string;
  /** StorageDescriptor.Columns; the view has no partition keys. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** TableInput.ViewExpandedText of every view. */
export const VIEW_EXPANDED_TEXT = '/* Presto View */';

/** A view over the tables of a Glue database, with their partition columns `dataset` and `dt` as its last ones. */
export function prestoView(view: View, { database, catalog = 'awsdatacatalog' }: ViewPlace): GlueView {
  const columns = [...view.columns, ...PARTITION_COLUMNS];
  const definition = {
    originalSql: view.partitionedSql,
    catalog,
    schema: database,
    columns: columns.map((column) => ({ name: column.name, type: trinoType(column) })),
  };
  return {
    originalText: `/* Presto View: ${Buffer.from(JSON.stringify(definition)).toString('base64')} */`,
    columns: columns.map((column) => ({ name: column.name, type: glueType(column) })),
  };
}
