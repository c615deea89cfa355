/**
 * The table of the log and the views over it in a metastore of files, as the catalog's template has them in Glue: a
 * table of Delta Lake with the template's parameters, views as JSON in Base64.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sqlLiteral } from '../../shared/table/parquet/sqltext.ts';
import { TABLE_NAMES } from '../../shared/table/tables.ts';
import { type CatalogView, prestoView, RESULTS_TABLE, tableView } from '../../shared/views/athena.ts';
import { ofType, synthesized } from '../infra/template.ts';
import { CATALOG, type TrinoProcess } from './trinoprocess.ts';

/** What the metastore's file of a table or view says. */
interface Recorded {
  dataColumns: { name: string; type: string; properties: object }[];
  partitionColumns: { name: string; type: string; properties: object }[];
  viewOriginalText?: string;
  parameters: Record<string, string>;
  serdeParameters: Record<string, string>;
}

/** Changes what the metastore has of a table or view. */
function rewrite(metastore: string, database: string, name: string, change: (record: Recorded) => void): Recorded {
  const path = join(metastore, database, name, '.trinoSchema');
  const record = JSON.parse(readFileSync(path, 'utf8')) as Recorded;
  change(record);
  writeFileSync(path, JSON.stringify(record));
  return record;
}

/** A folder as Trino takes it: without the slash at its end, but for a bucket, which has no path without it. */
function placeOf(location: string): string {
  return /^s3:\/\/[^/]+\/$/.test(location) ? location : location.replace(/\/$/, '');
}

/** Creates a database with the tables of results. @param location URI of their folder, which ends in '/' */
export async function createTables(
  trino: TrinoProcess,
  metastore: string,
  database: string,
  location: string,
): Promise<void> {
  await trino.query(database, `CREATE SCHEMA ${CATALOG}.${database} WITH (location = 'local:///${database}.schema/')`);
  await trino.query(
    database,
    `CALL system.register_table('${database}', '${RESULTS_TABLE}', ${sqlLiteral(placeOf(location))})`,
  );
  const glue = ofType(synthesized().catalogTemplate, 'AWS::Glue::Table')
    .map(([, { Properties }]) => Properties.TableInput)
    .find(({ Name }) => Name === RESULTS_TABLE);
  const columns = (list: { Name: string; Type: string }[]) =>
    list.map(({ Name, Type }) => ({ name: Name, type: Type, properties: {} }));
  rewrite(metastore, database, RESULTS_TABLE, (record) => {
    record.parameters = glue.Parameters;
    record.serdeParameters = { ...glue.StorageDescriptor.SerdeInfo.Parameters, path: location };
    record.dataColumns = columns(glue.StorageDescriptor.Columns);
    record.partitionColumns = columns(glue.PartitionKeys);
  });
  for (const name of TABLE_NAMES) await createView(trino, metastore, database, tableView(name));
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
  view: CatalogView,
): Promise<ReturnType<typeof decodeView>> {
  await trino.query(database, `CREATE VIEW ${view.name} AS ${view.text}`);
  let own = '';
  rewrite(metastore, database, view.name, (record) => {
    own = record.viewOriginalText!;
    record.viewOriginalText = prestoView(view, { database }).originalText;
  });
  return decodeView(own);
}
