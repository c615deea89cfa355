/**
 * Inflate (RFC 1951) for the few bytes of a small gzip member. Creating a decompressor of node:zlib costs as much as
 * decompressing tens of kilobytes, so a capture of many tiny members would cost a thousand times more than its size
 * suggests. Only members that fit the given input and output are inflated here; everything else is left to node:zlib,
 * which also reports what is wrong.
 */

const MOST_BITS = 15;
const LITERALS = 288;
const DISTANCES = 30;

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12_289, 16_385, 24_577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** The order in which a block stores the lengths of its code length codes. */
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A canonical Huffman code: how many codes of each length there are, and the symbols in the order of their codes. */
interface Code {
  counts: Uint16Array;
  symbols: Uint16Array;
}

/** Thrown for a stream that is left to node:zlib. */
class NotHere extends Error {}
const NOT_HERE = new NotHere();

const STATIC_LITERALS = codeOf(
  Uint8Array.from({ length: LITERALS }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
  'complete',
);
const STATIC_DISTANCES = codeOf(new Uint8Array(DISTANCES).fill(5), 'any');

/** Inflates small streams. */
export class SmallInflate {
  /** After `inflate` returned true: compressed bytes used, and bytes in `output`. */
  used = 0;
  length = 0;
  readonly output: Uint8Array;
  private input: Uint8Array = new Uint8Array(0);
  private at = 0;
  private bits = 0;
  private held = 0;

  /** @param room most bytes of output */
  constructor(room: number) {
    this.output = new Uint8Array(room);
  }

  /** Inflate the stream at the beginning of `input`; false when it is wrong, or does not end in these bytes or in this room. */
  inflate(input: Uint8Array): boolean {
    this.input = input;
    this.at = this.bits = this.held = this.length = 0;
    try {
      for (let last = false; !last; ) {
        last = this.take(1) === 1;
        const type = this.take(2);
        if (type === 0) this.stored();
        else if (type === 1) this.compressed(STATIC_LITERALS, STATIC_DISTANCES);
        else if (type === 2) this.described();
        else return false;
      }
    } catch (error) {
      if (error instanceof NotHere) return false;
      throw error;
    }
    this.used = this.at;
    return true;
  }

  /** The next `count` bits, 0..13. Never buffers a whole byte more than requested. */
  private take(count: number): number {
    while (this.held < count) {
      if (this.at === this.input.length) throw NOT_HERE;
      this.bits |= this.input[this.at++] << this.held;
      this.held += 8;
    }
    const value = this.bits & ((1 << count) - 1);
    this.bits >>>= count;
    this.held -= count;
    return value;
  }

  private symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MOST_BITS; length++) {
      code |= this.take(1);
      const count = counts[length];
      if (code - count < first) return symbols[index + code - first];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw NOT_HERE;
  }

  private stored(): void {
    this.bits = this.held = 0;
    const { input, at } = this;
    if (at + 4 > input.length) throw NOT_HERE;
    const length = input[at] | (input[at + 1] << 8);
    if (((input[at + 2] | (input[at + 3] << 8)) ^ 0xffff) !== length) throw NOT_HERE;
    const end = at + 4 + length;
    if (end > input.length || this.length + length > this.output.length) throw NOT_HERE;
    this.output.set(input.subarray(at + 4, end), this.length);
    this.length += length;
    this.at = end;
  }

  private described(): void {
    const literals = this.take(5) + 257;
    const distances = this.take(5) + 1;
    const described = this.take(4) + 4;
    if (literals > 286 || distances > DISTANCES) throw NOT_HERE;
    const lengths = new Uint8Array(literals + distances);
    const own = new Uint8Array(CODE_ORDER.length);
    for (let i = 0; i < described; i++) own[CODE_ORDER[i]] = this.take(3);
    const code = codeOf(own, 'complete');
    for (let i = 0; i < lengths.length; ) {
      const symbol = this.symbol(code);
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) throw NOT_HERE;
      const length = symbol === 16 ? lengths[i - 1] : 0;
      const times = symbol === 16 ? 3 + this.take(2) : symbol === 17 ? 3 + this.take(3) : 11 + this.take(7);
      if (i + times > lengths.length) throw NOT_HERE;
      lengths.fill(length, i, i + times);
      i += times;
    }
    // A block without an end-of-block code is an error, left to node:zlib to report.
    if (lengths[256] === 0) throw NOT_HERE;
    this.compressed(codeOf(lengths.subarray(0, literals), 'small'), codeOf(lengths.subarray(literals), 'small'));
  }

  private compressed(literals: Code, distances: Code): void {
    const { output } = this;
    for (;;) {
      const symbol = this.symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        if (this.length === output.length) throw NOT_HERE;
        output[this.length++] = symbol;
        continue;
      }
      if (symbol > 285) throw NOT_HERE;
      const length = LENGTH_BASE[symbol - 257] + this.take(LENGTH_EXTRA[symbol - 257]);
      const far = this.symbol(distances);
      if (far >= DISTANCES) throw NOT_HERE;
      const distance = DISTANCE_BASE[far] + this.take(DISTANCE_EXTRA[far]);
      if (distance > this.length || this.length + length > output.length) throw NOT_HERE;
      let to = this.length;
      for (const end = to + length; to < end; to++) output[to] = output[to - distance];
      this.length = to;
    }
  }
}

/**
 * The code whose symbols have these lengths, 0 for those that do not occur.
 *
 * @param which codes to accept: complete ones; also those of one symbol or none; or any
 * @throws NotHere when there is no such code
 */
function codeOf(lengths: Uint8Array, which: 'complete' | 'small' | 'any'): Code {
  const counts = new Uint16Array(MOST_BITS + 1);
  for (const length of lengths) counts[length]++;
  const used = lengths.length - counts[0];
  counts[0] = 0;
  const places = new Uint16Array(MOST_BITS + 2);
  let left = 1;
  for (let length = 1; length <= MOST_BITS; length++) {
    left = left * 2 - counts[length];
    if (left < 0) throw NOT_HERE;
    places[length + 1] = places[length] + counts[length];
  }
  const small = used === 0 || (used === 1 && counts[1] === 1);
  if (left > 0 && which !== 'any' && !(which === 'small' && small)) throw NOT_HERE;
  const symbols = new Uint16Array(lengths.length);
  for (let symbol = 0; symbol < lengths.length; symbol++)
    if (lengths[symbol] !== 0) symbols[places[lengths[symbol]]++] = symbol;
  return { counts, symbols };
}
