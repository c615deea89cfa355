/**
 * The captures table: one row an input object, with what was found in it and where
 * each of its packets went. For every row
 *
 *   packets = packets_in_sessions + fragments_completed + fragments_incomplete + not_ip + undecodable
 *
 * Rows stand in order of rank.
 */
import { choiceText } from './parquet/chunk.ts';
import type { DuckDBLimits } from './parquet/duckdb.ts';
import { type ParquetFile, writeParquet } from './parquet/parquetfile.ts';
import { type RowTime, rowSource } from './parquet/rowtable.ts';
import { column, nullableColumn, type TableColumn } from './tablecolumn.ts';

/** The columns, in order. */
export const CAPTURES_SCHEMA: readonly TableColumn[] = [
  column('capture', 'VARCHAR', 'Name of the capture: its key below the prefix of the data set'),
  column('format', 'VARCHAR', 'Format found: pcap, pcapng, empty or unknown'),
  column('compression', 'VARCHAR', 'Compression found: none, gzip or zstd'),
  column('link_types', 'VARCHAR', 'Link types, names with commas between'),
  nullableColumn(
    'snaplen',
    'BIGINT',
    'Largest number of bytes kept of a packet, as the capture says; NULL when it does not',
  ),
  nullableColumn(
    'timestamp_resolution',
    'VARCHAR',
    'Units of its timestamps: us, ns, 10^-3, 2^-20, with commas between; NULL when none is known',
  ),
  nullableColumn('first_ts', 'TIMESTAMP', 'Earliest packet time, UTC, cut to the millisecond; NULL without packets'),
  nullableColumn('first_ns', 'BIGINT', 'Earliest packet time, nanoseconds since 1970-01-01 UTC; NULL without packets'),
  nullableColumn('last_ts', 'TIMESTAMP', 'Latest packet time, UTC, cut to the millisecond; NULL without packets'),
  nullableColumn('last_ns', 'BIGINT', 'Latest packet time, nanoseconds since 1970-01-01 UTC; NULL without packets'),
  column('packets', 'BIGINT', 'Packet records read'),
  column('bytes', 'BIGINT', 'Bytes read, uncompressed; of a capture refused at its beginning those looked at'),
  column('stored_bytes', 'BIGINT', 'Bytes of the stored object'),
  column('out_of_order', 'BIGINT', 'Packets with a time before that of the packet ahead of them in the capture'),
  column('status', 'VARCHAR', 'How reading it ended: complete, truncated, damaged, unreadable or empty'),
  nullableColumn(
    'damage_offset',
    'BIGINT',
    'Where the first damage begins, byte offset in the uncompressed capture; NULL without damage',
  ),
  nullableColumn('damage_reason', 'VARCHAR', 'Name of the first damage; NULL without damage'),
  column('packets_in_sessions', 'BIGINT', 'Packets that are part of a session'),
  column('fragments_completed', 'BIGINT', 'Fragments of datagrams that were completed'),
  column('fragments_incomplete', 'BIGINT', 'Fragments of datagrams that never were'),
  column('not_ip', 'BIGINT', 'Packets that are not IP'),
  column('undecodable', 'BIGINT', 'Packets that could not be decoded'),
  column('undecodable_reasons', 'VARCHAR', 'Why, as name=count with commas between; empty when there are none'),
  nullableColumn('version', 'VARCHAR', 'Version of the stored object, as the store names it; NULL when it names none'),
  nullableColumn(
    'digest',
    'VARCHAR',
    'Digest of its decoded records, the same whatever name, format and compression; NULL when it was not read to the end',
  ),
  column('rank', 'INTEGER', 'Its place in the order of captures (first time, last time, digest), from 0'),
];

/** One row of the captures table. Counts are whole numbers up to 2^53. */
export interface CaptureRow {
  capture: string;
  format: string;
  compression: string;
  linkTypes: readonly string[];
  snaplen: number | null;
  timestampResolution: string | null;
  /** null without packets. */
  first: RowTime | null;
  last: RowTime | null;
  packets: number;
  bytes: number;
  storedBytes: number;
  outOfOrder: number;
  status: string;
  damageOffset: number | null;
  damageReason: string | null;
  packetsInSessions: number;
  fragmentsCompleted: number;
  fragmentsIncomplete: number;
  notIp: number;
  /** Count by reason; the table holds the sum and the reasons. */
  undecodable: Readonly<Record<string, number>>;
  version: string | null;
  digest: string | null;
  rank: number;
}

/** Write the captures table. The rows come in order of rank and are taken as they are written. */
export function writeCaptures(
  path: string,
  rows: Iterable<CaptureRow>,
  limits: DuckDBLimits = {},
): Promise<ParquetFile> {
  const source = rowSource(CAPTURES_SCHEMA, rows, (row) => {
    const reasons = Object.entries(row.undecodable).filter(([, count]) => count > 0);
    reasons.sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      choiceText(row.capture),
      row.format,
      row.compression,
      row.linkTypes.join(','),
      row.snaplen,
      row.timestampResolution,
      row.first,
      row.first,
      row.last,
      row.last,
      row.packets,
      row.bytes,
      row.storedBytes,
      row.outOfOrder,
      row.status,
      row.damageOffset,
      row.damageReason,
      row.packetsInSessions,
      row.fragmentsCompleted,
      row.fragmentsIncomplete,
      row.notIp,
      reasons.reduce((sum, [, count]) => sum + count, 0),
      reasons.map(([name, count]) => `${name}=${count}`).join(','),
      row.version,
      row.digest,
      row.rank,
    ];
  });
  return writeParquet(path, source, limits);
}
