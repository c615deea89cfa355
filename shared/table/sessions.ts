/**
 * The sessions table: one row a session, with Zeek's conn.log names and meanings
 * (`orig_h` for `id.orig_h`) and what goes beyond them. Rows stand in order of
 * (ts_ns, uid). Row groups near 100,000 rows; bloom filters on the addresses.
 */
import { addressText } from '../packet/address.ts';
import { communityId } from '../packet/flow/communityid.ts';
import { KEY_ADDR_A, KEY_ADDR_B, KEY_PROTO, KEY_WORDS, shownPorts } from '../packet/flow/flowtable.ts';
import { tunnelText } from '../packet/tunneltext.ts';
import { CONN_STATES, END_REASONS, type SessionRows, UID_BYTES, UNSET } from '../session/rows/sessionrows.ts';
import { addressDictionaryLimit } from './parquet/addressspread.ts';
import {
  BigintColumn,
  CHUNK_ROWS,
  ChoiceColumn,
  type ChunkColumn,
  DoubleColumn,
  IntegerColumn,
  TextColumn,
  TimestampColumn,
} from './parquet/chunk.ts';
import type { DuckDBLimits } from './parquet/duckdb.ts';
import { type ParquetFile, writeParquet } from './parquet/parquetfile.ts';
import { startOrder } from './startorder.ts';
import { column, nullableColumn, type TableColumn } from './tablecolumn.ts';

/** The columns, in order. */
export const SESSIONS_SCHEMA: readonly TableColumn[] = [
  column(
    'ts',
    'TIMESTAMP',
    'Time of the first packet, UTC, cut to the millisecond: for reading and for pruning by time',
  ),
  column('ts_ns', 'BIGINT', 'Time of the first packet, nanoseconds since 1970-01-01 UTC'),
  column('end_ns', 'BIGINT', 'Time of the last packet, nanoseconds since 1970-01-01 UTC'),
  nullableColumn(
    'duration',
    'DOUBLE',
    "Seconds from the first packet to the last, by Zeek's rules; NULL where Zeek leaves it unset",
  ),
  column('uid', 'VARCHAR', 'Identifier of the session, 12 characters: the same for the same packets in every job'),
  column('community_id', 'VARCHAR', 'Community ID version 1, seed 0'),
  column(
    'proto',
    'VARCHAR',
    'Transport protocol as Zeek names it: tcp, udp, icmp (ICMPv6 too), sctp or unknown_transport',
  ),
  column('ip_proto', 'INTEGER', 'Number of the IP protocol'),
  column('orig_h', 'VARCHAR', 'Address of the originator, canonical text'),
  column(
    'orig_p',
    'INTEGER',
    'Port of the originator; for ICMP the type; 0 for protocols that have none in Zeek, SCTP among them',
  ),
  column('resp_h', 'VARCHAR', 'Address of the responder, canonical text'),
  column(
    'resp_p',
    'INTEGER',
    'Port of the responder; for ICMP the type of the answer, or the code where there is none',
  ),
  nullableColumn('service', 'VARCHAR', 'Application protocol; NULL where it was not determined'),
  column(
    'conn_state',
    'VARCHAR',
    "Zeek's state of the connection: S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR or OTH",
  ),
  column(
    'history',
    'VARCHAR',
    "Zeek's history letters, in order; upper case for the originator; empty where there are none",
  ),
  nullableColumn(
    'orig_bytes',
    'BIGINT',
    'Payload bytes the originator sent; for TCP by sequence numbers; NULL where Zeek leaves it unset',
  ),
  nullableColumn(
    'resp_bytes',
    'BIGINT',
    'Payload bytes the responder sent; for TCP by sequence numbers; NULL where Zeek leaves it unset',
  ),
  column('orig_pkts', 'BIGINT', 'Packets the originator sent'),
  column('resp_pkts', 'BIGINT', 'Packets the responder sent'),
  column('orig_ip_bytes', 'BIGINT', 'IP bytes the originator sent, headers included'),
  column('resp_ip_bytes', 'BIGINT', 'IP bytes the responder sent, headers included'),
  column('missed_bytes', 'BIGINT', 'Payload bytes missing in gaps of the TCP streams'),
  column('retransmitted_pkts', 'BIGINT', 'Packets whose payload had been seen before'),
  column('out_of_order_pkts', 'BIGINT', 'Packets that came before data that precedes theirs'),
  column('duplicate_pkts', 'BIGINT', 'Packets that repeat the one before exactly'),
  column('truncated_pkts', 'BIGINT', 'Packets of which the capture does not hold all payload'),
  nullableColumn('orig_tcp_flags', 'INTEGER', 'OR of the TCP flags the originator sent; NULL outside TCP'),
  nullableColumn('resp_tcp_flags', 'INTEGER', 'OR of the TCP flags the responder sent; NULL outside TCP'),
  nullableColumn('vlan', 'INTEGER', 'Outermost VLAN id of the first packet; NULL when it has none'),
  nullableColumn('inner_vlan', 'INTEGER', 'Second VLAN id of the first packet; NULL when it has none'),
  nullableColumn(
    'tunnel',
    'VARCHAR',
    'Tunnel of the first packet: type, outer source>destination, id, as in vxlan 10.0.0.1>10.0.0.2 vni=5; the outermost of several first; NULL when it has none',
  ),
  nullableColumn('syn_rtt_us', 'BIGINT', 'Microseconds from the SYN to the SYN-ACK; NULL where not both were seen'),
  column('end_reason', 'VARCHAR', `Why the session ended: ${END_REASONS.join(', ')}`),
  column('capture_first', 'VARCHAR', 'Capture that holds the first packet'),
  column('capture_last', 'VARCHAR', 'Capture that holds the last packet'),
  column('capture_count', 'INTEGER', 'How many captures hold packets of the session'),
];

