/**
 * The captures table: one row an input object, with its facts and the fates of its packets. For every row
 *
 *   packets = packets_in_sessions + fragments_completed + fragments_incomplete + not_ip + undecodable + packets_of_copy
 */
import type { UndecodedName } from '../packet/undecoded.ts';
import { choiceText } from './parquet/choicetext.ts';
import { column, nullableColumn, type RowTable, type RowTime } from './rowtable.ts';

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
  /** Those of records that are not IP, and of undecodable ones with such a number, by name; the most frequent first. */
  undecoded: readonly UndecodedName[];
  packetsOfCopy: number;
  copyOf: string | null;
  version: string | null;
  digest: string | null;
  rank: number;
}

function sum(counts: CaptureRow['undecodable']): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

function reasons(counts: CaptureRow['undecodable']): string {
  const given = Object.entries(counts).filter(([, count]) => count > 0);
  given.sort(([a], [b]) => (a < b ? -1 : 1));
  return given.map(([name, count]) => `${name}=${count}`).join(',');
}

export const CAPTURES = {
  description:
    'A row an input. packets = packets_in_sessions + fragments_completed + fragments_incomplete + not_ip + undecodable + packets_of_copy, by the fate of each record’s innermost packet. A file is named by its path: in it \\xNN, with two lower-case hexadecimal digits, is a byte that is not UTF-8 or part of a control or invisible character, or a backslash that would read like one, so that no two files have the same name and the bytes follow from it.',
  order: 'rank',
  sortedBy: ['rank'],
  byDay: false,
  columns: [
    column('capture', 'VARCHAR', 'Name of the capture: its key below the prefix of the data set', (row) =>
      choiceText(row.capture),
    ),
    column('format', 'VARCHAR', 'Format found: pcap, pcapng, empty or unknown', (row) => row.format),
    column('compression', 'VARCHAR', 'Compression found: none, gzip or zstd', (row) => row.compression),
    column('link_types', 'VARCHAR', 'Link types, names with commas between', (row) => row.linkTypes.join(',')),
    nullableColumn(
      'snaplen',
      'BIGINT',
      'Largest number of bytes kept of a packet, as the capture says; NULL when it does not',
      (row) => row.snaplen,
    ),
    nullableColumn(
      'timestamp_resolution',
      'VARCHAR',
      'Units of its timestamps: us, ns, 10^-3, 2^-20, with commas between; NULL when none is known',
      (row) => row.timestampResolution,
    ),
    nullableColumn(
      'first_ts',
      'TIMESTAMP',
      'Earliest packet time, UTC, cut to the millisecond; NULL without packets',
      (row) => row.first,
    ),
    nullableColumn(
      'first_ns',
      'BIGINT',
      'Earliest packet time, nanoseconds since 1970-01-01 UTC; NULL without packets',
      (row) => row.first,
    ),
    nullableColumn(
      'last_ts',
      'TIMESTAMP',
      'Latest packet time, UTC, cut to the millisecond; NULL without packets',
      (row) => row.last,
    ),
    nullableColumn(
      'last_ns',
      'BIGINT',
      'Latest packet time, nanoseconds since 1970-01-01 UTC; NULL without packets',
      (row) => row.last,
    ),
    column('packets', 'BIGINT', 'Packet records read', (row) => row.packets),
    column(
      'bytes',
      'BIGINT',
      'Bytes read, uncompressed; of a capture refused at its beginning those looked at',
      (row) => row.bytes,
    ),
    column('stored_bytes', 'BIGINT', 'Bytes of the stored object', (row) => row.storedBytes),
    column(
      'out_of_order',
      'BIGINT',
      'Packets with a time before that of the packet ahead of them in the capture',
      (row) => row.outOfOrder,
    ),
    column(
      'status',
      'VARCHAR',
      'How reading it ended: complete, truncated, damaged, unreadable or empty; open: it was still being written and ends inside a record; copy: passed over, see copy_of; no_capture: a file of another kind, passed over; forgotten: nothing of its packets is kept',
      (row) => row.status,
    ),
    nullableColumn(
      'damage_offset',
      'BIGINT',
      'Where the first damage begins, byte offset in the uncompressed capture; NULL without damage',
      (row) => row.damageOffset,
    ),
    nullableColumn(
      'damage_reason',
      'VARCHAR',
      'Name of the first damage; NULL without damage',
      (row) => row.damageReason,
    ),
    column('packets_in_sessions', 'BIGINT', 'Packets that are part of a session', (row) => row.packetsInSessions),
    column(
      'fragments_completed',
      'BIGINT',
      'Fragments of datagrams that were completed',
      (row) => row.fragmentsCompleted,
    ),
    column(
      'fragments_incomplete',
      'BIGINT',
      'Fragments of datagrams that never were',
      (row) => row.fragmentsIncomplete,
    ),
    column('not_ip', 'BIGINT', 'Packets that are not IP', (row) => row.notIp),
    column('undecodable', 'BIGINT', 'Packets that could not be decoded, or were left out', (row) =>
      sum(row.undecodable),
    ),
    column(
      'undecodable_reasons',
      'VARCHAR',
      'Why, as name=count with commas between; empty when there are none. forgotten: left out, as flowstitch forget --host has named a host of theirs',
      (row) => reasons(row.undecodable),
    ),
    column(
      'undecoded_protocols',
      'VARCHAR',
      'What is not decoded, of packets that are not IP and of link types and EtherTypes that are unknown, as name=count with commas between, the most frequent first: ethertype_0x0806_ARP=12',
      (row) => row.undecoded.map(({ name, count }) => `${name}=${count}`).join(','),
    ),
    column(
      'packets_of_copy',
      'BIGINT',
      'Packets of a capture that was passed over, all of them; 0 otherwise',
      (row) => row.packetsOfCopy,
    ),
    nullableColumn(
      'copy_of',
      'VARCHAR',
      'Name of the capture that holds the same packets and was used instead; NULL when its own were',
      (row) => (row.copyOf === null ? null : choiceText(row.copyOf)),
    ),
    nullableColumn(
      'version',
      'VARCHAR',
      'Version of the stored object, as the store names it; NULL when it names none',
      (row) => row.version,
    ),
    nullableColumn(
      'digest',
      'VARCHAR',
      'Digest of all its records, the same whatever name, format and compression; NULL when it was not read to the end',
      (row) => row.digest,
    ),
    column(
      'rank',
      'INTEGER',
      'Its place in the order of captures (first time, last time, digest), from 0',
      (row) => row.rank,
    ),
  ],
} satisfies RowTable<CaptureRow>;
