/**
 * Parquet's hybrid of run lengths and bit packing
 * (https://github.com/apache/parquet-format/blob/master/Encodings.md#run-length-encoding--bit-packing-hybrid-rle--3),
 * for definition levels and places in dictionaries.
 */

/** Groups of eight values of one packed run: its header is a single byte then. */
const MOST_GROUPS = 63;

/** The most bytes of `count` values of `width` bits. */
export function mostHybridBytes(count: number, width: number): number {
  // Per group of eight: the packed bits, and the header or a run of its own.
  return Math.ceil(count / 8) * (width + 1) + 16;
}

/**
 * Write values [from, to), each below 2^width, at `at`.
 *
 * @param width 1..24 bits
 * @returns the place behind
 */
export function writeHybrid(
  values: Uint32Array,
  from: number,
  to: number,
  width: number,
  out: Uint8Array,
  at: number,
): number {
  let header = -1;
  let groups = 0;
  for (let i = from; i < to; ) {
    const value = values[i];
    let end = i + 1;
    while (end < to && values[end] === value) end++;
    if (end - i >= 8) {
      for (let run = (end - i) * 2; ; run = Math.floor(run / 128)) {
        if (run < 128) {
          out[at++] = run;
          break;
        }
        out[at++] = (run % 128) | 128;
      }
      for (let bits = 0; bits < width; bits += 8) out[at++] = value >>> bits;
      header = -1;
      i = end;
      continue;
    }
    if (header < 0 || groups === MOST_GROUPS) {
      header = at++;
      groups = 0;
    }
    out[header] = (++groups << 1) | 1;
    let bits = 0;
    let filled = 0;
    for (let k = i; k < i + 8; k++) {
      if (k < to) bits |= values[k] << filled;
      for (filled += width; filled >= 8; filled -= 8) {
        out[at++] = bits;
        bits >>>= 8;
      }
    }
    i += 8;
  }
  return at;
}
