/**
 * The sessions table: one row a session, with Zeek's conn.log names and meanings (`orig_h` for `id.orig_h`) and further
 * columns.
 */
import { addressText } from '../packet/address.ts';
import { communityId } from '../packet/flow/communityid.ts';
import {
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  KEY_ADDR_A,
  KEY_ADDR_B,
  KEY_PROTO,
  KEY_WORDS,
  shownPorts,
} from '../packet/flow/flowtable.ts';
import { tunnelText } from '../packet/tunneltext.ts';
import {
  CONN_STATES,
  END_REASONS,
  type SESSION_COLUMNS,
  type SessionRows,
  UID_BYTES,
  UNSET,
} from '../session/rows/sessionrows.ts';
import { type ChunkTable, chunkColumns } from './chunktable.ts';
import type {
  BigintColumn,
  ChoiceColumn,
  DoubleColumn,
  IntegerColumn,
  TextColumn,
  TimestampColumn,
} from './parquet/chunk.ts';
import { lookedUp, orNull } from './tablecolumn.ts';

/** The rows of a chunk of the table. */
export interface SessionChunk {
  readonly rows: SessionRows;
  /** Their numbers in `rows`: row i of the chunk is row order[i]. */
  readonly order: Uint32Array;
  /** Names of captures, each once, and the index of each rank among them. */
  readonly captureNames: readonly string[];
  readonly capturePlaces: ReadonlyMap<number, number>;
  /** Cache of tunnel texts: few tunnels carry many sessions. */
  readonly tunnelTexts: Map<number, string>;
}

type NumberName = (typeof SESSION_COLUMNS)[number];
type Fill<Column> = (to: Column, chunk: SessionChunk) => void;

const PROTO_TEXTS = ['tcp', 'udp', 'icmp', 'sctp', 'unknown_transport'] as const;
/** Place in PROTO_TEXTS of an IP protocol number. */
function protoPlace(ipProto: number): number {
  switch (ipProto) {
    case IPPROTO_TCP:
      return 0;
    case IPPROTO_UDP:
      return 1;
    case 1:
    case 58:
      return 2;
    case IPPROTO_SCTP:
      return 3;
    default:
      return 4;
  }
}

/** Whole numbers unchanged; NULL for UNSET. */
function bigints(name: NumberName): Fill<BigintColumn> {
  return (to, { rows, order }) => {
    const from = rows[name];
    for (let i = 0; i < order.length; i++) {
      const value = from[order[i]];
      if (value === UNSET) to.setNull(i);
      else to.set(i, value);
    }
  };
}

function integers(name: NumberName): Fill<IntegerColumn> {
  return (to, { rows, order }) => {
    const from = rows[name];
    for (let i = 0; i < order.length; i++) to.set(i, from[order[i]]);
  };
}

/** Places in a list of texts. */
function choices(name: NumberName): Fill<ChoiceColumn> {
  return (to, { rows, order }) => {
    const from = rows[name];
    for (let i = 0; i < order.length; i++) to.set(i, from[order[i]]);
  };
}

function captures(name: 'captureFirst' | 'captureLast'): Fill<ChoiceColumn> {
  return (to, { rows, order, capturePlaces }) => {
    const from = rows[name];
    for (let i = 0; i < order.length; i++) to.set(i, capturePlaces.get(from[order[i]])!);
  };
}

const captureNames = (chunk: SessionChunk): readonly string[] => chunk.captureNames;

function nanoseconds(us: 'startUs' | 'endUs', ns: 'startNs' | 'endNs'): Fill<BigintColumn> {
  return (to, { rows, order }) => {
    const fromUs = rows[us];
    const fromNs = rows[ns];
    for (let i = 0; i < order.length; i++) to.setNanoseconds(i, fromUs[order[i]], fromNs[order[i]]);
  };
}

function tcpFlags(name: 'origTcpFlags' | 'respTcpFlags'): Fill<IntegerColumn> {
  return (to, { rows, order }) => {
    const from = rows[name];
    for (let i = 0; i < order.length; i++) {
      const row = order[i];
      if ((rows.key[row * KEY_WORDS + KEY_PROTO] & 0xff) === IPPROTO_TCP) to.set(i, from[row]);
      else to.setNull(i);
    }
  };
}

