/** The sessions of captures as rows of Zeek's conn.log, and the lines of a conn.log. */
import { createReadStream } from 'node:fs';
import { readCapture } from '../../shared/capture/read.ts';
import { addressText } from '../../shared/packet/address.ts';
import { META_FRAGMENT, PacketColumns } from '../../shared/packet/columns.ts';
import { PacketDecoder } from '../../shared/packet/decode.ts';
import {
  FlowTable,
  KEY_ADDR_A,
  KEY_ADDR_B,
  KEY_PROTO,
  KEY_WORDS,
  shownPorts,
} from '../../shared/packet/flow/flowtable.ts';
import { FragmentJoiner, joinAll } from '../../shared/packet/fragment/fragmentjoin.ts';
import { FragmentColumns } from '../../shared/packet/fragmentcolumns.ts';
import { CONN_STATES, SessionRows, UNSET } from '../../shared/session/rows/sessionrows.ts';
import type { SessionConfig } from '../../shared/session/sessionconfig.ts';
import { SessionTracker } from '../../shared/session/tracker.ts';
import { compareRecords } from '../../shared/shard/shardwriter.ts';

/** A session in conn.log's terms; unset values are undefined. Times in microseconds. */
export interface ConnRow {
  ts: number;
  orig_h: string;
  orig_p: number;
  resp_h: string;
  resp_p: number;
  proto: string;
  duration: number | undefined;
  orig_bytes: number | undefined;
  resp_bytes: number | undefined;
  conn_state: string;
  history: string | undefined;
  missed_bytes: number;
  orig_pkts: number;
  resp_pkts: number;
  orig_ip_bytes: number;
  resp_ip_bytes: number;
  /** IP protocol; not compared. */
  ip_proto: number;
}

/** Fields that are compared. The first five are the match itself, up to direction, which must be equal too. */
export const FIELDS = [
  'orig_h',
  'orig_p',
  'resp_h',
  'resp_p',
  'proto',
  'duration',
  'orig_bytes',
  'resp_bytes',
  'conn_state',
  'history',
  'missed_bytes',
  'orig_pkts',
  'resp_pkts',
  'orig_ip_bytes',
  'resp_ip_bytes',
] as const satisfies readonly (keyof ConnRow)[];

function protoName(proto: number): string {
  if (proto === 6) return 'tcp';
  if (proto === 17) return 'udp';
  return proto === 1 || proto === 58 ? 'icmp' : 'unknown_transport';
}

/** One line of conn.log in JSON. */
export function zeekRow(line: Record<string, unknown>): ConnRow {
  return {
    ts: Math.round((line.ts as number) * 1e6),
    orig_h: line['id.orig_h'] as string,
    orig_p: line['id.orig_p'] as number,
    resp_h: line['id.resp_h'] as string,
    resp_p: line['id.resp_p'] as number,
    proto: line.proto as string,
    duration: line.duration === undefined ? undefined : Math.round((line.duration as number) * 1e6),
    orig_bytes: line.orig_bytes as number | undefined,
    resp_bytes: line.resp_bytes as number | undefined,
    conn_state: line.conn_state as string,
    // X means that a payload parser reached one of its limits; it is unrelated to the packets.
    history: (line.history as string | undefined)?.replaceAll('X', ''),
    missed_bytes: line.missed_bytes as number,
    orig_pkts: line.orig_pkts as number,
    resp_pkts: line.resp_pkts as number,
    orig_ip_bytes: line.orig_ip_bytes as number,
    resp_ip_bytes: line.resp_ip_bytes as number,
    ip_proto: line.ip_proto as number,
  };
}

function ownRow(rows: SessionRows, row: number): ConnRow {
  const key = row * KEY_WORDS;
  const proto = rows.key[key + KEY_PROTO] & 0xff;
  const word = shownPorts(rows.key, key);
  const ports = [word >>> 16, word & 0xffff];
  const orig = rows.origIsB[row];
  const number = (value: number) => (value === UNSET ? undefined : value);
  return {
    ts: rows.startUs[row],
    orig_h: addressText(rows.key, key, orig === 1 ? KEY_ADDR_B : KEY_ADDR_A),
    orig_p: ports[orig],
    resp_h: addressText(rows.key, key, orig === 1 ? KEY_ADDR_A : KEY_ADDR_B),
    resp_p: ports[orig ^ 1],
    proto: protoName(proto),
    duration: number(rows.durationUs[row]),
    orig_bytes: number(rows.origBytes[row]),
    resp_bytes: number(rows.respBytes[row]),
    conn_state: CONN_STATES[rows.connState[row]],
    history: rows.history[row] === '' ? undefined : rows.history[row],
    missed_bytes: rows.missedBytes[row],
    orig_pkts: rows.origPkts[row],
    resp_pkts: rows.respPkts[row],
    orig_ip_bytes: rows.origIpBytes[row],
    resp_ip_bytes: rows.respIpBytes[row],
    ip_proto: proto,
  };
}

/** The packets of capture files in time order, datagrams joined. At equal times the file listed first comes first. */
export async function decodeCaptures(
  paths: readonly string[],
): Promise<{ columns: PacketColumns; order: Uint32Array; flows: FlowTable }> {
  const columns = new PacketColumns(1024);
  const flows = new FlowTable();
  const fragments = new FragmentColumns(16);
  const none = { anomaly() {} };
  const decoder = new PacketDecoder({ keyVlan: false }, columns, flows, fragments, none);
  let capture = 0;
  const sink = {
    record(
      bytes: Uint8Array,
      start: number,
      capLen: number,
      origLen: number,
      us: number,
      ns: number,
      link: number,
      offset: number,
    ) {
      const before = columns.length;
      decoder.packet(bytes, start, capLen, origLen, us, ns, link, offset);
      columns.capture.fill(capture, before, columns.length);
    },
  };
  for (const path of paths) {
    await readCapture(createReadStream(path), sink, none);
    capture++;
  }
  const joiner = new FragmentJoiner({ keyVlan: false }, columns, flows, 1, () => {});
  joinAll(joiner, fragments);
  const order = Uint32Array.from({ length: columns.length }, (_, i) => i).sort((a, b) =>
    compareRecords(columns, a, columns, b),
  );
  return { columns, order, flows };
}

/** The sessions of capture files, in conn.log's terms. */
export async function sessionsOf(paths: readonly string[], config: SessionConfig): Promise<ConnRow[]> {
  const { columns, order, flows } = await decodeCaptures(paths);
  const rows = new SessionRows(256);
  const result: ConnRow[] = [];
  const drain = () => {
    for (let row = 0; row < rows.length; row++) result.push(ownRow(rows, row));
    rows.clear();
  };
  const tracker = new SessionTracker(config, flows, rows, drain);
  for (const row of order)
    if ((columns.meta[row] & META_FRAGMENT) === 0) tracker.packet(columns, row, columns.flow[row], 0);
  tracker.finish();
  drain();
  return result;
}
