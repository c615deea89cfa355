/**
 * Resynchronizing in a classic capture with damaged record headers. The format has no marks between records: a header
 * is only recognized by its values and by the headers that its lengths lead to. So a header that looks odd is judged by
 * the chain after it, and after damage the reader looks for the next offset from which a chain of sound headers
 * follows.
 *
 * Lengths decide, times do not: clocks jump, alternate or are meaningless in captures that are otherwise sound. A chain
 * in place with sound lengths is sound, whatever its times are. After damage, times only decide how many headers prove
 * a place.
 *
 * The memory needed is bounded by RESYNC_WINDOW, or one record of the largest size, beyond the candidate, whatever
 * lengths the bytes claim.
 */

import { beginsPart } from './fileheader.ts';
import { capturedLength, DAY, far, IMPOSSIBLE, oddities, oddLengths, type RecordShape, slipped } from './shape.ts';

/** Most bytes beyond a candidate that a chain may need. */
const RESYNC_WINDOW = 1024 * 1024;
/** Sound headers in a row that prove a place, when the first is within a day of the last record read. */
const CHAIN = 4;
/** The same when it is not: a capture may be merged from days that are far apart. */
const FAR_CHAIN = 8;
/** The same when the headers are far apart from each other: a capture may have records of several clocks. */
const SCATTERED_CHAIN = 16;
/** Steps over more than a day that make a chain scattered: with fewer, a chain of one clock is nearby. */
const SCATTERED_STEPS = 3;
/** Headers in a row with possible captured lengths that prove a place whatever their other fields are. */
const LONG_CHAIN = 32;

/** Verdict on a header that looks odd. */
export type Verdict =
  /**
   * It is a record: what follows it is sound, or its lengths and those after it are, or it ends exactly where the
   * capture does.
   */
  | 'sound'
  /** Undecided: the headers after it are as odd. */
  | 'unsure'
  /** Its lengths are sound, and its record ends beyond the end of the capture: no other header can confirm it. */
  | 'cut'
  /** Its length leads to something that is not a record. */
  | 'broken'
  /** More bytes are needed: up to index `wanted`. */
  | 'more';

/** Judges and searches in one capture. */
export class PcapResync {
  /** After 'more' or MORE: index up to which bytes are needed. */
  wanted = 0;
  /** After MORE: the index that needs more bytes to be judged. */
  candidate = 0;
  private readonly shape: RecordShape;

  constructor(shape: RecordShape) {
    this.shape = shape;
  }

  /** Judge the odd but possible header at `at` by the headers its lengths lead to. */
  judge(view: DataView, at: number, end: number, ended: boolean): Verdict {
    const { shape } = this;
    const { header, little } = shape;
    let pos = at;
    let nearSec = Number.NaN;
    // Headers in a row from the first on with sound lengths, and those that only lead on.
    let sound = 0;
    let leading = 0;
    let slips = 0;
    for (let n = 0; ; n++) {
      if ((pos === end && ended) || (n > 0 && beginsPart(view, pos, end))) return 'sound';
      if (pos + header > end) {
        // The capture is cut off here, or the window is full, which has room for at least one whole record: decide by
        // this much.
        if (ended || pos + header - at > Math.max(RESYNC_WINDOW, shape.limit + 2 * header))
          return sound < n ? (n < CHAIN ? 'broken' : 'unsure') : n === 1 ? 'cut' : 'sound';
        this.wanted = pos + header;
        return 'more';
      }
      const lengths = oddLengths(view, pos, shape);
      if (lengths >= IMPOSSIBLE) return n >= CHAIN || (n > 1 && sound === n && slips === 0) ? 'unsure' : 'broken';
      if (n > 0 && n < CHAIN && lengths === 0 && oddities(view, pos, shape, nearSec) === 0) return 'sound';
      const cap = capturedLength(view, pos, shape);
      if (slipped(view, pos, shape)) slips++;
      if (lengths === 0 && sound === n) sound++;
      if (cap > 0 && leading === n) leading++;
      if ((sound === CHAIN || leading === LONG_CHAIN) && slips * CHAIN <= n + 1) return 'sound';
      // A chain of headers that may all be read four bytes too late: search for the right one.
      if (n + 1 === CHAIN && slips > 1) return 'broken';
      if (n + 1 >= CHAIN && (leading <= n || n === LONG_CHAIN)) return 'unsure';
      nearSec = view.getUint32(pos, little);
      pos += header + cap;
    }
  }

