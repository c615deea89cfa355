/** Scripted packets of one flow for the tracker's tests, and the resulting rows. */
import {
  META_BROKEN,
  META_DATAGRAM,
  META_FRAGMENT,
  META_FROM_B,
  META_TRUNCATED,
  PacketColumns,
} from '../../shared/packet/columns.ts';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { PacketRows } from '../../shared/session/rows/packetrows.ts';
import { CONN_STATES, END_REASONS, SessionRows } from '../../shared/session/rows/sessionrows.ts';
import { uidText } from '../../shared/session/rows/uid.ts';
import { DEFAULTS, type SessionConfig } from '../../shared/session/sessionconfig.ts';
import { SessionDirectory } from '../../shared/session/sessiondirectory.ts';
import { SessionTracker } from '../../shared/session/tracker.ts';

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;
export const SECOND = 1_000_000;
/** Time of first packets. */
export const T0 = 1_700_000_000 * SECOND;

/** Options of a scripted packet other than its direction. */
export interface Said {
  flags?: number;
  seq?: number;
  ack?: number;
  len?: number;
  window?: number;
  ipLen?: number;
  capture?: number;
  /** Microseconds after T0; without it, one millisecond after the packet before. */
  at?: number;
  ns?: number;
  truncated?: boolean;
  datagram?: boolean;
  broken?: boolean;
  /** A fragment of this age. */
  fragment?: number;
  level?: number;
  hint?: number;
  /** What tells it from others with the same numbers. */
  mark?: number;
  /** Key words of another flow than the script's. */
  flow?: number;
}

/** A session as the tests compare it. */
export interface Seen {
  state: string;
  history: string;
  reason: string;
  bytes: [number, number];
  pkts: [number, number];
  ipBytes: [number, number];
  missed: number;
  duration: number;
  origIsB: number;
  counts: { retransmitted: number; outOfOrder: number; duplicate: number; truncated: number };
  captures: [number, number, number];
  synRtt: number;
  start: number;
  uid: string;
}

export function seenRows(rows: SessionRows): Seen[] {
  const seen: Seen[] = [];
  for (let i = 0; i < rows.length; i++)
    seen.push({
      state: CONN_STATES[rows.connState[i]],
      history: rows.history[i],
      reason: END_REASONS[rows.endReason[i]],
      bytes: [rows.origBytes[i], rows.respBytes[i]],
      pkts: [rows.origPkts[i], rows.respPkts[i]],
      ipBytes: [rows.origIpBytes[i], rows.respIpBytes[i]],
      missed: rows.missedBytes[i],
      duration: rows.durationUs[i],
      origIsB: rows.origIsB[i],
      counts: {
        retransmitted: rows.retransmitted[i],
        outOfOrder: rows.outOfOrder[i],
        duplicate: rows.duplicate[i],
        truncated: rows.truncated[i],
      },
      captures: [rows.captureFirst[i], rows.captureLast[i], rows.captureCount[i]],
      synRtt: rows.synRttUs[i],
      start: rows.startUs[i] - T0,
      uid: uidText(rows.uid, i * 12),
    });
  return seen.sort((a, b) => a.start - b.start);
}

/** A script: packets are taken at once, in time order. End A is 10.0.0.1, end B 10.0.0.2. */
export class Dialogue {
  readonly columns = new PacketColumns(64);
  readonly flows = new FlowTable();
  readonly rows = new SessionRows(1024);
  readonly packetRows = new PacketRows(1024);
  readonly directory = new SessionDirectory(1);
  readonly tracker: SessionTracker;
  private readonly flow: number;
  private now = -1000;

  constructor(portA: number, portB: number, proto = 6, config: Partial<SessionConfig> = {}) {
    this.flow = this.flows.lookup4(0x0a000001, 0x0a000002, ((portA << 16) | portB) >>> 0, proto, 0, 0);
    this.tracker = new SessionTracker(
      { ...DEFAULTS, ...config },
      this.flows,
      this.rows,
      () => {
        throw new Error('more sessions than rows');
      },
      { rows: this.packetRows, onFull: () => this.packetRows.clear(), directory: this.directory },
    );
  }

  a(said: Said): this {
    return this.take(0, said);
  }

  b(said: Said): this {
    return this.take(META_FROM_B, said);
  }

  /** Ends the input and returns the sessions in order of their start. */
  end(): Seen[] {
    this.tracker.finish();
    return seenRows(this.rows);
  }

  private take(from: number, said: Said): this {
    const c = this.columns;
    const row = c.length++;
    c.reserve(c.length);
    this.now = said.at ?? this.now + 1000;
    c.us[row] = T0 + this.now;
    c.ns[row] = said.ns ?? 0;
    c.seq[row] = said.seq ?? 0;
    c.ack[row] = said.ack ?? 0;
    c.window[row] = said.window ?? 1000;
    c.tcpFlags[row] = said.flags ?? 0;
    c.payloadLen[row] = said.len ?? 0;
    c.ipLen[row] = said.ipLen ?? 40 + (said.len ?? 0);
    c.hint[row] = said.hint ?? 0;
    c.mark[row] = said.mark ?? 0;
    c.offset[row] = row * 100;
    c.ageUs[row] = said.fragment ?? 0;
    c.meta[row] =
      from |
      (said.truncated === true ? META_TRUNCATED : 0) |
      (said.datagram === true ? META_DATAGRAM : 0) |
      (said.broken === true ? META_BROKEN : 0) |
      (said.fragment === undefined ? 0 : META_FRAGMENT) |
      ((said.level ?? 0) << 4);
    this.tracker.packet(c, row, said.flow ?? this.flow, said.capture ?? 0);
    return this;
  }

  /** The three-way handshake, sequence numbers of A from `a`, of B from `b` on. */
  handshake(a = 100, b = 500): this {
    return this.a({ flags: SYN, seq: a })
      .b({ flags: SYN | ACK, seq: b, ack: (a + 1) >>> 0 })
      .a({ flags: ACK, seq: (a + 1) >>> 0, ack: (b + 1) >>> 0 });
  }
}
