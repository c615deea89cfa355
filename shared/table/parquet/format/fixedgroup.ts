/** Numbers of four or eight bytes: INTEGER, BIGINT, TIMESTAMP, DOUBLE. */
import { numberedWords } from './dictionary.ts';
import { appendWords, type Bound, type Dictionary, type Extremes, GroupColumn, roomFor } from './groupcolumn.ts';

/** Of the values, so many may be different for a dictionary: beyond it, it costs more than it saves. */
const MOST_DIFFERENT = 1 / 5;

abstract class FixedGroup extends GroupColumn {
  /** 32-bit words of a value. */
  protected abstract readonly words: 1 | 2;
  /** The values, little-endian. */
  protected values = new Uint32Array(0);
  /** The words of the chunk's rows. */
  private readonly chunk: Uint32Array;

  constructor(chunk: Uint32Array) {
    super();
    this.chunk = chunk;
  }

  protected override take(rows: number, isNull: Uint8Array | undefined): void {
    const { words, chunk } = this;
    const needed = (this.count + rows) * words;
    if (this.values.length < needed) {
      const values = new Uint32Array(roomFor(needed));
      values.set(this.values.subarray(0, this.count * words));
      this.values = values;
      this.grown();
    }
    this.count = appendWords(this.values, this.count, words, chunk, rows, isNull);
  }

  /** Called when `values` is another array. */
  protected grown(): void {}

  override plain(from: number, to: number): Uint8Array {
    const bytes = this.words * 4;
    return new Uint8Array(this.values.buffer, from * bytes, (to - from) * bytes);
  }

  override dictionary(): Dictionary | undefined {
    const { count, words, values } = this;
    const found = numberedWords(values, words, count, Math.ceil(count * MOST_DIFFERENT));
    if (found === undefined) return undefined;
    const { places, firsts } = found;
    const kept = new Uint32Array(firsts.length * words);
    copyWords(values, words, firsts, kept);
    return { size: firsts.length, places, bytes: new Uint8Array(kept.buffer) };
  }

  override bound(i: number): Bound {
    return { bytes: this.plain(i, i + 1).slice(), exact: true };
  }

  override addTo(): void {
    throw new Error('numbers have no filters');
  }
}

function copyWords(from: Uint32Array, words: number, which: Uint32Array, to: Uint32Array): void {
  for (let i = 0; i < which.length; i++)
    for (let word = 0; word < words; word++) to[i * words + word] = from[which[i] * words + word];
}

export class IntegerGroup extends FixedGroup {
  protected readonly words = 1;

  override compare(i: number, j: number): number {
    return (this.values[i] | 0) - (this.values[j] | 0);
  }

  override extremes(which: Uint32Array, count: number, found: Extremes): void {
    integerExtremes(this.values, which, count, found);
  }
}

function integerExtremes(values: Uint32Array, which: Uint32Array, count: number, found: Extremes): void {
  let least = which[0];
  let most = least;
  for (let k = 1; k < count; k++) {
    const i = which[k];
    if ((values[i] | 0) < (values[least] | 0)) least = i;
    else if ((values[i] | 0) > (values[most] | 0)) most = i;
  }
  found.least = least;
  found.most = most;
}

export class BigintGroup extends FixedGroup {
  protected readonly words = 2;

  override compare(i: number, j: number): number {
    const { values } = this;
    const high = (values[i * 2 + 1] | 0) - (values[j * 2 + 1] | 0);
    return high !== 0 ? high : values[i * 2] - values[j * 2];
  }

  override extremes(which: Uint32Array, count: number, found: Extremes): void {
    bigintExtremes(this.values, which, count, found);
  }
}

function bigintExtremes(values: Uint32Array, which: Uint32Array, count: number, found: Extremes): void {
  let least = which[0];
  let most = least;
  for (let k = 1; k < count; k++) {
    const i = which[k];
    const high = values[i * 2 + 1] | 0;
    const low = values[i * 2];
    const leastHigh = values[least * 2 + 1] | 0;
    const mostHigh = values[most * 2 + 1] | 0;
    if (high < leastHigh || (high === leastHigh && low < values[least * 2])) least = i;
    else if (high > mostHigh || (high === mostHigh && low > values[most * 2])) most = i;
  }
  found.least = least;
  found.most = most;
}

export class DoubleGroup extends FixedGroup {
  protected readonly words = 2;
  private doubles = new Float64Array(0);

  protected override grown(): void {
    this.doubles = new Float64Array(this.values.buffer);
  }

  override compare(i: number, j: number): number {
    return this.doubles[i] - this.doubles[j];
  }

  override extremes(which: Uint32Array, count: number, found: Extremes): void {
    doubleExtremes(this.doubles, which, count, found);
  }

  /** Readers take 0 and -0 for equal: the bound holds both. */
  override bound(i: number, upper = false): Bound {
    const value = this.doubles[i];
    if (value !== 0) return super.bound(i);
    return { bytes: new Uint8Array(Float64Array.of(upper ? 0 : -0).buffer), exact: true };
  }
}

/** NaN does not count. */
function doubleExtremes(doubles: Float64Array, which: Uint32Array, count: number, found: Extremes): void {
  let least = -1;
  let most = -1;
  for (let k = 0; k < count; k++) {
    const i = which[k];
    if (Number.isNaN(doubles[i])) continue;
    if (least < 0 || doubles[i] < doubles[least]) least = i;
    if (most < 0 || doubles[i] > doubles[most]) most = i;
  }
  found.least = least;
  found.most = most;
}