/** What numbers in the rows stand for. */
export interface TableContext {
  /** Name of the capture of a rank. */
  captureName(rank: number): string;
}

const PROTO_TEXTS = ['tcp', 'udp', 'icmp', 'sctp', 'unknown_transport'] as const;

/** Place in PROTO_TEXTS of an IP protocol number. */
function protoPlace(ipProto: number): number {
  switch (ipProto) {
    case 6:
      return 0;
    case 17:
      return 1;
    case 1:
    case 58:
      return 2;
    case 132:
      return 3;
    default:
      return 4;
  }
}

/** Names of the captures that `ranks` mention, each once, and the place of each rank among them. */
export function captureChoices(
  ranks: Iterable<number>,
  captureName: (rank: number) => string,
): { column(): ChoiceColumn; place: Map<number, number> } {
  const place = new Map<number, number>();
  for (const rank of ranks) if (!place.has(rank)) place.set(rank, place.size);
  const names = [...place.keys()].map(captureName);
  return { column: () => new ChoiceColumn(names), place };
}

function* captureRanks(rows: SessionRows, order: Uint32Array): Generator<number> {
  for (let i = 0; i < order.length; i++) {
    yield rows.captureFirst[order[i]];
    yield rows.captureLast[order[i]];
  }
}

/**
 * Write session rows as one Parquet file, in order of (ts_ns, uid).
 *
 * @param rows in any order
 * @param order the rows to write, in the order of the table: a stretch of what `startOrder` gives, all by default
 * @throws DuckDB's error when the file cannot be written
 */
export async function writeSessions(
  path: string,
  rows: SessionRows,
  context: TableContext,
  limits: DuckDBLimits = {},
  order: Uint32Array = startOrder(rows),
): Promise<ParquetFile> {
  const writer = new SessionChunks(rows, order, context);
  return writeParquet(
    path,
    {
      schema: SESSIONS_SCHEMA,
      columns: writer.columns,
      fill: () => writer.fill(),
      dictionaryLimit: addressDictionaryLimit(rows, order),
      mostRows: order.length,
    },
    limits,
  );
}

/** Turns session rows into chunks of the table. */
class SessionChunks {
  readonly columns: readonly ChunkColumn[];
  private readonly rows: SessionRows;
  private readonly order: Uint32Array;
  private readonly captures: Map<number, number>;
  private next = 0;

  private readonly ts = new TimestampColumn();
  private readonly tsNs = new BigintColumn();
  private readonly endNs = new BigintColumn();
  private readonly duration = new DoubleColumn();
  private readonly uid = new TextColumn();
  private readonly communityId = new TextColumn();
  private readonly proto = new ChoiceColumn(PROTO_TEXTS);
  private readonly ipProto = new IntegerColumn();
  private readonly origH = new TextColumn();
  private readonly origP = new IntegerColumn();
  private readonly respH = new TextColumn();
  private readonly respP = new IntegerColumn();
  private readonly service = new TextColumn();
  private readonly connState = new ChoiceColumn(CONN_STATES);
  private readonly history = new TextColumn();
  private readonly counts: readonly { column: BigintColumn; from: Float64Array | Uint32Array }[];
  private readonly origTcpFlags = new IntegerColumn();
  private readonly respTcpFlags = new IntegerColumn();
  private readonly vlan = new IntegerColumn();
  private readonly innerVlan = new IntegerColumn();
  private readonly tunnel = new TextColumn();
  private readonly tunnelTexts = new Map<number, string>();
  private readonly synRttUs = new BigintColumn();
  private readonly endReason = new ChoiceColumn(END_REASONS);
  private readonly captureFirst: ChoiceColumn;
  private readonly captureLast: ChoiceColumn;
  private readonly captureCount = new IntegerColumn();

