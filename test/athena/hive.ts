/**
 * The tables of the results in a Hive metastore of files, as the Glue catalog has them:
 * external tables with the columns of the schemas, partitions registered one by one with
 * the location that the newest job gives them, views as JSON in Base64.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sqlLiteral, sqlName } from '../../shared/table/parquet/sqltext.ts';
import { athenaType, type ColumnType } from '../../shared/table/tablecolumn.ts';
import { TABLES, type TableName } from '../../shared/table/tables.ts';
import { prestoView } from '../../shared/views/athena.ts';
import type { View } from '../../shared/views/index.ts';
import { CATALOG, type TrinoProcess } from './trinoprocess.ts';

/** How Trino's DDL spells the types that the Glue catalog has. */
const DDL_TYPES: Record<string, string> = { int: 'integer', string: 'varchar', timestamp: 'timestamp(3)' };

/** The type of a table's column as Trino spells it, by way of the name that the Glue catalog has for it. */
export function ddlType(type: ColumnType): string {
  return DDL_TYPES[athenaType(type)] ?? athenaType(type);
}

/** Creates a database with the tables, over a folder of results (URI that ends in '/'). */
export async function createTables(
  trino: TrinoProcess,
  database: string,
  results: string,
  tables: readonly TableName[],
): Promise<void> {
  await trino.query(database, `CREATE SCHEMA ${CATALOG}.${database}`);
  for (const table of tables) {
    const columns = TABLES[table].columns.map(({ name, type }) => `${sqlName(name)} ${ddlType(type)}`);
    const partitions = partitionNames(table);
    for (const name of partitions) columns.push(`${name} varchar`);
    await trino.query(
      database,
      `CREATE TABLE ${table} (${columns.join(', ')}) WITH (format = 'PARQUET', ` +
        `external_location = ${sqlLiteral(`${results}${table}/`)}, partitioned_by = ARRAY[${partitions.map(sqlLiteral).join(', ')}])`,
    );
  }
}

function partitionNames(table: TableName): string[] {
  return TABLES[table].byDay ? ['dataset', 'dt'] : ['dataset'];
}

/** Registers the partitions that hold `keys`, result files of one job: <table>/dataset=D/job=J/[dt=DAY/]part-N.parquet. */
export async function registerPartitions(
  trino: TrinoProcess,
  database: string,
  results: string,
  table: TableName,
  keys: readonly string[],
): Promise<void> {
  const names = partitionNames(table);
  for (const folder of new Set(keys.map((key) => key.slice(0, key.lastIndexOf('/'))))) {
    const values = names.map((name) => new RegExp(`/${name}=([^/]+)`).exec(folder)![1]);
    await trino.query(
      database,
      `CALL system.register_partition(schema_name => '${database}', table_name => '${table}', ` +
        `partition_columns => ARRAY[${names.map(sqlLiteral).join(', ')}], ` +
        `partition_values => ARRAY[${values.map(sqlLiteral).join(', ')}], location => ${sqlLiteral(results + folder)})`,
    );
  }
}

/** What the metastore's file of a table or view says. */
export interface Recorded {
  dataColumns: { name: string; type: string }[];
  viewOriginalText?: string;
  parameters: Record<string, string>;
}

function recordPath(metastore: string, database: string, name: string): string {
  return join(metastore, database, name, '.trinoSchema');
}

export function readRecord(metastore: string, database: string, name: string): Recorded {
  return JSON.parse(readFileSync(recordPath(metastore, database, name), 'utf8')) as Recorded;
}

/** The JSON of a view's text. */
export function decodeView(originalText: string): { originalSql: string; columns: { name: string; type: string }[] } {
  const [, base64] = /^\/\* Presto View: ([A-Za-z0-9+/=]+) \*\/$/.exec(originalText)!;
  return JSON.parse(Buffer.from(base64, 'base64').toString()) as ReturnType<typeof decodeView>;
}

/**
 * Creates a view by the text that the Glue catalog gets. Trino creates one itself first;
 * what it wrote is returned, and replaced by ours in the metastore's file.
 */
export async function createView(
  trino: TrinoProcess,
  metastore: string,
  database: string,
  view: View,
): Promise<ReturnType<typeof decodeView>> {
  await trino.query(database, `CREATE VIEW ${view.name} AS ${view.partitionedSql}`);
  const record = readRecord(metastore, database, view.name);
  const own = decodeView(record.viewOriginalText!);
  record.viewOriginalText = prestoView(view, { database }).originalText;
  const path = recordPath(metastore, database, view.name);
  writeFileSync(path, JSON.stringify(record));
  // Hadoop keeps a checksum beside, and reads without where there is none.
  rmSync(join(dirname(path), '..trinoSchema.crc'));
  return own;
}
