/** Truth values, one bit each. */
import { type Bound, type Extremes, GroupColumn, roomFor } from './groupcolumn.ts';

export class BooleanGroup extends GroupColumn {
  /** 0 or 1. */
  private values = new Uint8Array(0);
  private readonly chunk: Uint8Array;

  constructor(chunk: Uint8Array) {
    super();
    this.chunk = chunk;
  }

  protected override take(rows: number, isNull: Uint8Array | undefined): void {
    if (this.values.length < this.count + rows) {
      const more = new Uint8Array(roomFor(this.count + rows));
      more.set(this.values.subarray(0, this.count));
      this.values = more;
    }
    for (let i = 0; i < rows; i++) if (isNull?.[i] !== 1) this.values[this.count++] = this.chunk[i];
  }

  override plain(from: number, to: number): Uint8Array {
    const bits = new Uint8Array(Math.ceil((to - from) / 8));
    for (let i = from; i < to; i++) bits[(i - from) >>> 3] |= this.values[i] << ((i - from) & 7);
    return bits;
  }

  override dictionary(): undefined {
    return undefined;
  }

  override compare(i: number, j: number): number {
    return this.values[i] - this.values[j];
  }

  override extremes(which: Uint32Array, count: number, found: Extremes): void {
    const { values } = this;
    found.least = found.most = which[0];
    for (let k = 1; k < count; k++) {
      if (values[which[k]] < values[found.least]) found.least = which[k];
      if (values[which[k]] > values[found.most]) found.most = which[k];
    }
  }

  override bound(i: number): Bound {
    return { bytes: Uint8Array.of(this.values[i]), exact: true };
  }

  override addTo(): void {
    throw new Error('truth values have no filters');
  }
}