/** VLAN ids, which are stored as id + 1. */
function vlans(name: 'vlan' | 'innerVlan'): Fill<IntegerColumn> {
  return (to, { rows, order }) => {
    const from = rows[name];
    for (let i = 0; i < order.length; i++) {
      const value = from[order[i]];
      if (value === 0) to.setNull(i);
      else to.set(i, value - 1);
    }
  };
}

/** @param side 0 for the originator, 1 for the responder; so `origIsB ^ side` says whether it is end B of the key */
function addresses(side: 0 | 1): Fill<TextColumn> {
  return (to, { rows, order }) => {
    const { key, origIsB } = rows;
    for (let i = 0; i < order.length; i++) {
      const row = order[i];
      to.set(i, addressText(key, row * KEY_WORDS, origIsB[row] === side ? KEY_ADDR_A : KEY_ADDR_B));
    }
  };
}

function ports(side: 0 | 1): Fill<IntegerColumn> {
  return (to, { rows, order }) => {
    const { key, origIsB } = rows;
    for (let i = 0; i < order.length; i++) {
      const row = order[i];
      const both = shownPorts(key, row * KEY_WORDS);
      to.set(i, origIsB[row] === side ? both >>> 16 : both & 0xffff);
    }
  };
}

function fillStart(to: TimestampColumn, { rows, order }: SessionChunk): void {
  for (let i = 0; i < order.length; i++) to.setMillisecondOf(i, rows.startUs[order[i]]);
}

function fillDuration(to: DoubleColumn, { rows, order }: SessionChunk): void {
  for (let i = 0; i < order.length; i++) {
    const us = rows.durationUs[order[i]];
    if (us === UNSET) to.setNull(i);
    else to.set(i, us / 1e6);
  }
}

function fillUid(to: TextColumn, { rows, order }: SessionChunk): void {
  for (let i = 0; i < order.length; i++) to.setAscii(i, rows.uid, order[i] * UID_BYTES, UID_BYTES);
}

function fillCommunityId(to: TextColumn, { rows, order }: SessionChunk): void {
  for (let i = 0; i < order.length; i++) to.set(i, communityId(rows.key, order[i] * KEY_WORDS));
}

function fillProto(to: ChoiceColumn, { rows, order }: SessionChunk): void {
  for (let i = 0; i < order.length; i++) to.set(i, protoPlace(rows.key[order[i] * KEY_WORDS + KEY_PROTO] & 0xff));
}

function fillIpProto(to: IntegerColumn, { rows, order }: SessionChunk): void {
  for (let i = 0; i < order.length; i++) to.set(i, rows.key[order[i] * KEY_WORDS + KEY_PROTO] & 0xff);
}

function fillHistory(to: TextColumn, { rows, order }: SessionChunk): void {
  for (let i = 0; i < order.length; i++) to.set(i, rows.history[order[i]]);
}

function fillTunnel(to: TextColumn, { rows, order, tunnelTexts }: SessionChunk): void {
  for (let i = 0; i < order.length; i++) {
    const tunnel = rows.tunnel[order[i]];
    if (tunnel === 0) {
      to.setNull(i);
      continue;
    }
    let text = tunnelTexts.get(tunnel);
    if (text === undefined) tunnelTexts.set(tunnel, (text = tunnelText(rows.tunnels, tunnel)));
    to.set(i, text);
  }
}

function fillNull(to: TextColumn, { order }: SessionChunk): void {
  for (let i = 0; i < order.length; i++) to.setNull(i);
}

const { timestamp, bigint, integer, double, text, choice } = chunkColumns<SessionChunk>();

