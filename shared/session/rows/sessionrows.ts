/**
 * Session rows as typed columns: the output of the session tracker, the content of reduce runs, and the source of the
 * sessions table. Text is created only when the table is written.
 */
import { KEY_WORDS } from '../../packet/flow/flowtable.ts';
import { TunnelTable } from '../../packet/flow/tunneltable.ts';
import { namesOf, typedColumns } from '../../packet/typedcolumns.ts';

/** Zeek's conn_state values; the column holds the index. */
export const CONN_STATES = [
  'S0',
  'S1',
  'SF',
  'REJ',
  'S2',
  'S3',
  'RSTO',
  'RSTR',
  'RSTOS0',
  'RSTRH',
  'SH',
  'SHR',
  'OTH',
] as const;

/** Why a session ended; the column holds the index. */
export const END_REASONS = [
  /** No packet for the inactivity timeout of its protocol and state. */
  'inactive',
  /** Both sides closed (FIN) and the close delay passed. */
  'closed',
  /** A reset, and the reset delay passed. */
  'reset',
  /** A connection attempt without an answer. */
  'attempt',
  /** One side closed and the other stayed silent. */
  'half_closed',
  /** A new connection began on the same flow key. */
  'reused',
  /** The packets ended first. */
  'end_of_input',
] as const;

/** Bytes of a uid: 12 ASCII characters of base62 (71 bits). */
export const UID_BYTES = 12;

/** Value of a nullable number column (durations, counts Zeek leaves unset) for "not set". */
export const UNSET = -1;

/** Columns with one number a row that means the same anywhere, in the order in which runs store them. */
const NUMBERS = {
  /** First packet: whole microseconds since 1970, and the nanoseconds below. */
  startUs: 'f64',
  startNs: 'u16',
  /** Last packet. */
  endUs: 'f64',
  endNs: 'u16',
  /** Zeek's duration in microseconds, UNSET where Zeek leaves it unset. */
  durationUs: 'f64',
  /** 1 where end B of the key is the originator, 0 where end A is. */
  origIsB: 'u8',
  /** Index into CONN_STATES. */
  connState: 'u8',
  /** Index into END_REASONS. */
  endReason: 'u8',
  /** Payload bytes by Zeek's rules; UNSET where Zeek leaves them unset. */
  origBytes: 'f64',
  respBytes: 'f64',
  origPkts: 'f64',
  respPkts: 'f64',
  origIpBytes: 'f64',
  respIpBytes: 'f64',
  missedBytes: 'f64',
  /** Packets whose payload had been seen before / came before expected data / repeat the previous one exactly / were cut by the snaplen. */
  retransmitted: 'u32',
  outOfOrder: 'u32',
  duplicate: 'u32',
  truncated: 'u32',
  /** OR of all TCP flags seen in that direction. */
  origTcpFlags: 'u16',
  respTcpFlags: 'u16',
  /** VLAN id + 1 of the first packet, 0 = none. */
  vlan: 'u16',
  innerVlan: 'u16',
  /** Microseconds from the SYN to the SYN-ACK that answers it, UNSET where not both were seen. */
  synRttUs: 'f64',
  /** Ranks of the captures of the first and the last packet; how many captures hold packets of the session. */
  captureFirst: 'u32',
  captureLast: 'u32',
  captureCount: 'u32',
} as const;

export const SESSION_COLUMNS = namesOf(NUMBERS);

const COLUMNS = {
  ...NUMBERS,
  /** UID_BYTES ASCII bytes a row. */
  uid: ['u8', UID_BYTES],
  /** KEY_WORDS words a row: the canonical flow key. */
  key: ['u32', KEY_WORDS],
  /** Number in `tunnels` of the first packet's tunnel, 0 = none. */
  tunnel: 'u32',
} as const;

/** Columns of sessions; rows beyond `length` are never read. */
export class SessionRows extends typedColumns(COLUMNS) {
  /** Zeek's history letters, '' where there are none. */
  history: string[] = [];
  readonly tunnels = new TunnelTable();

  override clear(): void {
    super.clear();
    this.history.length = 0;
    this.tunnels.clear();
  }
}
