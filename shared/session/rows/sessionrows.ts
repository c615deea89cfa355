/**
 * Session rows as typed columns: what the session tracker gives out, what a
 * reduce run holds, and what the sessions table is written from. Text is made
 * only when the table is written.
 */
import { KEY_WORDS } from '../../packet/flow/flowtable.ts';
import { TunnelTable } from '../../packet/flow/tunneltable.ts';

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

/** Bytes that a uid takes: 12 ASCII characters of base62 (71 bits). */
export const UID_BYTES = 12;

/** Value of a nullable number column (durations, counts Zeek leaves unset) for "not set". */
export const UNSET = -1;

/** Growable columns of sessions; rows beyond `length` are never read. */
export class SessionRows {
  length = 0;
  capacity: number;
  /** First packet: whole microseconds since 1970, and the nanoseconds below. */
  startUs: Float64Array;
  startNs: Uint16Array;
  /** Last packet. */
  endUs: Float64Array;
  endNs: Uint16Array;
  /** Zeek's duration in microseconds, UNSET where Zeek leaves it unset. */
  durationUs: Float64Array;
  /** UID_BYTES ASCII bytes a row. */
  uid: Uint8Array;
  /** KEY_WORDS words a row: the canonical flow key. */
  key: Uint32Array;
  /** 1 where end B of the key is the originator, 0 where end A is. */
  origIsB: Uint8Array;
  /** Index into CONN_STATES. */
  connState: Uint8Array;
  /** Index into END_REASONS. */
  endReason: Uint8Array;
  /** Zeek's history letters, '' where there are none. */
  history: string[];
  /** Payload bytes by Zeek's rules; UNSET where Zeek leaves them unset. */
  origBytes: Float64Array;
  respBytes: Float64Array;
  origPkts: Float64Array;
  respPkts: Float64Array;
  origIpBytes: Float64Array;
  respIpBytes: Float64Array;
  missedBytes: Float64Array;
  /** Packets whose payload had been seen before / came before expected data / repeat the previous one exactly / were cut by the snaplen. */
  retransmitted: Uint32Array;
  outOfOrder: Uint32Array;
  duplicate: Uint32Array;
  truncated: Uint32Array;
  /** OR of all TCP flags seen in that direction. */
  origTcpFlags: Uint16Array;
  respTcpFlags: Uint16Array;
  /** VLAN id + 1 of the first packet, 0 = none. */
  vlan: Uint16Array;
  innerVlan: Uint16Array;
  /** Number in `tunnels` of the first packet's tunnel, 0 = none. */
  tunnel: Uint32Array;
  readonly tunnels = new TunnelTable();
  /** Microseconds from the SYN to the SYN-ACK that answers it, UNSET where not both were seen. */
  synRttUs: Float64Array;
  /** Ranks of the captures of the first and the last packet; how many captures hold packets of the session. */
  captureFirst: Uint32Array;
  captureLast: Uint32Array;
  captureCount: Uint32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.startUs = new Float64Array(capacity);
    this.startNs = new Uint16Array(capacity);
    this.endUs = new Float64Array(capacity);
    this.endNs = new Uint16Array(capacity);
    this.durationUs = new Float64Array(capacity);
    this.uid = new Uint8Array(capacity * UID_BYTES);
    this.key = new Uint32Array(capacity * KEY_WORDS);
    this.origIsB = new Uint8Array(capacity);
    this.connState = new Uint8Array(capacity);
    this.endReason = new Uint8Array(capacity);
    this.history = [];
    this.origBytes = new Float64Array(capacity);
    this.respBytes = new Float64Array(capacity);
    this.origPkts = new Float64Array(capacity);
    this.respPkts = new Float64Array(capacity);
    this.origIpBytes = new Float64Array(capacity);
    this.respIpBytes = new Float64Array(capacity);
    this.missedBytes = new Float64Array(capacity);
    this.retransmitted = new Uint32Array(capacity);
    this.outOfOrder = new Uint32Array(capacity);
    this.duplicate = new Uint32Array(capacity);
    this.truncated = new Uint32Array(capacity);
    this.origTcpFlags = new Uint16Array(capacity);
    this.respTcpFlags = new Uint16Array(capacity);
    this.vlan = new Uint16Array(capacity);
    this.innerVlan = new Uint16Array(capacity);
    this.tunnel = new Uint32Array(capacity);
    this.synRttUs = new Float64Array(capacity);
    this.captureFirst = new Uint32Array(capacity);
    this.captureLast = new Uint32Array(capacity);
    this.captureCount = new Uint32Array(capacity);
  }

  get full(): boolean {
    return this.length === this.capacity;
  }

  /** Forget the rows, keep the memory. */
  clear(): void {
    this.length = 0;
    this.history.length = 0;
    this.tunnels.clear();
  }
}

/** Numeric columns with one value a row that means the same anywhere, in the order in which runs store them. */
export const SESSION_COLUMNS = [
  'startUs',
  'startNs',
  'endUs',
  'endNs',
  'durationUs',
  'origIsB',
  'connState',
  'endReason',
  'origBytes',
  'respBytes',
  'origPkts',
  'respPkts',
  'origIpBytes',
  'respIpBytes',
  'missedBytes',
  'retransmitted',
  'outOfOrder',
  'duplicate',
  'truncated',
  'origTcpFlags',
  'respTcpFlags',
  'vlan',
  'innerVlan',
  'synRttUs',
  'captureFirst',
  'captureLast',
  'captureCount',
] as const satisfies readonly (keyof SessionRows)[];
