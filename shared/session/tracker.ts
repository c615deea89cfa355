/**
 * The session tracker: takes packets in time order and produces sessions, by Zeek's rules for connections. For each
 * packet it finds the open session of its flow, ends it if it has timed out or if the packet opens another, and updates
 * its state.
 *
 * Additional counts, which Zeek does not have:
 * - retransmitted: TCP packets whose payload was all seen or acknowledged before;
 * - outOfOrder: TCP packets with new bytes below bytes seen before (they fill a hole);
 * - duplicate: packets that repeat one of the nine before in their direction within 10 ms (repeats.ts);
 * - truncated: packets with META_TRUNCATED.
 */

import {
  META_BROKEN,
  META_DATAGRAM,
  META_FRAGMENT,
  META_FROM_B,
  META_LEVELS,
  META_TRUNCATED,
  type PacketColumns,
} from '../packet/columns.ts';
import { type FlowTable, KEY_PORTS, KEY_WORDS } from '../packet/flow/flowtable.ts';
import { CaptureSets } from './captureset.ts';
import { datagramPacket } from './datagram.ts';
import { flipDatagrams, flipsRoles } from './fliproles.ts';
import { printOf, Repeats } from './repeats.ts';
import { beginSession, isReuse } from './reuse.ts';
import { type PacketOutput, writePacket } from './rows/packetrow.ts';
import { writeSession } from './rows/sessionrow.ts';
import type { SessionRows } from './rows/sessionrows.ts';
import { checkConfig, portRoles, type SessionConfig } from './sessionconfig.ts';
import * as L from './slots.ts';
import { count, countPacket, SessionSlots } from './slots.ts';
import { tcpPacket } from './tcp/tcp.ts';
import { TcpContents } from './tcp/tcpcontents.ts';
import type { TcpContext } from './tcp/tcpcontext.ts';
import { SYN } from './tcp/tcpflags.ts';
import { partialPacket, turnsRoles } from './tcp/tcppartial.ts';
import { noteService } from './tcp/tcpservice.ts';
import { Deadlines, ExpiryWheel, REASON_END_OF_INPUT, REASON_REUSED } from './timeouts.ts';
import { WaitingFragments } from './waitingfragments.ts';

// Places of SessionTracker.entered.
const INNERMOST = 0;
const INNERMOST_BYTES = 1;
const OUTER = 2;
const JOINED = 3;

export class SessionTracker {
  /** Sessions opened so far. */
  sessionsOpened = 0;
  /** Sessions taken over from an earlier tracker, which opened them. Both together number the next one. */
  sessionsResumed = 0;
  /** Rows added to sessions. In an array: as fields, V8 would change their number representation at run time. */
  private readonly entered = new Float64Array(4);
  /** The open sessions, to be carried to another tracker (carry/). */
  readonly flows: FlowTable;
  readonly slots = new SessionSlots();
  readonly contents = new TcpContents(this.slots);
  readonly captures = new CaptureSets(this.slots);
  readonly repeats = new Repeats(this.slots);
  private readonly rows: SessionRows;
  private readonly onRowsFull: () => void;
  private readonly packets: PacketOutput | undefined;
  private readonly wheel = new ExpiryWheel(this.slots);
  private readonly fragments = new WaitingFragments();
  private readonly deadlines: Deadlines;
  private readonly tcp: TcpContext;
  /** Open session's slot by flow, -1 = none. */
  private slotOf = new Int32Array(1024).fill(-1);
  /** Latest time seen. */
  private nowUs = 0;
  private wakeUs = 0;
  private readonly look = (slot: number) => this.lookAt(slot);

  /**
   * @param flows the table that the packets' flow numbers refer to
   * @param rows where ended sessions go, in no particular order; needs a capacity of at least 1
   * @param onRowsFull called when `rows` is full; must clear it
   * @throws RangeError when the configuration contains an invalid duration
   */
  constructor(
    config: SessionConfig,
    flows: FlowTable,
    rows: SessionRows,
    onRowsFull: () => void,
    packets?: PacketOutput,
  ) {
    checkConfig(config);
    this.flows = flows;
    this.rows = rows;
    this.onRowsFull = onRowsFull;
    this.packets = packets;
    this.deadlines = new Deadlines(config);
    this.tcp = {
      slots: this.slots,
      contents: this.contents,
      config,
      roles: portRoles(config),
      portsOf: (flow) => flows.words[flow * KEY_WORDS + KEY_PORTS],
    };
  }