  /**
   * The first index in from..to (to excluded) from which sound records follow.
   *
   * @param nearSec seconds of the last record read, NaN when there is none
   * @param farToo also accept a chain whose first record is more than a day from `nearSec`, or whose records are that
   *   far from each other
   * @param exact there is evidence for the current place: a short chain must end exactly where the capture does, and
   *   one of several clocks does not count
   * @returns the index, NONE when there is none, or MORE when bytes up to `wanted` are
   *   needed first; `candidate` then tells the index in question
   */
  find(
    view: DataView,
    from: number,
    to: number,
    end: number,
    ended: boolean,
    nearSec: number,
    farToo: boolean,
    exact = false,
  ): number {
    const last = Math.min(to, end - this.shape.header + 1);
    for (let at = from; at < last; at++) {
      const odd = oddities(view, at, this.shape, nearSec);
      if (odd > (farToo ? 1 : 0)) continue;
      const found = this.chain(view, at, end, ended, nearSec, farToo, exact);
      if (found === 'sound') return at;
      if (found === 'more') {
        this.candidate = at;
        return MORE;
      }
    }
    return NONE;
  }

  /**
   * The first index after the header at `at` from which entirely sound headers lead exactly to `to`, or NONE. Linear in
   * the bytes between: each index is looked at once, from the last on.
   */
  inside(view: DataView, at: number, to: number, nearSec: number): number {
    const { shape } = this;
    const { header } = shape;
    const from = at + header;
    const leads = new Uint8Array(Math.max(0, to - from) + 1);
    leads[to - from] = 1;
    let first = NONE;
    for (let index = to - header; index >= from; index--) {
      if (oddities(view, index, shape, nearSec) !== 0) continue;
      const next = index + header + capturedLength(view, index, shape);
      if (next > to || leads[next - from] === 0) continue;
      leads[index - from] = 1;
      first = index;
    }
    return first;
  }

  private chain(
    view: DataView,
    at: number,
    end: number,
    ended: boolean,
    nearSec: number,
    farToo: boolean,
    exact: boolean,
  ): Verdict {
    const { shape } = this;
    const { header, little } = shape;
    // Nearness to the first day of 1970 proves nothing: any small number is near.
    const near = !far(view.getUint32(at, little), nearSec) && !(nearSec <= DAY);
    // Across a jump in time the first header is compared with the headers after it only.
    let beforeSec = near ? nearSec : Number.NaN;
    let sound = 0;
    let steps = 0;
    let slips = 0;
    let pos = at;
    for (;;) {
      const enough = steps > 0 ? SCATTERED_CHAIN : near ? CHAIN : FAR_CHAIN;
      const part = sound > 0 && beginsPart(view, pos, end);
      const cut = part || pos + header > end;
      if (cut && !part && !ended && pos + header - at <= RESYNC_WINDOW) {
        this.wanted = pos + header;
        return 'more';
      }
      if (cut || sound === enough) {
        // Ending where the capture ends proves more than being cut off by it.
        const few = part || (pos === end && ended) ? enough / 4 : cut && !exact ? enough / 2 : enough;
        return sound >= few && (steps === 0 || (steps >= SCATTERED_STEPS && slips * CHAIN <= sound))
          ? 'sound'
          : 'broken';
      }
      const sec = view.getUint32(pos, little);
      if (oddities(view, pos, shape, Number.NaN) !== 0) return 'broken';
      if (far(sec, beforeSec)) {
        if (!farToo || exact) return 'broken';
        steps++;
      }
      if (slipped(view, pos, shape)) slips++;
      sound++;
      beforeSec = sec;
      pos += header + capturedLength(view, pos, shape);
    }
  }
}

/** `find` found nothing. */
export const NONE = -1;
/** `find` needs more bytes. */
export const MORE = -2;
