/**
 * XXH64 with seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), the hash of Parquet's Bloom
 * filters. 64-bit numbers are two 32-bit halves, H and L: BigInt is ten times as slow.
 */

/** Primes 1 to 5 of the specification. */
const P1H = 0x9e3779b1 | 0;
const P1L = 0x85ebca87 | 0;
const P2H = 0xc2b2ae3d | 0;
const P2L = 0x27d4eb4f | 0;
const P3H = 0x165667b1 | 0;
const P3L = 0x9e3779f9 | 0;
const P4H = 0x85ebca77 | 0;
const P4L = 0xc2b2ae63 | 0;
const P5H = 0x27d4eb2f | 0;
const P5L = 0x165667c5 | 0;

/** Upper and lower half of the last result of the functions below. */
const result = new Int32Array(2);

/** Upper 32 bits of the product of two unsigned numbers of 32 bits. */
function productAbove(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const q = Math.imul(a1, b0);
  const r = Math.imul(a0, b1);
  const middle = (q & 0xffff) + (r & 0xffff) + (Math.imul(a0, b0) >>> 16);
  return (Math.imul(a1, b1) + (q >>> 16) + (r >>> 16) + (middle >>> 16)) | 0;
}

/** Upper half of a * b. */
function timesHigh(aH: number, aL: number, bH: number, bL: number): number {
  return (productAbove(aL, bL) + Math.imul(aH, bL) + Math.imul(aL, bH)) | 0;
}

/** Upper half of a + b. */
function plusHigh(aH: number, aL: number, bH: number, bL: number): number {
  return (aH + bH + ((aL + bL) >>> 0 < aL >>> 0 ? 1 : 0)) | 0;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

/** An accumulator after a round with eight bytes: acc + bytes * P2, rotated by 31, times P1. */
function round(accH: number, accL: number, laneH: number, laneL: number): void {
  const productH = timesHigh(laneH, laneL, P2H, P2L);
  const productL = Math.imul(laneL, P2L);
  const sumH = plusHigh(accH, accL, productH, productL);
  const sumL = (accL + productL) | 0;
  const h = (sumH << 31) | (sumL >>> 1);
  const l = (sumL << 31) | (sumH >>> 1);
  result[0] = timesHigh(h, l, P1H, P1L);
  result[1] = Math.imul(l, P1L);
}

/**
 * Hash bytes [from, to).
 *
 * @param hash gets the upper and the lower half
 */
export function xxhash64(bytes: Uint8Array, from: number, to: number, hash: Int32Array): void {
  let h = P5H;
  let l = P5L;
  let at = from;
  if (to - from >= 32) {
    at = stripes(bytes, from, to);
    h = result[0];
    l = result[1];
  }
  h = plusHigh(h, l, 0, to - from);
  l = (l + to - from) | 0;
  for (; at + 8 <= to; at += 8) {
    round(0, 0, word(bytes, at + 4), word(bytes, at));
    const xH = h ^ result[0];
    const xL = l ^ result[1];
    h = (xH << 27) | (xL >>> 5);
    l = (xL << 27) | (xH >>> 5);
    h = timesHigh(h, l, P1H, P1L);
    l = Math.imul(l, P1L);
    h = plusHigh(h, l, P4H, P4L);
    l = (l + P4L) | 0;
  }
  if (at + 4 <= to) {
    const value = word(bytes, at);
    const xH = h ^ timesHigh(0, value, P1H, P1L);
    const xL = l ^ Math.imul(value, P1L);
    h = (xH << 23) | (xL >>> 9);
    l = (xL << 23) | (xH >>> 9);
    h = timesHigh(h, l, P2H, P2L);
    l = Math.imul(l, P2L);
    h = plusHigh(h, l, P3H, P3L);
    l = (l + P3L) | 0;
    at += 4;
  }
  for (; at < to; at++) {
    const xH = h ^ timesHigh(0, bytes[at], P5H, P5L);
    const xL = l ^ Math.imul(bytes[at], P5L);
    h = (xH << 11) | (xL >>> 21);
    l = (xL << 11) | (xH >>> 21);
    h = timesHigh(h, l, P1H, P1L);
    l = Math.imul(l, P1L);
  }
  l ^= h >>> 1;
  h = timesHigh(h, l, P2H, P2L);
  l = Math.imul(l, P2L);
  l ^= (l >>> 29) | (h << 3);
  h ^= h >>> 29;
  h = timesHigh(h, l, P3H, P3L);
  l = Math.imul(l, P3L);
  hash[0] = h;
  hash[1] = l ^ h;
}

/** Upper and lower halves of four accumulators. */
const accumulators = new Int32Array(8);
const ROTATIONS = [1, 7, 12, 18];

/** Whole stripes of 32 bytes, into `result`. @returns the place behind them */
function stripes(bytes: Uint8Array, from: number, to: number): number {
  // P1 + P2, P2, 0 and -P1.
  accumulators[0] = plusHigh(P1H, P1L, P2H, P2L);
  accumulators[1] = P1L + P2L;
  accumulators[2] = P2H;
  accumulators[3] = P2L;
  accumulators[4] = accumulators[5] = 0;
  accumulators[6] = ~P1H;
  accumulators[7] = -P1L;
  let at = from;
  for (; at + 32 <= to; at += 32)
    for (let i = 0; i < 8; i += 2) {
      round(accumulators[i], accumulators[i + 1], word(bytes, at + i * 4 + 4), word(bytes, at + i * 4));
      accumulators[i] = result[0];
      accumulators[i + 1] = result[1];
    }
  let h = 0;
  let l = 0;
  for (let i = 0; i < 4; i++) {
    const up = ROTATIONS[i];
    const aH = accumulators[i * 2];
    const aL = accumulators[i * 2 + 1];
    const turnedL = (aL << up) | (aH >>> (32 - up));
    h = plusHigh(h, l, (aH << up) | (aL >>> (32 - up)), turnedL);
    l = (l + turnedL) | 0;
  }
  for (let i = 0; i < 8; i += 2) {
    round(0, 0, accumulators[i], accumulators[i + 1]);
    const xH = h ^ result[0];
    const xL = l ^ result[1];
    h = plusHigh(timesHigh(xH, xL, P1H, P1L), Math.imul(xL, P1L), P4H, P4L);
    l = (Math.imul(xL, P1L) + P4L) | 0;
  }
  result[0] = h;
  result[1] = l;
  return at;
}
