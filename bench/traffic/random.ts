/**
 * A stream of pseudo-random 32-bit numbers from a seed: integer operations
 * alone, so that it is the same on every machine.
 */

/** xorshift32: four operations a number, which is what a million packets a second leave room for. */
export class Random {
  private state: number;

  /** @param seed any 32-bit number */
  constructor(seed: number) {
    // The state must not be 0, and seeds that differ in one bit should not begin alike.
    this.state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** The next number, 0..2^32-1. */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }

  /** A number from 0 to `bound` - 1; `bound` is 1..65,536. */
  below(bound: number): number {
    return ((this.next() >>> 16) * bound) >>> 16;
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }
}
