/**
 * Timeouts of sessions, and a timer wheel that finds those that are due.
 *
 * The rules are Zeek's timers with exact resolution: each fires at its own time, not at the next packet of any flow. So
 * the end of a session depends on its flow alone. A packet at exactly the deadline comes too late.
 *
 * The wheel only frees memory. It has buckets of about a second; a session is in the bucket of a time not later than
 * its deadline and is checked again when that has passed. Cost: constant for a packet, linear in sessions and in the
 * timeouts they live through, nothing for an idle gap. Deadlines farther away than a revolution of the wheel are in a
 * second wheel, whose buckets are revolutions of the first: otherwise sessions that may be idle for a year would all be
 * checked every hour.
 *
 * Buckets counted since 1970 outgrow 31 bits in 2041. So a slot holds only its cell, the bucket modulo the size of the
 * wheel: all cells are less than one revolution ahead of the wheel's own time, which is a double. Advancing terminates:
 * it empties each cell at most once, and sessions armed again meanwhile go to another list.
 */
import { END_REASONS } from './rows/sessionrows.ts';
import type { SessionConfig } from './sessionconfig.ts';
import type { SessionSlots } from './slots.ts';
import * as L from './slots.ts';

const indexOf = (reason: (typeof END_REASONS)[number]): number => END_REASONS.indexOf(reason);

/** Index into END_REASONS. */
export const REASON_INACTIVE = indexOf('inactive');
export const REASON_CLOSED = indexOf('closed');
export const REASON_RESET = indexOf('reset');
export const REASON_ATTEMPT = indexOf('attempt');
export const REASON_HALF_CLOSED = indexOf('half_closed');
export const REASON_REUSED = indexOf('reused');
export const REASON_END_OF_INPUT = indexOf('end_of_input');

/** Microseconds of a bucket. */
export const BUCKET_US = 1 << 20;
/** Buckets, a power of two: a little over an hour, so that the longest usual timeout is armed once. */
const BUCKETS = 4096;
/**
 * Revolutions that the second wheel has, a power of two: 203 days. Deadlines farther away are checked again after that
 * time.
 */
const REVOLUTIONS = 4096;

/** Idle times by IDLE_* class. */
export function idleTimes(config: SessionConfig): Float64Array {
  return Float64Array.of(
    config.tcpHandshakeInactivityUs,
    config.tcpInactivityUs,
    config.longInactivityUs,
    config.udpInactivityUs,
    config.icmpInactivityUs,
    config.otherInactivityUs,
  );
}

/** Deadlines of sessions under one configuration. */
export class Deadlines {
  /** Why the session last passed to `of` ends at its deadline: REASON_*. */
  reason = REASON_INACTIVE;
  private readonly config: SessionConfig;
  private readonly idle: Float64Array;

  constructor(config: SessionConfig) {
    this.config = config;
    this.idle = idleTimes(config);
  }

  /** The time in microseconds at which the session ends if no packet comes before; sets `reason`. */
  of(s: SessionSlots, slot: number): number {
    const { words, reals } = s;
    const flags = words[slot * L.WORDS + L.W_FLAGS];
    const at = slot * L.REALS;
    this.reason = REASON_INACTIVE;
    let due = reals[at + L.R_LAST] + this.idle[(flags & L.FLAG_IDLE_MASK) >> L.FLAG_IDLE_SHIFT];
    if ((flags & L.FLAG_DNS) !== 0 && this.config.dnsTimeoutUs > 0)
      return Math.min(due, this.dnsTick(reals[at + L.R_START], reals[at + L.R_LAST]));
    if ((flags & L.FLAG_KIND_MASK) >> L.FLAG_KIND_SHIFT !== L.KIND_TCP) return due;
    const ends = slot * L.WORDS + L.W_ENDS;
    const a = words[ends + L.E_STATE];
    const b = words[ends + L.W_END_SIZE + L.E_STATE];
    if ((flags & L.FLAG_ENDING) !== 0) {
      if (reals[at + L.R_CLOSE] < due) {
        due = reals[at + L.R_CLOSE];
        this.reason = closeReason(a, b);
      }
    } else if ((flags & L.FLAG_ACTIVE) !== 0) {
      if ((flags & L.FLAG_ATTEMPT) !== 0) due = this.attempt(flags, a, b, reals[at + L.R_START], due);
      if (((a | b) & L.END_DID_CLOSE) !== 0) due = this.afterClose(s, slot, flags, a, b, due);
    }
    const reset = reals[at + L.R_RESET];
    if (reset > 0 && reset < due && (flags & L.FLAG_ACTIVE) !== 0) {
      due = reset;
      this.reason = REASON_RESET;
    }
    return due;
  }

