/**
 * The anomalies table: what is odd about a capture or a packet, under a stable
 * name. Rows stand in order of (rank of the capture, offset, name).
 */
import type { AnomalyRow } from '../capture/anomaly.ts';
import { choiceText } from './parquet/chunk.ts';
import type { DuckDBLimits } from './parquet/duckdb.ts';
import { type ParquetFile, writeParquet } from './parquet/parquetfile.ts';
import { rowSource } from './parquet/rowtable.ts';
import { column, nullableColumn, type TableColumn } from './tablecolumn.ts';

/** The columns, in order. */
export const ANOMALIES_SCHEMA: readonly TableColumn[] = [
  nullableColumn('ts', 'TIMESTAMP', 'Time of the packet, UTC, cut to the millisecond; NULL when it has none'),
  nullableColumn('ts_ns', 'BIGINT', 'Time of the packet, nanoseconds since 1970-01-01 UTC; NULL when it has none'),
  column('capture', 'VARCHAR', 'Capture it was found in'),
  column('offset', 'BIGINT', 'Byte offset in the uncompressed capture'),
  column('name', 'VARCHAR', "Stable name; Zeek's weird name where there is one"),
  column('detail', 'VARCHAR', 'What was found, for people'),
  column('count', 'BIGINT', 'How many the row stands for: above 1 in the row that closes a bounded list'),
];

/**
 * Write the anomalies table. The rows come in its order and are taken as they are written: AnomalySort puts them so.
 * @param captureName of the capture with a rank
 */
export function writeAnomalies(
  path: string,
  rows: Iterable<AnomalyRow>,
  captureName: (rank: number) => string,
  limits: DuckDBLimits = {},
): Promise<ParquetFile> {
  const source = rowSource(ANOMALIES_SCHEMA, rows, (row) => {
    const time = row.us < 0 ? null : { us: row.us, ns: row.ns };
    return [time, time, choiceText(captureName(row.capture)), row.offset, row.name, row.detail, row.count];
  });
  return writeParquet(path, source, limits);
}