  /**
   * Rows added to sessions: whole innermost packets and their IP bytes, outer packets, and datagrams with their
   * fragments.
   */
  get rowsEntered(): { innermost: number; innermostBytes: number; outer: number; joined: number } {
    const { entered } = this;
    return {
      innermost: entered[INNERMOST],
      innermostBytes: entered[INNERMOST_BYTES],
      outer: entered[OUTER],
      joined: entered[JOINED],
    };
  }

  /** Sessions open now. */
  get openSessions(): number {
    return this.slots.open;
  }

  /** Fragments whose datagram was not among the packets; they are in no table. */
  get orphanFragments(): number {
    return this.fragments.orphans;
  }

  /**
   * Next packet in time order: row `row` of `columns`.
   *
   * @param flow its number in the flow table
   * @param capture rank of its capture
   */
  packet(columns: PacketColumns, row: number, flow: number, capture: number): void {
    const us = columns.us[row];
    const meta = columns.meta[row];
    if (us > this.nowUs) this.nowUs = us;
    if (us >= this.wakeUs) this.expire(us);
    if (this.fragments.waiting > 0) this.fragments.at(us, columns.ns[row]);
    if (flow >= this.slotOf.length) this.growFlows(flow);
    if ((meta & META_FRAGMENT) !== 0) {
      this.fragment(columns, row, flow, capture);
      return;
    }
    const end = meta & META_FROM_B;
    const flags = columns.tcpFlags[row];
    let slot = this.slotOf[flow];
    let ordinal = 0;
    if (slot >= 0) {
      const due = this.deadlines.of(this.slots, slot);
      let reason = -1;
      if (due <= us) reason = this.deadlines.reason;
      else if (
        (flags & SYN) !== 0 &&
        this.kind(slot) === L.KIND_TCP &&
        isReuse(this.slots, slot, flags, columns.seq[row] | 0)
      )
        reason = REASON_REUSED;
      if (reason >= 0) {
        ordinal = this.nextOrdinal(slot, us, columns.ns[row]);
        this.end(slot, reason);
        slot = -1;
      }
    }
    if (slot < 0) slot = this.open(columns, row, flow, capture, ordinal);
    else this.captures.enter(slot, capture);

    const { words, reals } = this.slots;
    const at = slot * L.WORDS;
    reals[slot * L.REALS + L.R_END] = us;
    words[at + L.W_NANOS] = (words[at + L.W_NANOS] & 0xffff) | (columns.ns[row] << 16);
    words[at + L.W_CAPTURE_LAST] = capture;
    if ((meta & META_TRUNCATED) !== 0) count(words, at + L.W_TRUNCATED);
    this.repeats.note(
      slot,
      end,
      us,
      printOf(
        columns.mark[row],
        columns.ipLen[row],
        columns.payloadLen[row],
        columns.seq[row],
        columns.ack[row],
        flags,
        columns.window[row],
      ),
    );
    const kind = this.kind(slot);
    if (kind === L.KIND_TCP && (meta & META_BROKEN) === 0) this.tcpRow(columns, row, slot, end, us, flags);
    else {
      const xe = slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE;
      countPacket(words, at + L.W_ENDS + end * L.W_END_SIZE);
      reals[xe + L.X_IP_BYTES] += columns.ipLen[row];
      if (kind === L.KIND_TCP) partialPacket(this.slots, slot, end, us);
      else datagramPacket(this.slots, slot, end, kind, us, columns.payloadLen[row], (meta & META_BROKEN) !== 0);
      if ((words[at + L.W_FLAGS] & (L.FLAG_DNS | L.FLAG_NTP)) !== 0) this.message(columns, row, slot, end);
    }
    if (this.packets !== undefined) writePacket(this.packets, columns, row, words[at + L.W_NUMBER], capture);
    const { entered } = this;
    if ((meta & (META_LEVELS | META_DATAGRAM)) === 0) {
      entered[INNERMOST]++;
      entered[INNERMOST_BYTES] += columns.ipLen[row];
    } else entered[(meta & META_DATAGRAM) === 0 ? OUTER : JOINED]++;
    if ((meta & META_DATAGRAM) !== 0 && this.fragments.waiting > 0) this.attachWaiting(flow, slot);
  }