  /** A SYN without an answer. */
  private attempt(flags: number, a: number, b: number, start: number, due: number): number {
    const origIsB = (flags & L.FLAG_ORIG_IS_B) !== 0;
    const orig = (origIsB ? b : a) & L.STATE_MASK;
    const resp = (origIsB ? a : b) & L.STATE_MASK;
    if ((orig !== L.STATE_SYN_SENT && orig !== L.STATE_SYN_ACK_SENT) || resp !== L.STATE_INACTIVE) return due;
    const attempt = start + this.config.tcpAttemptDelayUs;
    if (attempt >= due) return due;
    this.reason = REASON_ATTEMPT;
    return attempt;
  }

  /**
   * One side closed, and the other's reset does not count as a close (data is missing before it).
   */
  private afterClose(s: SessionSlots, slot: number, flags: number, a: number, b: number, due: number): number {
    const at = slot * L.REALS;
    const last = s.reals[at + L.R_LAST];
    const now = a & L.STATE_MASK;
    const peer = b & L.STATE_MASK;
    const reset = now === L.STATE_RESET || peer === L.STATE_RESET;
    const both = (a & b & L.END_DID_CLOSE) !== 0;
    if (both || reset || now === L.STATE_INACTIVE || peer === L.STATE_INACTIVE) {
      let tick = this.tick(s.reals[at + L.R_START] + this.config.tcpSynTimeoutUs, last);
      if ((flags & L.FLAG_HALF_CLOSED) !== 0)
        tick = Math.min(tick, this.tick(s.reals[at + L.R_CLOSE] + this.config.tcpSessionTimerUs, last));
      if (tick < due) {
        due = tick;
        this.reason = closeReason(a, b);
      }
    }
    const delay = this.config.tcpPartialCloseDelayUs;
    if (delay > 0 && (flags & L.FLAG_PARTIAL_CLOSE) !== 0 && !reset && !both) {
      const partial = s.reals[at + L.R_CLOSE] + delay;
      if (partial >= last && partial < due) {
        due = partial;
        this.reason = REASON_HALF_CLOSED;
      }
    }
    return due;
  }

  /** First of the times start + n timeouts (n > 0) that comes a timeout less a second after `last` or later. */
  private dnsTick(start: number, last: number): number {
    const timeout = this.config.dnsTimeoutUs;
    const n = Math.ceil((last - start + timeout - 1_000_000) / timeout);
    return start + Math.max(n, 1) * timeout;
  }

  /** First of the times base, base + interval, ... at which the linger time after `last` has passed. */
  private tick(base: number, last: number): number {
    const interval = this.config.tcpSessionTimerUs;
    const k = Math.floor((last + this.config.tcpLingerUs - base) / interval) + 1;
    return base + Math.max(k, 0) * interval;
  }
}

function closeReason(a: number, b: number): number {
  const now = a & L.STATE_MASK;
  const peer = b & L.STATE_MASK;
  if (now === L.STATE_RESET || peer === L.STATE_RESET) return REASON_RESET;
  return now === L.STATE_CLOSED && peer === L.STATE_CLOSED ? REASON_CLOSED : REASON_HALF_CLOSED;
}

/** Open sessions by the time of their next check. */
export class ExpiryWheel {
  private readonly s: SessionSlots;
  /** First session of each cell: those of the buckets, then those of the revolutions. */
  private readonly heads = new Int32Array(BUCKETS + REVOLUTIONS).fill(-1);
  /** All buckets before this one, counted since 1970, have been emptied. */
  private current = 0;
  /** Its cell. */
  private cell = 0;
  /** Its revolution, counted since 1970. Those up to it have been emptied. */
  private revolution = 0;

