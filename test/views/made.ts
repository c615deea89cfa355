/** Sessions made for the tests of views and saved queries, and their way into a Parquet file. */
import { writeRows } from '../../shared/table/parquet/tablefile.ts';
import type { RowTable, RowTime, RowValue } from '../../shared/table/rowtable.ts';
import { SESSIONS } from '../../shared/table/sessions.ts';
import type { TableColumn } from '../../shared/table/tablecolumn.ts';

/** 2023-11-14 22:13:20 UTC, in seconds. */
export const START = 1_700_000_000;

/** A session by the names of its columns; times in Unix seconds with nanoseconds beside. */
export interface Made {
  /** Start, Unix seconds to the microsecond; default START. */
  at?: number;
  /** Nanoseconds of the start below its microsecond. */
  atNs?: number;
  /** Seconds from the first packet to the last, to the microsecond; default 1. */
  lasts?: number;
  /** Values of columns, by name. */
  [column: string]: RowValue | undefined;
}

/** A BIGINT beyond what a number holds, in the writer's spelling. */
export function big(value: bigint): RowTime {
  return { us: Number(value / 1000n), ns: Number(value % 1000n) };
}

const DEFAULTS: Record<string, RowValue> = {
  community_id: '1:made',
  proto: 'tcp',
  ip_proto: 6,
  orig_h: '10.0.0.1',
  orig_p: 50000,
  resp_h: '93.184.216.34',
  resp_p: 443,
  conn_state: 'SF',
  history: 'ShADadFf',
  orig_bytes: 100,
  resp_bytes: 1000,
  orig_pkts: 5,
  resp_pkts: 4,
  orig_ip_bytes: 300,
  resp_ip_bytes: 1160,
  orig_tcp_flags: 27,
  resp_tcp_flags: 27,
  end_reason: 'closed',
  capture_first: 'a.pcap',
  capture_last: 'a.pcap',
  capture_count: 1,
};

/** What differs where no answer came. */
export const UNANSWERED = {
  history: 'S',
  orig_bytes: null,
  resp_bytes: null,
  duration: null,
  orig_pkts: 1,
  resp_pkts: 0,
  orig_ip_bytes: 60,
  resp_ip_bytes: 0,
  orig_tcp_flags: 2,
  resp_tcp_flags: 0,
} as const;

/** What is common to sessions outside TCP. */
export const NOT_TCP = { history: '', orig_tcp_flags: null, resp_tcp_flags: null } as const;

function rowOf({ at = START, atNs = 0, lasts = 1, ...given }: Made, place: number): Record<string, RowValue> {
  const us = Math.round(at * 1e6);
  const start = { us, ns: atNs };
  const end = { us: us + Math.round(lasts * 1e6), ns: atNs };
  return {
    ts: start,
    ts_ns: start,
    end_ns: end,
    duration: lasts,
    uid: `made${String(place).padStart(8, '0')}`,
    ...DEFAULTS,
    ...(given as Record<string, RowValue>),
  };
}

/** The sessions table with values by the names of its columns; what is not given is nothing, as far as the type knows it. */
const MADE: RowTable<Record<string, RowValue>> = {
  ...SESSIONS,
  columns: SESSIONS.columns.map((column: TableColumn) => ({
    ...column,
    read: (row) => row[column.name] ?? (column.nullable ? null : column.type === 'VARCHAR' ? '' : 0),
  })),
};

/** Writes sessions as a file of the sessions table; uids are numbered by place. */
export async function writeMade(path: string, sessions: readonly Made[]): Promise<void> {
  await writeRows(path, MADE, sessions.map(rowOf));
}

/** Cases in which dialects differ: protocols, directions, NULLs, large numbers, times at an edge. */
export const EDGES: readonly Made[] = [
  { atNs: 789, at: START + 0.123456, lasts: 12.5, vlan: 100, inner_vlan: 7, service: 'ssl' },
  {
    ...NOT_TCP,
    ...{ proto: 'udp', ip_proto: 17, conn_state: 'S0', orig_h: '2a00:1450::5', resp_h: 'fe80::1', resp_p: 53 },
    ...{ duration: null, lasts: 0, orig_bytes: null, resp_bytes: null, resp_pkts: 0, resp_ip_bytes: 0 },
  },
  {
    ...NOT_TCP,
    ...{ proto: 'icmp', ip_proto: 1, conn_state: 'OTH', orig_p: 8, resp_p: 0, resp_h: '10.0.0.2' },
  },
  {
    ...NOT_TCP,
    ...{
      proto: 'icmp',
      ip_proto: 58,
      conn_state: 'OTH',
      orig_h: 'fd00::1',
      resp_h: 'fd00::2',
      orig_p: 128,
      resp_p: 129,
    },
  },
  {
    ...NOT_TCP,
    ...{ proto: 'unknown_transport', ip_proto: 47, conn_state: 'OTH', orig_p: 0, resp_p: 0, orig_h: '8.8.8.8' },
  },
  { ...NOT_TCP, proto: 'sctp', ip_proto: 132, conn_state: 'OTH', orig_h: '8.8.8.8', resp_h: '192.168.1.1' },
  {
    orig_bytes: big(2n ** 53n + 1n),
    resp_bytes: big(2n ** 62n),
    orig_ip_bytes: big(2n ** 53n + 1n),
    resp_ip_bytes: big(2n ** 62n),
    missed_bytes: big(2n ** 62n),
  },
  { resp_ip_bytes: big(2n ** 62n), resp_bytes: big(2n ** 62n) },
  { conn_state: 'REJ', history: 'Sr', orig_tcp_flags: 2, resp_tcp_flags: 20, end_reason: 'reset' },
  { ...UNANSWERED, conn_state: 'S0', lasts: 0 },
  // The originator sent the SYN-ACK: its SYN went the other way, unseen.
  { conn_state: 'RSTRH', history: '^HAr', orig_tcp_flags: 18, resp_tcp_flags: 260 },
  // A nanosecond before midnight UTC, and a second into a year that needs more than 31 bits of seconds.
  { at: 1_700_006_399.999999, atNs: 999, lasts: 0.000001 },
  { at: 4_102_444_801, lasts: 86_400, service: 'größe 😀', capture_count: 3, capture_last: "c'\n😀.pcap" },
];