  /**
   * Advances time to `us`, microseconds: ends the sessions whose deadline is before it, to within a second. It frees
   * memory and changes no result; `packet` calls it itself.
   */
  expire(us: number): void {
    if (us > this.nowUs) this.nowUs = us;
    this.wheel.advance(us, this.look);
    this.wakeUs = this.wheel.nextUs;
  }

  /**
   * End of input: ends all sessions.
   *
   * @param endUs time of the last packet of all input, if other trackers have seen later packets than this one:
   * sessions whose deadline it has passed end for their own reason, the others with `end_of_input`
   */
  finish(endUs = 0): void {
    const now = Math.max(endUs, this.nowUs);
    this.fragments.at(-1, 0);
    this.endOpen(now, REASON_END_OF_INPUT);
  }

  /**
   * End of an interval: ends the sessions whose deadline is before `us`, whole microseconds; all packets that come are
   * at `us` or later. Those that stay open can be carried to other trackers (carry/). It changes no row.
   */
  endBefore(us: number): void {
    // Fragments and their datagram have one time: what waits now waits in vain.
    this.fragments.at(us, 0);
    this.endOpen(us - 1, -1);
  }

  /**
   * Takes over a session that an earlier tracker left open. Its slot is complete but for its number and its place in the
   * wheel.
   *
   * @returns false when its flow has an open session already
   */
  resume(slot: number): boolean {
    const { words } = this.slots;
    const flow = words[slot * L.WORDS + L.W_FLOW];
    if (flow >= this.slotOf.length) this.growFlows(flow);
    if (this.slotOf[flow] >= 0) return false;
    this.slotOf[flow] = slot;
    const number = this.sessionsOpened + this.sessionsResumed++;
    words[slot * L.WORDS + L.W_NUMBER] = number;
    this.wheel.add(slot, this.deadlines.of(this.slots, slot));
    this.packets?.directory.enter(this.slots, slot, this.flows.words);
    this.packets?.directory.markFlushed(number);
    return true;
  }

  private kind(slot: number): number {
    return (this.slots.words[slot * L.WORDS + L.W_FLAGS] & L.FLAG_KIND_MASK) >> L.FLAG_KIND_SHIFT;
  }

  /** A datagram to or from a port of DNS or NTP: it may flip the roles. */
  private message(columns: PacketColumns, row: number, slot: number, end: number): void {
    if (!flipsRoles(this.slots, slot, end, columns.payloadLen[row], columns.hint[row], this.flows.words)) return;
    flipDatagrams(this.slots, slot, end, columns.ipLen[row]);
    const at = slot * L.WORDS;
    this.packets?.directory.flip(
      this.slots.words[at + L.W_NUMBER],
      this.slots.words[at + L.W_FLAGS] & L.FLAG_ORIG_IS_B,
    );
  }

  private tcpRow(columns: PacketColumns, row: number, slot: number, end: number, us: number, flags: number): void {
    const { words, reals } = this.slots;
    const at = slot * L.WORDS;
    const we = at + L.W_ENDS + end * L.W_END_SIZE;
    const seq = columns.seq[row] | 0;
    const ack = columns.ack[row] | 0;
    const length = columns.payloadLen[row];
    const window = columns.window[row];
    words[we + L.E_TCP_FLAGS] |= flags;
    const hint = columns.hint[row];
    if (hint !== 0) noteService(words, slot, end, hint);
    if (turnsRoles(this.slots, slot, end, flags)) this.packets?.directory.flip(words[at + L.W_NUMBER], end);
    const before = words[at + L.W_FLAGS] & L.FLAG_ORIG_IS_B;
    const truncated = (columns.meta[row] & META_TRUNCATED) !== 0;
    const closing = tcpPacket(this.tcp, slot, end, us, seq, ack, flags, length, window, truncated);
    const origIsB = words[at + L.W_FLAGS] & L.FLAG_ORIG_IS_B;
    if (before !== origIsB) this.packets?.directory.flip(words[at + L.W_NUMBER], origIsB);
    const xe = slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE;
    countPacket(words, we);
    reals[xe + L.X_IP_BYTES] += columns.ipLen[row];
    if (closing) this.wheel.hasten(slot, this.deadlines.of(this.slots, slot));
  }

