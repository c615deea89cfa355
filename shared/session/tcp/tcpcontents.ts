/**
 * Which bytes of a TCP direction have been seen: what is delivered in order, what waits beyond a hole, what was
 * acknowledged without ever being seen (missed bytes). Follows Zeek's reassembler, without its buffers: only the bounds
 * of the ranges are kept. Sequence numbers here are relative (the SYN is 0, the first byte 1) and do not wrap.
 *
 * Bounded: an end keeps at most RANGES_LIMIT ranges beyond holes; a segment
 * that would need one more is treated as not seen.
 */

import { addLetterOf, givesLetter, LETTER_G } from '../history.ts';
import * as L from '../slots.ts';
import { count, type SessionSlots } from '../slots.ts';

/** Most ranges beyond holes that one end keeps. */
export const RANGES_LIMIT = 256;
/** Bytes an end may send unacknowledged before its contents count as acknowledged (tcp_max_initial_window). */
const MAX_INITIAL_WINDOW = 16384;
/**
 * Bytes beyond a hole, with nothing ever acknowledged, at which contents are no longer followed
 * (tcp_max_above_hole_without_any_acks).
 */
const MAX_ABOVE_HOLE = 16384;
/** Bytes without acknowledgement at which contents are no longer followed (tcp_excessive_data_without_further_acks). */
const MAX_UNACKNOWLEDGED = 10 * 1024 * 1024;
const WRAP = 0x100000000;

/** Content of a segment: nothing new, new bytes at the top, or new bytes below others. */
export const SEEN_BEFORE = 0;
export const NEW_AT_TOP = 1;
export const NEW_BELOW = 2;

/** Highest acknowledgement of an end's bytes, unwrapped but not relative. */
function fullAck(s: SessionSlots, we: number): number {
  return s.words[we + L.E_ACK_WRAPS] * WRAP + (s.words[we + L.E_ACK] >>> 0);
}

/** One past the highest sequence number of an end, unwrapped but not relative. */
function fullLast(s: SessionSlots, we: number): number {
  return s.words[we + L.E_LAST_WRAPS] * WRAP + (s.words[we + L.E_LAST] >>> 0);
}

function nothingAcknowledged(s: SessionSlots, we: number): boolean {
  const beyond = fullAck(s, we) - (s.words[we + L.E_START] >>> 0);
  return beyond === 0 || beyond === 1;
}

/** Payload bytes that an end has sent, by sequence numbers. */
export function sequenceBytes(s: SessionSlots, slot: number, end: number): number {
  const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
  const wp = slot * L.WORDS + L.W_ENDS + (end ^ 1) * L.W_END_SIZE;
  const state = s.words[we + L.E_STATE];
  if (
    ((state >> L.PREVIOUS_SHIFT) & L.STATE_MASK) === L.STATE_SYN_SENT &&
    (state & L.STATE_MASK) === L.STATE_RESET &&
    (s.words[wp + L.E_STATE] & L.STATE_MASK) === L.STATE_INACTIVE &&
    !nothingAcknowledged(s, we)
  )
    return 0;
  let bytes = Math.max(fullLast(s, we), fullAck(s, we)) - (s.words[we + L.E_START] >>> 0);
  // Numbers below the initial sequence number do not tell how much was sent.
  if (bytes <= 0) return 0;
  bytes--;
  if (bytes > 0 && (state & L.END_FIN_SEEN) !== 0) bytes--;
  return bytes;
}

/** Established, or closed out of it: only then does a gap mean lost packets. */
function isClean(state: number): boolean {
  const now = state & L.STATE_MASK;
  return (
    now === L.STATE_ESTABLISHED ||
    (now === L.STATE_CLOSED && ((state >> L.PREVIOUS_SHIFT) & L.STATE_MASK) === L.STATE_ESTABLISHED)
  );
}

/** Where the head of an end's ranges is. */
function ranges(slot: number, end: number): number {
  return slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE + L.E_RANGES;
}

/** Coverage of all open TCP sessions; the ranges of all ends share one pool. */
export class TcpContents {
  private readonly s: SessionSlots;
  private from = new Float64Array(256);
  private to = new Float64Array(256);
  private next = new Int32Array(256);
  private free = -1;
  private used = 0;

  constructor(slots: SessionSlots) {
    this.s = slots;
  }

  /** Sets up both ends of a new session. */
  open(slot: number): void {
    const { words, reals } = this.s;
    for (let end = 0; end < 2; end++) {
      words[slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE + L.E_RANGES] = -1;
      const xe = slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE;
      reals[xe + L.X_DELIVERED] = 1;
      reals[xe + L.X_TRIMMED] = 1;
    }
  }

  /** Ranges of an end beyond holes. */
  rangesOf(slot: number, end: number): number {
    let count = 0;
    for (let r = this.s.words[ranges(slot, end)]; r >= 0; r = this.next[r]) count++;
    return count;
  }

