/**
 * Orders of rows. A stable natural merge sort: rows of a capture or of a bucket
 * come as a few long ascending runs, and finding the runs first makes the sorted
 * case one comparison a row. And a radix sort by time, for rows of many buckets.
 */

/** Less than 0 when row a goes before row b, more than 0 when after, 0 when they may stay as they are. */
export type RowOrder = (a: number, b: number) => number;

/**
 * Sorts rows[from..to) in place, stably.
 * @param scratch at least as long as `rows`; overwritten
 * @returns true when something had to be moved
 */
export function sortRows(rows: Uint32Array, from: number, to: number, order: RowOrder, scratch: Uint32Array): boolean {
  const runs: number[] = [from];
  for (let i = from + 1; i < to; i++) if (order(rows[i - 1], rows[i]) > 0) runs.push(i);
  if (runs.length === 1) return false;
  runs.push(to);
  let source = rows;
  let target = scratch;
  let bounds = runs;
  while (bounds.length > 2) {
    const merged: number[] = [from];
    for (let k = 0; k + 1 < bounds.length; k += 2) {
      const start = bounds[k];
      const middle = bounds[k + 1];
      const end = k + 2 < bounds.length ? bounds[k + 2] : middle;
      mergeRuns(source, target, start, middle, end, order);
      merged.push(end);
    }
    bounds = merged;
    const swap = source;
    source = target;
    target = swap;
  }
  if (source !== rows) rows.set(source.subarray(from, to), from);
  return true;
}

function mergeRuns(
  source: Uint32Array,
  target: Uint32Array,
  start: number,
  middle: number,
  end: number,
  order: RowOrder,
): void {
  let left = start;
  let right = middle;
  let out = start;
  while (left < middle && right < end) {
    if (order(source[left], source[right]) <= 0) target[out++] = source[left++];
    else target[out++] = source[right++];
  }
  while (left < middle) target[out++] = source[left++];
  while (right < end) target[out++] = source[right++];
}

const RADIX_BITS = 11;
const RADIX = 1 << RADIX_BITS;

/**
 * Row numbers 0..length-1 in order of time, as far as 32 bits can distinguish times: a stable radix sort of three
 * passes, many times faster than comparing rows. Times that share a step (1 microsecond up to a span of 71 minutes)
 * keep the order of their rows.
 */
export function rowsByTime(us: Float64Array, length: number): Uint32Array {
  return rowsByKey(timeKeys(us, length));
}

/** Row numbers in order of their keys, rows of one key in their own order. */
export function rowsByKey(keys: Uint32Array): Uint32Array {
  const { length } = keys;
  // The loops are functions of their own: code that V8 optimizes in the middle of a loop (on-stack replacement) is
  // deoptimized at the code after the loop, and compiled again at the next call.
  const places = [0, 1, 2].map(() => new Uint32Array(RADIX + 1));
  countDigits(keys, places[0], places[1], places[2]);
  let rows = new Uint32Array(length);
  let target = new Uint32Array(length);
  for (let row = 0; row < length; row++) rows[row] = row;
  for (const [pass, counts] of places.entries()) {
    if (counts[1] === length) continue;
    placeByDigit(keys, rows, target, counts, pass * RADIX_BITS);
    const swap = rows;
    rows = target;
    target = swap;
  }
  return rows;
}

/**
 * Times as 32-bit numbers in the same order: steps since the first time, each 1 microsecond up to a span of 71 minutes.
 */
export function timeKeys(us: Float64Array, length: number): Uint32Array {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < length; row++) {
    if (us[row] < first) first = us[row];
    if (us[row] > last) last = us[row];
  }
  let step = 1;
  while ((last - first) / step >= 2 ** 32) step *= 2;
  const keys = new Uint32Array(length);
  for (let row = 0; row < length; row++) keys[row] = (us[row] - first) / step;
  return keys;
}

/** Counts each digit d of all keys at d + 1. */
function countDigits(keys: Uint32Array, low: Uint32Array, middle: Uint32Array, high: Uint32Array): void {
  for (let row = 0; row < keys.length; row++) {
    const key = keys[row];
    low[(key & (RADIX - 1)) + 1]++;
    middle[((key >>> RADIX_BITS) & (RADIX - 1)) + 1]++;
    high[(key >>> (2 * RADIX_BITS)) + 1]++;
  }
}

/** One pass: `rows` into `target` by the digit of their key at `shift`; `next` has the counts, and is overwritten. */
function placeByDigit(
  keys: Uint32Array,
  rows: Uint32Array,
  target: Uint32Array,
  next: Uint32Array,
  shift: number,
): void {
  for (let digit = 0; digit < RADIX; digit++) next[digit + 1] += next[digit];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    target[next[(keys[row] >>> shift) & (RADIX - 1)]++] = row;
  }
}
