/**
 * A table of digests of 128 bits, numbered in the order in which they were entered: a million of them in 24 MB, where a
 * Map of strings would take ten times as much. Digests of a cryptographic hash: their first word alone finds the slot.
 */
import { hash } from 'node:crypto';

/** Words of 32 bits in a digest. */
export const DIGEST_WORDS = 4;

/** The first 128 bits of a text's SHA-256. */
export function digestWords(text: string): Uint32Array {
  const bytes = hash('sha256', text, 'buffer');
  return Uint32Array.of(bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(8), bytes.readUInt32LE(12));
}

export class DigestTable {
  /** Digests entered so far. */
  length = 0;
  /** The digests, DIGEST_WORDS each. */
  words: Uint32Array;
  /** Number of a digest and 1, or 0. */
  private slots: Uint32Array;

  /** @param capacity digests that are expected */
  constructor(capacity = 1024) {
    this.words = new Uint32Array(DIGEST_WORDS * Math.max(16, capacity));
    this.slots = new Uint32Array(slotsFor(Math.max(16, capacity)));
  }

  /** The number of the digest at `words[at]`; -1 when it was not entered. */
  find(words: Uint32Array, at = 0): number {
    return this.slots[this.slotOf(words, at)] - 1;
  }

  /** The number of the digest at `words[at]`, which is entered if it was not. */
  enter(words: Uint32Array, at = 0): number {
    let slot = this.slotOf(words, at);
    if (this.slots[slot] > 0) return this.slots[slot] - 1;
    if (2 * (this.length + 1) > this.slots.length) {
      this.grow();
      slot = this.slotOf(words, at);
    }
    if (DIGEST_WORDS * this.length === this.words.length) {
      const wider = new Uint32Array(2 * this.words.length);
      wider.set(this.words);
      this.words = wider;
    }
    for (let word = 0; word < DIGEST_WORDS; word++) this.words[DIGEST_WORDS * this.length + word] = words[at + word];
    this.slots[slot] = ++this.length;
    return this.length - 1;
  }

  /** The slot with the digest, or the free one for it. */
  private slotOf(words: Uint32Array, at: number): number {
    const mask = this.slots.length - 1;
    for (let slot = words[at] & mask; ; slot = (slot + 1) & mask) {
      const number = this.slots[slot];
      if (number === 0 || this.equals(number - 1, words, at)) return slot;
    }
  }

  private equals(number: number, words: Uint32Array, at: number): boolean {
    const own = DIGEST_WORDS * number;
    for (let word = 0; word < DIGEST_WORDS; word++) if (this.words[own + word] !== words[at + word]) return false;
    return true;
  }

  private grow(): void {
    this.slots = new Uint32Array(2 * this.slots.length);
    for (let number = 0; number < this.length; number++)
      this.slots[this.slotOf(this.words, DIGEST_WORDS * number)] = number + 1;
  }
}

/** A power of two, at least twice as many. */
function slotsFor(digests: number): number {
  return 2 ** Math.ceil(Math.log2(2 * digests));
}
