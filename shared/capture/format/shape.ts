/**
 * The layout of a classic capture's record headers, and how odd a header looks in it. Writers have changed the layout
 * more than once (dialect.ts); the fields are the same: seconds, sub-seconds, captured bytes, bytes on the wire.
 */

/** Record times of neighbours further apart than this many seconds look odd. */
export const DAY = 86_400;
/** Bytes on the wire beyond which a length looks odd. */
export const ODD_ORIG_LEN = 16 * 1024 * 1024;

/** The layout of one capture's record headers. */
export interface RecordShape {
  little: boolean;
  /** Bytes of a record header: 16, and more in some dialects, behind the four fields. */
  header: number;
  /** Sub-second units in a second: MICROSECONDS or NANOSECONDS. */
  unit: number;
  /** Captured bytes a record may claim. */
  limit: number;
  /** Offset of the captured length in the header: 8, or 12 in versions before 2.3. */
  capAt: number;
  /** Offset of the length on the wire. */
  lenAt: number;
  /** Version 2.3: either length may stand first, in each record anew. The smaller one is the captured length. */
  either: boolean;
}

export const MICROSECONDS = 1_000_000;
export const NANOSECONDS = 1_000_000_000;

/** Captured bytes that the header at `at` claims. */
export function capturedLength(view: DataView, at: number, shape: RecordShape): number {
  const cap = view.getUint32(at + shape.capAt, shape.little);
  return shape.either ? Math.min(cap, view.getUint32(at + shape.lenAt, shape.little)) : cap;
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
  const sec = view.getUint32(at, little);
  let odd = oddLengths(view, at, shape);
  if (view.getUint32(at + 4, little) >= shape.unit) odd++;
  if (far(sec, nearSec)) odd++;
  return odd;
}

/** How odd a header's lengths are, as `oddities` counts. */
export function oddLengths(view: DataView, at: number, shape: RecordShape): number {
  const little = shape.little;
  const cap = capturedLength(view, at, shape);
  if (cap > shape.limit) return IMPOSSIBLE;
  let len = view.getUint32(at + shape.lenAt, little);
  if (shape.either) len = Math.max(len, view.getUint32(at + shape.capAt, little));
  // Preallocated files that were never filled end in zeros; an all-zero header is not a record.
  if (len === 0 && cap === 0 && view.getUint32(at, little) === 0 && view.getUint32(at + 4, little) === 0)
    return IMPOSSIBLE;
  let odd = 0;
  if (len === 0) odd++;
  if (cap > len) odd++;
  if (len > ODD_ORIG_LEN) odd++;
  return odd;
}

/**
 * True if the header may be one read four bytes too late: where records are captured whole, lengths lead on from such
 * places too, without end. Every header then has the captured length in place of the sub-second field.
 */
export function slipped(view: DataView, at: number, shape: RecordShape): boolean {
  const cap = capturedLength(view, at, shape);
  return cap > 0 && view.getUint32(at + 4, shape.little) === cap;
}

/** True if two seconds are more than a day apart; false when `nearSec` is NaN. */
export function far(sec: number, nearSec: number): boolean {
  return Math.abs(sec - nearSec) > DAY;
}