  private open(columns: PacketColumns, row: number, flow: number, capture: number, ordinal: number): number {
    const slot = this.slots.take();
    beginSession(this.slots, slot, columns, row, flow, this.flows.words, this.tcp.roles);
    const at = slot * L.WORDS;
    this.slotOf[flow] = slot;
    this.slots.words[at + L.W_NUMBER] = this.sessionsResumed + this.sessionsOpened++;
    this.slots.words[at + L.W_ORDINAL] = ordinal;
    this.captures.open(slot, capture);
    const isTcp = this.kind(slot) === L.KIND_TCP;
    if (isTcp) this.contents.open(slot);
    this.wheel.add(
      slot,
      isTcp ? columns.us[row] + this.tcp.config.tcpAttemptDelayUs : this.deadlines.of(this.slots, slot),
    );
    this.packets?.directory.enter(this.slots, slot, this.flows.words);
    return slot;
  }

  /**
   * Ordinal of a session that begins at this time, where `slot` holds the one before it. It is not 0 only if that one began
   * at the very same time (a reuse by the next packet), and so in the same interval: borders lie between ticks. Neither a
   * session that was carried nor one that an earlier tracker ended can have a successor of its own start.
   */
  private nextOrdinal(slot: number, us: number, ns: number): number {
    const { words, reals } = this.slots;
    const at = slot * L.WORDS;
    const same = reals[slot * L.REALS + L.R_START] === us && (words[at + L.W_NANOS] & 0xffff) === ns;
    return same ? words[at + L.W_ORDINAL] + 1 : 0;
  }

  /** Ends the sessions that are due at `nowUs` for their own reason, the others for `rest`; -1: they stay open. */
  private endOpen(nowUs: number, rest: number): void {
    for (let slot = 0; slot < this.slots.limit; slot++) {
      if (this.slots.words[slot * L.WORDS + L.W_FLOW] < 0) continue;
      const reason = this.deadlines.of(this.slots, slot) <= nowUs ? this.deadlines.reason : rest;
      if (reason >= 0) this.end(slot, reason);
    }
  }

  /** @param armed whether the session is still in the wheel */
  private end(slot: number, reason: number, armed = true): void {
    writeSession(this.slots, slot, reason, this.flows, this.rows);
    if (this.rows.full) this.onRowsFull();
    if (armed) this.wheel.remove(slot);
    this.slotOf[this.slots.words[slot * L.WORDS + L.W_FLOW]] = -1;
    this.captures.close(slot);
    this.repeats.close(slot);
    if (this.kind(slot) === L.KIND_TCP) this.contents.close(slot);
    this.slots.release(slot);
  }

  /** Checks a session that the wheel returned: ends it, or arms it again. */
  private lookAt(slot: number): void {
    const due = this.deadlines.of(this.slots, slot);
    if (due < this.nowUs) this.end(slot, this.deadlines.reason, false);
    else this.wheel.add(slot, due);
  }

  private fragment(columns: PacketColumns, row: number, flow: number, capture: number): void {
    const slot = this.slotOf[flow];
    const ns = columns.ns[row];
    if (
      slot >= 0 &&
      this.slots.reals[slot * L.REALS + L.R_END] === columns.us[row] &&
      this.slots.words[slot * L.WORDS + L.W_NANOS] >>> 16 === ns
    ) {
      this.attach(columns, row, slot, capture);
      return;
    }
    this.fragments.at(columns.us[row], ns);
    this.fragments.keep(columns, row, flow, capture);
  }

  /** A function of its own: with the closure inside, `packet` would allocate for each packet. */
  private attachWaiting(flow: number, slot: number): void {
    this.fragments.release(flow, (waiting, row, capture) => this.attach(waiting, row, slot, capture));
  }

  private attach(columns: PacketColumns, row: number, slot: number, capture: number): void {
    this.entered[JOINED]++;
    this.captures.enter(slot, capture);
    if (this.packets !== undefined)
      writePacket(this.packets, columns, row, this.slots.words[slot * L.WORDS + L.W_NUMBER], capture);
  }

  private growFlows(flow: number): void {
    const slotOf = new Int32Array(Math.max(this.slotOf.length * 2, flow + 1)).fill(-1);
    slotOf.set(this.slotOf);
    this.slotOf = slotOf;
  }
}