export const SESSIONS = {
  description:
    'A row a session. A file has at most a million rows. Bloom filters on `orig_h`, `resp_h`, `uid` and `community_id`.',
  order: 'ts_ns, uid',
  sortedBy: ['ts_ns', 'uid'],
  byDay: true,
  columns: [
    timestamp(
      'ts',
      'Time of the first packet, UTC, cut to the millisecond: for reading and for pruning by time',
      fillStart,
    ),
    bigint('ts_ns', 'Time of the first packet, nanoseconds since 1970-01-01 UTC', nanoseconds('startUs', 'startNs')),
    bigint('end_ns', 'Time of the last packet, nanoseconds since 1970-01-01 UTC', nanoseconds('endUs', 'endNs')),
    orNull(
      double(
        'duration',
        "Seconds from the first packet to the last, by Zeek's rules; NULL where Zeek leaves it unset",
        fillDuration,
      ),
    ),
    lookedUp(
      text('uid', 'Identifier of the session, 12 characters: the same for the same packets in every job', fillUid),
    ),
    lookedUp(text('community_id', 'Community ID version 1, seed 0', fillCommunityId)),
    choice(
      'proto',
      'Transport protocol as Zeek names it: tcp, udp, icmp (ICMPv6 too), sctp or unknown_transport',
      () => PROTO_TEXTS,
      fillProto,
    ),
    integer('ip_proto', 'Number of the IP protocol', fillIpProto),
    lookedUp(text('orig_h', 'Address of the originator, canonical text', addresses(0))),
    integer(
      'orig_p',
      'Port of the originator; for ICMP the type; 0 for protocols that have none in Zeek, SCTP among them',
      ports(0),
    ),
    lookedUp(text('resp_h', 'Address of the responder, canonical text', addresses(1))),
    integer(
      'resp_p',
      'Port of the responder; for ICMP the type of the answer, or the code where there is none',
      ports(1),
    ),
    orNull(text('service', 'Application protocol; NULL where it was not determined', fillNull)),
    choice(
      'conn_state',
      "Zeek's state of the connection: S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR or OTH",
      () => CONN_STATES,
      choices('connState'),
    ),
    text(
      'history',
      "Zeek's history letters, in order; upper case for the originator; empty where there are none",
      fillHistory,
    ),
    orNull(
      bigint(
        'orig_bytes',
        'Payload bytes the originator sent; for TCP by sequence numbers; NULL where Zeek leaves it unset',
        bigints('origBytes'),
      ),
    ),
    orNull(
      bigint(
        'resp_bytes',
        'Payload bytes the responder sent; for TCP by sequence numbers; NULL where Zeek leaves it unset',
        bigints('respBytes'),
      ),
    ),
    bigint('orig_pkts', 'Packets the originator sent', bigints('origPkts')),
    bigint('resp_pkts', 'Packets the responder sent', bigints('respPkts')),
    bigint('orig_ip_bytes', 'IP bytes the originator sent, headers included', bigints('origIpBytes')),
    bigint('resp_ip_bytes', 'IP bytes the responder sent, headers included', bigints('respIpBytes')),
    bigint('missed_bytes', 'Payload bytes missing in gaps of the TCP streams', bigints('missedBytes')),
    bigint('retransmitted_pkts', 'Packets whose payload had been seen before', bigints('retransmitted')),
    bigint('out_of_order_pkts', 'Packets that came before data that precedes theirs', bigints('outOfOrder')),
    bigint(
      'duplicate_pkts',
      'Packets that repeat one of the nine before in their direction within 10 ms: equal in lengths; TCP in its fields and IPv4 identification (without: options), others in 16 bits of a hash of that and of payload (first 24 and last 8 bytes). orig_pkts has them',
      bigints('duplicate'),
    ),
    bigint('truncated_pkts', 'Packets of which the capture does not hold all payload', bigints('truncated')),
    orNull(
      integer('orig_tcp_flags', 'OR of the TCP flags the originator sent; NULL outside TCP', tcpFlags('origTcpFlags')),
    ),
    orNull(
      integer('resp_tcp_flags', 'OR of the TCP flags the responder sent; NULL outside TCP', tcpFlags('respTcpFlags')),
    ),
    orNull(integer('vlan', 'Outermost VLAN id of the first packet; NULL when it has none', vlans('vlan'))),
    orNull(integer('inner_vlan', 'Second VLAN id of the first packet; NULL when it has none', vlans('innerVlan'))),
    orNull(
      text(
        'tunnel',
        'Tunnel of the first packet: type, outer source>destination, id, as in vxlan 10.0.0.1>10.0.0.2 vni=5; the outermost of several first; NULL when it has none',
        fillTunnel,
      ),
    ),
    orNull(
      bigint(
        'syn_rtt_us',
        'Microseconds from the SYN to the SYN-ACK; NULL where not both were seen',
        bigints('synRttUs'),
      ),
    ),
    choice('end_reason', `Why the session ended: ${END_REASONS.join(', ')}`, () => END_REASONS, choices('endReason')),
    choice('capture_first', 'Capture that holds the first packet', captureNames, captures('captureFirst')),
    choice('capture_last', 'Capture that holds the last packet', captureNames, captures('captureLast')),
    integer('capture_count', 'How many captures hold packets of the session', integers('captureCount')),
  ],
} satisfies ChunkTable<SessionChunk>;