/** Which originators the query for scans is to name: a and b, and c alone of these is one target short. */
export const SCANNERS = { a: '10.1.0.1', b: '2a00:1450::5', short: '10.1.0.2', busy: '10.1.0.3', ping: '10.1.0.4' };

/** Scans of ports and of hosts, one short of the limit, one by ping, and a busy client that fails often. */
export function scans(): Made[] {
  const made: Made[] = [];
  const attempt = (host: string, target: Made): number =>
    made.push({ ...UNANSWERED, lasts: 0, orig_h: host, ...target });
  for (let i = 0; i < 20; i++) {
    // Ports of one host: most refuse, some do not answer, and each is tried twice.
    const refused = { conn_state: 'REJ', history: 'Sr', resp_pkts: 1, resp_ip_bytes: 40, resp_tcp_flags: 20 };
    const answer = i % 4 === 0 ? { conn_state: 'S0' } : refused;
    for (const second of [0, 60])
      attempt(SCANNERS.a, { at: START + i + second, resp_h: '10.2.0.1', resp_p: 1 + i, ...answer });
    // Hosts, one port of UDP.
    const udp = { ...NOT_TCP, proto: 'udp', ip_proto: 17, conn_state: 'S0', resp_p: 161 };
    attempt(SCANNERS.b, { resp_h: `2a00:1450::1:${i.toString(16)}`, ...udp });
    if (i < 19) attempt(SCANNERS.short, { conn_state: 'S0', resp_h: `10.2.1.${i}`, resp_p: 22 });
    // Twenty targets fail, but as many sessions again succeed.
    attempt(SCANNERS.busy, { conn_state: 'S0', resp_h: `10.2.2.${i}`, resp_p: 443 });
    made.push({ orig_h: SCANNERS.busy, at: START + i });
    attempt(SCANNERS.ping, {
      ...NOT_TCP,
      proto: 'icmp',
      ip_proto: 1,
      conn_state: 'OTH',
      orig_p: 8,
      resp_p: 0,
      resp_h: `10.2.3.${i}`,
    });
  }
  // The short one's targets again: attempts count by target.
  attempt(SCANNERS.short, { conn_state: 'S0', resp_h: '10.2.1.0', resp_p: 22, at: START + 5 });
  return made;
}

/** A beacon with jitter, one exactly regular, one too irregular, one too short, one too fast. */
export function beacons(): Made[] {
  const made: Made[] = [];
  const series = (resp_h: string, count: number, startOf: (i: number) => number): void => {
    for (let i = 0; i < count; i++) made.push({ at: START + startOf(i), orig_h: '10.3.0.1', resp_h, resp_p: 8443 });
  };
  series('5.5.5.1', 10, (i) => 60 * i);
  // Early and late in turn: intervals of 49 and 71 seconds, 11 about their average of 60.
  series('5.5.5.2', 11, (i) => 60 * i + (i % 2 === 0 ? 5.5 : -5.5));
  // Intervals of 47 and 73 seconds: 13 about it, more than a fifth.
  series('5.5.5.3', 11, (i) => 60 * i + (i % 2 === 0 ? 6.5 : -6.5));
  series('5.5.5.4', 9, (i) => 60 * i);
  series('5.5.5.5', 20, (i) => 0.5 * i);
  return made;
}

/** Uploads: to a host of one's own, in pieces, to one that three use, too small, and a download. */
export function uploads(): Made[] {
  const to = (orig_h: string, resp_h: string, orig_bytes: number, resp_bytes = 1000): Made => ({
    ...{ orig_h, resp_h, orig_bytes, resp_bytes },
  });
  return [
    to('10.4.0.1', '6.6.6.1', 6_000_000),
    to('10.4.0.1', '6.6.6.1', 4_000_000),
    to('10.4.0.2', '6.6.6.1', 9_999_999),
    to('10.4.0.1', '6.6.6.2', 50_000_000),
    to('10.4.0.2', '6.6.6.2', 10),
    to('10.4.0.3', '6.6.6.2', 10),
    to('10.4.0.1', '6.6.6.3', 20_000_000, 20_000_000),
    { ...to('10.4.0.1', '6.6.6.4', 12_000_000), resp_bytes: null },
    { ...to('10.4.0.1', '6.6.6.4', 0), ...UNANSWERED },
  ];
}