  constructor(slots: SessionSlots) {
    this.s = slots;
  }

  /** First time at which `advance` has something to check. */
  get nextUs(): number {
    return (this.current + 1) * BUCKET_US;
  }

  /** Arms a session for `due`. */
  add(slot: number, due: number): void {
    const words = this.s.words;
    const ahead = this.ahead(due);
    const cell = ahead < BUCKETS ? (this.cell + ahead) & (BUCKETS - 1) : this.revolutionCell(ahead);
    const at = slot * L.WORDS;
    const head = this.heads[cell];
    words[at + L.W_CELL] = cell;
    words[at + L.W_PREVIOUS] = -1;
    words[at + L.W_NEXT] = head;
    if (head >= 0) words[head * L.WORDS + L.W_PREVIOUS] = slot;
    this.heads[cell] = slot;
  }

  /** Removes a session. */
  remove(slot: number): void {
    const words = this.s.words;
    const at = slot * L.WORDS;
    const next = words[at + L.W_NEXT];
    const previous = words[at + L.W_PREVIOUS];
    if (next >= 0) words[next * L.WORDS + L.W_PREVIOUS] = previous;
    if (previous >= 0) words[previous * L.WORDS + L.W_NEXT] = next;
    else this.heads[words[at + L.W_CELL]] = next;
  }

  /** Moves a session to an earlier bucket if `due` is before its own. */
  hasten(slot: number, due: number): void {
    const cell = this.s.words[slot * L.WORDS + L.W_CELL];
    const sits =
      cell < BUCKETS
        ? (cell - this.cell) & (BUCKETS - 1)
        : ((cell - BUCKETS - this.revolution) & (REVOLUTIONS - 1)) * BUCKETS - this.cell;
    if (this.ahead(due) >= sits) return;
    this.remove(slot);
    this.add(slot, due);
  }

  /** How many buckets ahead a deadline is: 0 if it has passed. */
  private ahead(due: number): number {
    const buckets = Math.floor(due / BUCKET_US) - this.current;
    return buckets <= 0 ? 0 : buckets;
  }

  /**
   * Cell of the revolution of the bucket `ahead`, a revolution or more away; of the last revolution if it is farther
   * away.
   */
  private revolutionCell(ahead: number): number {
    const revolutions = Math.min(Math.floor((this.cell + ahead) / BUCKETS), REVOLUTIONS - 1);
    return BUCKETS + ((this.revolution + revolutions) % REVOLUTIONS);
  }

  /**
   * Advances time to `us`. Each session whose bucket is entirely before it is removed and passed to `look`, which ends
   * it or arms it again.
   */
  advance(us: number, look: (slot: number) => void): void {
    const target = Math.floor(us / BUCKET_US);
    if (target <= this.current) return;
    const from = this.cell;
    const fromRevolution = this.revolution;
    const targetRevolution = Math.floor(target / BUCKETS);
    const buckets = this.s.open === 0 ? 0 : Math.min(target - this.current, BUCKETS);
    const revolutions = this.s.open === 0 ? 0 : Math.min(targetRevolution - fromRevolution, REVOLUTIONS);
    // Sessions armed again meanwhile go to the target bucket or later.
    this.current = target;
    this.cell = target % BUCKETS;
    this.revolution = targetRevolution;
    let pending = -1;
    for (let i = 0; i < buckets; i++) pending = this.empty((from + i) & (BUCKETS - 1), pending);
    for (let i = 1; i <= revolutions; i++)
      pending = this.empty(BUCKETS + ((fromRevolution + i) % REVOLUTIONS), pending);
    const words = this.s.words;
    while (pending >= 0) {
      const slot = pending;
      pending = words[slot * L.WORDS + L.W_NEXT];
      look(slot);
    }
  }

  /** Empties a cell, puts its sessions before a list. @returns the list */
  private empty(cell: number, list: number): number {
    const words = this.s.words;
    const head = this.heads[cell];
    if (head < 0) return list;
    this.heads[cell] = -1;
    let tail = head;
    while (words[tail * L.WORDS + L.W_NEXT] >= 0) tail = words[tail * L.WORDS + L.W_NEXT];
    words[tail * L.WORDS + L.W_NEXT] = list;
    return head;
  }
}