  /** Writes the ranges of an end in order, from and to of each. @returns the place behind them */
  save(slot: number, end: number, out: Float64Array, at: number): number {
    for (let r = this.s.words[ranges(slot, end)]; r >= 0; r = this.next[r]) {
      out[at++] = this.from[r];
      out[at++] = this.to[r];
    }
    return at;
  }

  /** Gives an end without ranges the `count` ones that `save` wrote at `at`. */
  restore(slot: number, end: number, count: number, from: Float64Array, at: number): void {
    let next = -1;
    for (let i = count - 1; i >= 0; i--) next = this.take(from[at + 2 * i], from[at + 2 * i + 1], next);
    this.s.words[ranges(slot, end)] = next;
  }

  /** Frees the ranges of a session. */
  close(slot: number): void {
    this.clear(slot * L.WORDS + L.W_ENDS);
    this.clear(slot * L.WORDS + L.W_ENDS + L.W_END_SIZE);
  }

  /**
   * Adds the payload [seq, seq + length) of end `end`.
   * @returns SEEN_BEFORE, NEW_AT_TOP or NEW_BELOW
   */
  sent(slot: number, end: number, seq: number, length: number): number {
    const s = this.s;
    const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
    if ((s.words[we + L.E_STATE] & L.END_SKIPPING) !== 0) return NEW_AT_TOP;
    const xe = slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE;
    const to = seq + length;
    const from = Math.max(seq, s.reals[xe + L.X_TRIMMED]);
    if (to <= from) return SEEN_BEFORE;
    const delivered = s.reals[xe + L.X_DELIVERED];
    let what = NEW_AT_TOP;
    if (from > delivered) what = this.insert(we, from, to);
    else if (to <= delivered) return SEEN_BEFORE;
    else {
      if (s.words[we + L.E_RANGES] >= 0) what = NEW_BELOW;
      s.reals[xe + L.X_DELIVERED] = to;
      this.absorb(we, xe);
      // Acknowledgements are apparently not captured: delivered data is not kept for them.
      if (nothingAcknowledged(s, we) && sequenceBytes(s, slot, end) > MAX_INITIAL_WINDOW)
        s.reals[xe + L.X_TRIMMED] = Math.max(s.reals[xe + L.X_TRIMMED], s.reals[xe + L.X_DELIVERED]);
    }
    this.limit(we, xe);
    return what;
  }

  /**
   * Adds an acknowledgement of end `end`'s bytes up to `seq`: those not seen are missed.
   * @returns whether anything changed
   */
  acknowledged(slot: number, end: number, seq: number): boolean {
    const s = this.s;
    const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
    const xe = slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE;
    if ((s.words[we + L.E_STATE] & L.END_FIN_SEEN) !== 0 && seq >= s.reals[xe + L.X_FIN])
      seq = s.reals[xe + L.X_FIN] - 1;
    if (seq <= s.reals[xe + L.X_TRIMMED]) return false;
    if (seq > s.reals[xe + L.X_DELIVERED]) this.skipTo(slot, end, we, xe, seq);
    this.forget(we, seq);
    this.absorb(we, xe);
    s.reals[xe + L.X_TRIMMED] = seq;
    return true;
  }

  /** Whether a closing end still has bytes to deliver, or its peer bytes that wait for acknowledgement. */
  pending(slot: number, end: number): boolean {
    const s = this.s;
    const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
    const state = s.words[we + L.E_STATE];
    if ((state & L.END_SKIPPING) !== 0) return false;
    const xe = slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE;
    const rest = fullLast(s, we) - ((s.words[we + L.E_START] >>> 0) + s.reals[xe + L.X_DELIVERED]);
    if (rest < 0) return false;
    // A FIN takes a sequence number, a reset does not: a remainder of one is not data.
    if (rest > 1) return true;
    return (state & L.STATE_MASK) !== L.STATE_RESET && this.holds(slot, end ^ 1);
  }

  /** Whether bytes of the end are known that have not been acknowledged. */
  private holds(slot: number, end: number): boolean {
    const s = this.s;
    const we = slot * L.WORDS + L.W_ENDS + end * L.W_END_SIZE;
    if ((s.words[we + L.E_STATE] & L.END_SKIPPING) !== 0) return false;
    const xe = slot * L.REALS + L.R_ENDS + end * L.R_END_SIZE;
    return s.reals[xe + L.X_DELIVERED] > s.reals[xe + L.X_TRIMMED] || s.words[we + L.E_RANGES] >= 0;
  }

  /** Bytes up to `seq` were acknowledged: those missing will not be seen. */
  private skipTo(slot: number, end: number, we: number, xe: number, seq: number): void {
    const { words, reals } = this.s;
    // The initial sequence number is a guess: the first byte, or that of a keep-alive before it, is not a loss.
    if (seq <= 2 && (words[slot * L.WORDS + L.W_FLAGS] & L.FLAG_PARTIAL) !== 0) return;
    if ((words[we + L.E_STATE] & L.END_SKIPPING) === 0) {
      for (let head = words[we + L.E_RANGES]; head >= 0 && this.from[head] < seq; head = words[we + L.E_RANGES]) {
        this.gap(slot, end, this.from[head] - reals[xe + L.X_DELIVERED]);
        reals[xe + L.X_DELIVERED] = this.to[head];
        this.drop(we);
      }
      if (seq > reals[xe + L.X_DELIVERED]) this.gap(slot, end, seq - reals[xe + L.X_DELIVERED]);
    }
    if (seq > reals[xe + L.X_DELIVERED]) reals[xe + L.X_DELIVERED] = seq;
  }

