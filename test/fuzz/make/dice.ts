/** Draws of the fuzzer: every case has a stream of its own, determined by its seed and number. */
import { random } from '../../capture/build.ts';

export class Dice {
  private readonly next: () => number;

  /** @param number of the case; streams of neighbouring cases have nothing in common */
  constructor(seed: number, number = 0) {
    this.next = random(Math.imul(seed ^ 0x2545f491, 0x85ebca77) ^ Math.imul(number + 1, 0x9e3779b1));
    for (let i = 0; i < 4; i++) this.next();
  }

  /** 0 to below 1. */
  unit = (): number => this.next();

  /** A whole number 0..`end` - 1; `end` may be any number up to 2^53. */
  below(end: number): number {
    if (end <= 2 ** 32) return Math.floor(this.next() * end);
    return Math.floor((Math.floor(this.next() * 2 ** 26) * 2 ** 27 + this.next() * 2 ** 27) * (end / 2 ** 53));
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True in a share of all draws. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** One of the choices, each as likely as its weight says. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    let left = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choice] of choices) {
      left -= weight;
      if (left < 0) return choice;
    }
    return choices[choices.length - 1][1];
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }

  shuffled<T>(list: readonly T[]): T[] {
    const copy = [...list];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy;
  }

  /** A 32-bit number: a border of some width, or any. */
  word(): number {
    return this.pick([0, 1, 0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, this.below(2 ** 32)]);
  }
}
