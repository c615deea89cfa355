/**
 * Finding the way in a classic capture whose record headers went bad. The
 * format has no marks between records: a header is only known by what it says
 * and by the headers that its lengths lead to. So a header that looks odd is
 * judged by the chain behind it, and a lost reader looks for the next offset
 * from which a chain of sound headers leads on.
 *
 * What is asked for in memory is bounded by RESYNC_WINDOW beyond the place in
 * question, whatever lengths the bytes claim.
 */

/** Bytes beyond a candidate that a chain may ask for. */
const RESYNC_WINDOW = 1024 * 1024;
/** Record times of neighbours further apart than this many seconds look odd. */
export const DAY = 86_400;
/** Sound headers in a row that prove a place, when the first is within a day of the last record read. */
const CHAIN = 4;
/** The same when it is not: a capture may be joined of days that lie apart. */
const FAR_CHAIN = 8;
/** Bytes on the wire beyond which a length looks odd. */
export const ODD_ORIG_LEN = 16 * 1024 * 1024;

/** The layout of one capture's record headers. */
export interface RecordShape {
  little: boolean;
  /** Bytes of a record header: 16, or 24 in the modified format. */
  header: number;
  /** Sub-second units in a second. */
  unit: number;
  /** Captured bytes a record may claim. */
  limit: number;
  /** Where in the header the captured length stands: 8, or 12 in versions before 2.3. */
  capAt: number;
  /** Where the length on the wire stands. */
  lenAt: number;
}

/** No record can begin with this header. */
export const IMPOSSIBLE = 100;

/**
 * How odd a header is: 0 is sound, otherwise the number of odd things, or
 * IMPOSSIBLE when its length is beyond the limit or it is all zero.
 *
 * @param nearSec seconds of the record before, NaN when there is none
 */
export function oddities(view: DataView, at: number, shape: RecordShape, nearSec: number): number {
  const little = shape.little;
  const cap = view.getUint32(at + shape.capAt, little);
  if (cap > shape.limit) return IMPOSSIBLE;
  const len = view.getUint32(at + shape.lenAt, little);
  const sec = view.getUint32(at, little);
  const sub = view.getUint32(at + 4, little);
  // Files that were preallocated and never filled end in zeros; a record of nothing at no time is not one.
  if (len === 0 && cap === 0 && sec === 0 && sub === 0) return IMPOSSIBLE;
  let odd = 0;
  if (len === 0) odd++;
  if (cap > len) odd++;
  if (len > ODD_ORIG_LEN) odd++;
  if (sub >= shape.unit) odd++;
  if (far(sec, nearSec)) odd++;
  return odd;
}

/** True if two seconds are more than a day apart; false when `nearSec` is NaN. */
export function far(sec: number, nearSec: number): boolean {
  return Math.abs(sec - nearSec) > DAY;
}

/** What a header that looks odd turned out to be. */
export type Verdict =
  /** It is a record: what follows it is sound, or it ends exactly where the capture does. */
  | 'sound'
  /** Nothing speaks against it and nothing for it: its followers are as odd. */
  | 'unsure'
  /** Its length leads to something that is no record. */
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
    const { header, capAt, little } = this.shape;
    let pos = at;
    let nearSec = Number.NaN;
    for (let n = 0; n < CHAIN; n++) {
      if (pos === end && ended) return 'sound';
      if (pos + header > end) {
        if (ended || pos + header - at > RESYNC_WINDOW) return 'broken';
        this.wanted = pos + header;
        return 'more';
      }
      if (n > 0) {
        const odd = oddities(view, pos, this.shape, nearSec);
        if (odd === 0) return 'sound';
        if (odd >= IMPOSSIBLE) return 'broken';
      }
      nearSec = view.getUint32(pos, little);
      pos += header + view.getUint32(pos + capAt, little);
    }
    return 'unsure';
  }

  /**
   * The first index in from..to (to excluded) from which sound records follow.
   *
   * @param nearSec seconds of the last record read, NaN when there is none
   * @param farToo also take a chain whose first record is more than a day from `nearSec`
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
  ): number {
    const last = Math.min(to, end - this.shape.header + 1);
    for (let at = from; at < last; at++) {
      const odd = oddities(view, at, this.shape, nearSec);
      if (odd > (farToo ? 1 : 0)) continue;
      const found = this.chain(view, at, end, ended, nearSec);
      if (found === 'sound') return at;
      if (found === 'more') {
        this.candidate = at;
        return MORE;
      }
    }
    return NONE;
  }

  private chain(view: DataView, at: number, end: number, ended: boolean, nearSec: number): Verdict {
    const { header, capAt, little } = this.shape;
    const near = !far(view.getUint32(at, little), nearSec);
    const enough = near ? CHAIN : FAR_CHAIN;
    // Across a jump in time the first header is measured against nothing but its followers.
    let beforeSec = near ? nearSec : Number.NaN;
    let sound = 0;
    let pos = at;
    for (;;) {
      if (pos === end && ended) return sound >= (near ? 1 : 2) ? 'sound' : 'broken';
      if (pos + header > end) {
        const few = sound >= (near ? 2 : 4);
        if (ended || pos + header - at > RESYNC_WINDOW) return few ? 'sound' : 'broken';
        this.wanted = pos + header;
        return 'more';
      }
      if (oddities(view, pos, this.shape, beforeSec) !== 0) return 'broken';
      if (++sound === enough) return 'sound';
      beforeSec = view.getUint32(pos, little);
      pos += header + view.getUint32(pos + capAt, little);
    }
  }
}

/** `find` found nothing. */
export const NONE = -1;
/** `find` needs more bytes. */
export const MORE = -2;