  private gap(slot: number, end: number, bytes: number): void {
    const { words, reals } = this.s;
    const ends = slot * L.WORDS + L.W_ENDS;
    if (!isClean(words[ends + L.E_STATE]) || !isClean(words[ends + L.W_END_SIZE + L.E_STATE])) return;
    reals[slot * L.REALS + L.R_MISSED] += bytes;
    if (givesLetter(count(words, ends + end * L.W_END_SIZE + L.E_GAPS))) addLetterOf(this.s, slot, end, LETTER_G);
  }

  /** Zeek's limits on contents that wait for a hole to be filled or for an acknowledgement. */
  private limit(we: number, xe: number): void {
    const { words, reals } = this.s;
    const held = reals[xe + L.X_DELIVERED] - reals[xe + L.X_TRIMMED];
    const head = words[we + L.E_RANGES];
    if (held <= MAX_UNACKNOWLEDGED && head < 0) return;
    let beyond = 0;
    let top = 0;
    for (let r = head; r >= 0; r = this.next[r]) {
      beyond += this.to[r] - this.from[r];
      top = this.to[r];
    }
    const above = top - reals[xe + L.X_DELIVERED];
    if ((above > MAX_ABOVE_HOLE && nothingAcknowledged(this.s, we)) || held + beyond > MAX_UNACKNOWLEDGED) {
      this.clear(we);
      words[we + L.E_STATE] |= L.END_SKIPPING;
    }
  }

  /** Adds a range beyond a hole. Ranges are kept disjoint and in order. */
  private insert(we: number, from: number, to: number): number {
    const words = this.s.words;
    let before = -1;
    let count = 0;
    let r = words[we + L.E_RANGES];
    while (r >= 0 && this.to[r] < from) {
      before = r;
      r = this.next[r];
      count++;
    }
    if (r < 0 || this.from[r] > to) {
      let rest = 0;
      for (let k = r; k >= 0; k = this.next[k]) rest++;
      if (count + rest >= RANGES_LIMIT) return NEW_AT_TOP;
      const added = this.take(from, to, r);
      if (before < 0) words[we + L.E_RANGES] = added;
      else this.next[before] = added;
      return r < 0 ? NEW_AT_TOP : NEW_BELOW;
    }
    if (this.from[r] <= from && to <= this.to[r]) return SEEN_BEFORE;
    const what = this.next[r] >= 0 || from < this.from[r] ? NEW_BELOW : NEW_AT_TOP;
    this.from[r] = Math.min(this.from[r], from);
    this.to[r] = Math.max(this.to[r], to);
    for (let k = this.next[r]; k >= 0 && this.from[k] <= this.to[r]; k = this.next[r]) {
      this.to[r] = Math.max(this.to[r], this.to[k]);
      this.next[r] = this.next[k];
      this.give(k);
    }
    return what;
  }

  /** Delivers the ranges that have become contiguous. */
  private absorb(we: number, xe: number): void {
    const { words, reals } = this.s;
    for (
      let r = words[we + L.E_RANGES];
      r >= 0 && this.from[r] <= reals[xe + L.X_DELIVERED];
      r = words[we + L.E_RANGES]
    ) {
      reals[xe + L.X_DELIVERED] = Math.max(reals[xe + L.X_DELIVERED], this.to[r]);
      this.drop(we);
    }
  }

  /** Drops the ranges that end at or below `seq`. */
  private forget(we: number, seq: number): void {
    const words = this.s.words;
    while (words[we + L.E_RANGES] >= 0 && this.to[words[we + L.E_RANGES]] <= seq) this.drop(we);
  }

  private clear(we: number): void {
    while (this.s.words[we + L.E_RANGES] >= 0) this.drop(we);
  }

  private drop(we: number): void {
    const r = this.s.words[we + L.E_RANGES];
    this.s.words[we + L.E_RANGES] = this.next[r];
    this.give(r);
  }

  private give(r: number): void {
    this.next[r] = this.free;
    this.free = r;
  }

  private take(from: number, to: number, next: number): number {
    let r = this.free;
    if (r >= 0) this.free = this.next[r];
    else {
      if (this.used === this.next.length) this.grow();
      r = this.used++;
    }
    this.from[r] = from;
    this.to[r] = to;
    this.next[r] = next;
    return r;
  }

  private grow(): void {
    const size = this.next.length * 2;
    const from = new Float64Array(size);
    from.set(this.from);
    this.from = from;
    const to = new Float64Array(size);
    to.set(this.to);
    this.to = to;
    const next = new Int32Array(size);
    next.set(this.next);
    this.next = next;
  }
}
