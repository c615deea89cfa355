/**
 * The order of the sessions table: by start (microsecond, then nanosecond), then by uid. As row numbers, so that
 * columns are moved once.
 */
import { rowsByKey, timeKeys } from '../algorithm/roworder.ts';
import { UID_BYTES } from '../session/rows/sessionrows.ts';

/** Columns that decide the order; the first `length` rows count. */
export interface StartColumns {
  readonly length: number;
  readonly startUs: Float64Array;
  readonly startNs: Uint16Array;
  readonly uid: Uint8Array;
}

/** Compare row `i` of `a` with row `j` of `b`: negative when it comes first. */
export function compareStarts(
  a: Omit<StartColumns, 'length'>,
  i: number,
  b: Omit<StartColumns, 'length'>,
  j: number,
): number {
  if (a.startUs[i] !== b.startUs[j]) return a.startUs[i] < b.startUs[j] ? -1 : 1;
  if (a.startNs[i] !== b.startNs[j]) return a.startNs[i] - b.startNs[j];
  for (let k = 0, p = i * UID_BYTES, q = j * UID_BYTES; k < UID_BYTES; k++) {
    const difference = a.uid[p + k] - b.uid[q + k];
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Below this a comparison sort is faster than the radix tables. */
const SMALL = 4096;

/**
 * Row numbers in order of (start, uid); equal rows keep their order. Linear in the rows (a radix sort by time) unless
 * very many share one time step.
 */
export function startOrder(rows: StartColumns): Uint32Array {
  const { length } = rows;
  const order = new Uint32Array(length);
  let sorted = true;
  for (let i = 0; i < length; i++) {
    order[i] = i;
    if (sorted && i > 0 && compareStarts(rows, i - 1, rows, i) > 0) sorted = false;
  }
  if (sorted) return order;
  const compare = (i: number, j: number): number => compareStarts(rows, i, rows, j) || i - j;
  if (length < SMALL) return order.sort(compare);
  const keys = timeKeys(rows.startUs, length);
  const byTime = rowsByKey(keys);
  // Rows of one time step are now together, in their old order: sort each such range by itself.
  for (let from = 0, to = 1; from < length; from = to, to = from + 1) {
    while (to < length && keys[byTime[to]] === keys[byTime[from]]) to++;
    if (to - from > 1) byTime.subarray(from, to).sort(compare);
  }
  return byTime;
}
