/** Committed jobs and the tables that the catalog's stack defines, as far as commit's work in the catalog is concerned. */
import type { TableInput } from '@aws-sdk/client-glue';
import { tablePrefix } from '../../shared/job/keys.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { athenaType } from '../../shared/table/tablecolumn.ts';
import { TABLES, type TableName } from '../../shared/table/tables.ts';

export const RESULTS = 'results-bucket';

const PARQUET = {
  InputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
  OutputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
  SerdeInfo: { SerializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
};

export const CATALOG_TABLES = Object.entries(TABLES).map(([Name, { byDay, columns }]) => ({
  Name,
  TableType: 'EXTERNAL_TABLE',
  PartitionKeys: (byDay ? ['dataset', 'dt'] : ['dataset']).map((key) => ({
    Name: key,
    Type: 'string',
  })),
  StorageDescriptor: {
    ...PARQUET,
    Location: `s3://${RESULTS}/${Name}/`,
    Columns: columns.map(({ name, type, description }) => ({
      Name: name,
      Type: athenaType(type),
      Comment: description,
    })),
  },
})) satisfies TableInput[];

/** The day so many days after 2020-01-01. */
export function day(number: number): string {
  return new Date(Date.UTC(2020, 0, 1 + number)).toISOString().slice(0, 10);
}

/** A summary as commit hands it to the catalog. @param days of sessions, and of packets where they are asked for */
export function committed(dataset: string, job: string, days: readonly string[], packets = false): JobSummary {
  const files = (table: TableName, folders: readonly string[]): string[] =>
    folders.flatMap((folder) => [0, 1].map((part) => `${tablePrefix(table, dataset)}${folder}${job}-${part}.parquet`));
  const byDay = days.map((each) => `dt=${each}/`);
  return {
    job,
    dataset,
    files: {
      sessions: files('sessions', byDay),
      packets: packets ? files('packets', byDay) : [],
      captures: files('captures', ['']),
      anomalies: files('anomalies', ['']),
    },
  } as JobSummary;
}