  constructor(rows: SessionRows, order: Uint32Array, context: TableContext) {
    this.rows = rows;
    this.order = order;
    const captures = captureChoices(captureRanks(rows, order), (rank) => context.captureName(rank));
    this.captures = captures.place;
    this.captureFirst = captures.column();
    this.captureLast = captures.column();
    this.counts = [
      rows.origBytes,
      rows.respBytes,
      rows.origPkts,
      rows.respPkts,
      rows.origIpBytes,
      rows.respIpBytes,
      rows.missedBytes,
      rows.retransmitted,
      rows.outOfOrder,
      rows.duplicate,
      rows.truncated,
    ].map((from) => ({ column: new BigintColumn(), from }));
    this.columns = [
      this.ts,
      this.tsNs,
      this.endNs,
      this.duration,
      this.uid,
      this.communityId,
      this.proto,
      this.ipProto,
      this.origH,
      this.origP,
      this.respH,
      this.respP,
      this.service,
      this.connState,
      this.history,
      ...this.counts.map((count) => count.column),
      this.origTcpFlags,
      this.respTcpFlags,
      this.vlan,
      this.innerVlan,
      this.tunnel,
      this.synRttUs,
      this.endReason,
      this.captureFirst,
      this.captureLast,
      this.captureCount,
    ];
  }

  /** Fill the next chunk; the number of rows in it, 0 at the end. */
  fill(): number {
    const count = Math.min(CHUNK_ROWS, this.order.length - this.next);
    for (let i = 0; i < count; i++) this.put(i, this.order[this.next + i]);
    for (const { column, from } of this.counts) {
      for (let i = 0; i < count; i++) {
        const value = from[this.order[this.next + i]];
        if (value === UNSET) column.setNull(i);
        else column.set(i, value);
      }
    }
    this.next += count;
    return count;
  }

  private put(i: number, row: number): void {
    const { rows } = this;
    this.ts.setMillisecondOf(i, rows.startUs[row]);
    this.tsNs.setNanoseconds(i, rows.startUs[row], rows.startNs[row]);
    this.endNs.setNanoseconds(i, rows.endUs[row], rows.endNs[row]);
    if (rows.durationUs[row] === UNSET) this.duration.setNull(i);
    else this.duration.set(i, rows.durationUs[row] / 1e6);
    this.uid.setAscii(i, rows.uid, row * UID_BYTES, UID_BYTES);
    this.putFlow(i, row * KEY_WORDS, rows.origIsB[row] === 1);
    this.service.setNull(i);
    this.connState.set(i, rows.connState[row]);
    this.history.set(i, rows.history[row]);
    if ((rows.key[row * KEY_WORDS + KEY_PROTO] & 0xff) === 6) {
      this.origTcpFlags.set(i, rows.origTcpFlags[row]);
      this.respTcpFlags.set(i, rows.respTcpFlags[row]);
    } else {
      this.origTcpFlags.setNull(i);
      this.respTcpFlags.setNull(i);
    }
    if (rows.vlan[row] === 0) this.vlan.setNull(i);
    else this.vlan.set(i, rows.vlan[row] - 1);
    if (rows.innerVlan[row] === 0) this.innerVlan.setNull(i);
    else this.innerVlan.set(i, rows.innerVlan[row] - 1);
    if (rows.tunnel[row] === 0) this.tunnel.setNull(i);
    else this.tunnel.set(i, this.textOf(rows.tunnel[row]));
    if (rows.synRttUs[row] === UNSET) this.synRttUs.setNull(i);
    else this.synRttUs.set(i, rows.synRttUs[row]);
    this.endReason.set(i, rows.endReason[row]);
    this.captureFirst.set(i, this.captures.get(rows.captureFirst[row])!);
    this.captureLast.set(i, this.captures.get(rows.captureLast[row])!);
    this.captureCount.set(i, rows.captureCount[row]);
  }

  /** Few tunnels carry many sessions: one string each. */
  private textOf(tunnel: number): string {
    const known = this.tunnelTexts.get(tunnel);
    if (known !== undefined) return known;
    const text = tunnelText(this.rows.tunnels, tunnel);
    this.tunnelTexts.set(tunnel, text);
    return text;
  }

  /** The columns that follow from the flow key at word `at` and the direction. */
  private putFlow(i: number, at: number, origIsB: boolean): void {
    const { key } = this.rows;
    const protoWord = key[at + KEY_PROTO];
    const ports = shownPorts(key, at);
    const portA = ports >>> 16;
    const portB = ports & 0xffff;
    this.communityId.set(i, communityId(key, at));
    this.proto.set(i, protoPlace(protoWord & 0xff));
    this.ipProto.set(i, protoWord & 0xff);
    this.origH.set(i, addressText(key, at, origIsB ? KEY_ADDR_B : KEY_ADDR_A));
    this.origP.set(i, origIsB ? portB : portA);
    this.respH.set(i, addressText(key, at, origIsB ? KEY_ADDR_A : KEY_ADDR_B));
    this.respP.set(i, origIsB ? portA : portB);
  }
}
