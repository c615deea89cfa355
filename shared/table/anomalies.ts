/**
 * The anomalies table: what is odd about a capture or a packet, under a stable
 * name.
 */
import { ANOMALY_ROWS_PER_NAME, type AnomalyRow } from '../capture/anomaly.ts';
import { choiceText } from './parquet/choicetext.ts';
import { column, nullableColumn, type RowTable, type RowTime } from './rowtable.ts';

/** An anomaly, and the name of its capture. */
export interface NamedAnomaly extends AnomalyRow {
  captureName: string;
}

const timeOf = ({ us, ns }: AnomalyRow): RowTime | null => (us < 0 ? null : { us, ns });

export const ANOMALIES = {
  description: `What is odd, under stable names: at most ${ANOMALY_ROWS_PER_NAME} rows of one name in one capture, then one row with the count of the rest.`,
  order: 'rank of the capture, offset, name',
  byDay: false,
  columns: [
    nullableColumn('ts', 'TIMESTAMP', 'Time of the packet, UTC, cut to the millisecond; NULL when it has none', (row) =>
      timeOf(row),
    ),
    nullableColumn(
      'ts_ns',
      'BIGINT',
      'Time of the packet, nanoseconds since 1970-01-01 UTC; NULL when it has none',
      (row) => timeOf(row),
    ),
    column('capture', 'VARCHAR', 'Capture it was found in', (row) => choiceText(row.captureName)),
    column('offset', 'BIGINT', 'Byte offset in the uncompressed capture', (row) => row.offset),
    column('name', 'VARCHAR', "Stable name; Zeek's weird name where there is one", (row) => row.name),
    column('detail', 'VARCHAR', 'What was found, for people', (row) => row.detail),
    column(
      'count',
      'BIGINT',
      'How many the row stands for: above 1 in the row that closes a bounded list',
      (row) => row.count,
    ),
  ],
} satisfies RowTable<NamedAnomaly>;
