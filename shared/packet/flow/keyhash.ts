/**
 * The hash of tables whose keys come from the wire: multilinear, with random numbers drawn by each process. A key is
 * split into halves of words, each half is multiplied by a random number of its own, and the upper half of the sum is
 * used; two such sums with different numbers make 32 bits.
 *
 * An attacker chooses the keys in a capture, and a known hash can be inverted: 100,000 flows with equal hashes cost
 * 5,000,000,000 steps. Here any two keys collide with probability 2^-32 over the draws, whatever the keys are (Lemire
 * and Kaser, Strongly Universal String Hashing is Fast). A secret seed of murmur3 would not do: there are differences
 * that its rounds cancel with any seed. Murmur3's finaliser is applied last: it is one to one, and spreads consecutive
 * keys over the slots.
 *
 * No result may depend on it: tables number their keys in order of first lookup.
 */
import { randomFillSync } from 'node:crypto';
import { finish } from '../../algorithm/murmur.ts';

/** Random numbers of a word: for its lower and its upper half in the first sum, then in the second. */
export const DRAWN_FOR_WORD = 4;

/** Random numbers for keys of `words` words: those of word i begin at i * DRAWN_FOR_WORD. */
export function draw(words: number): Int32Array {
  return randomFillSync(new Int32Array(words * DRAWN_FOR_WORD));
}

/** The hash of two sums. */
export function hashOfSums(one: number, other: number): number {
  return finish((one >>> 16) | (other & 0xffff0000));
}

/**
 * The hash of the `count` words in `words` from `at` on, with the numbers drawn for word `first` and those after it.
 */
export function hashOfWords(
  drawn: Int32Array,
  first: number,
  words: ArrayLike<number>,
  at: number,
  count: number,
): number {
  let one = 0;
  let other = 0;
  for (let i = 0; i < count; i++) {
    const word = words[at + i];
    // Most words of most keys are 0, which adds nothing.
    if (word === 0) continue;
    const low = word & 0xffff;
    const high = word >>> 16;
    const d = (first + i) * DRAWN_FOR_WORD;
    one = (one + Math.imul(drawn[d], low) + Math.imul(drawn[d + 1], high)) | 0;
    other = (other + Math.imul(drawn[d + 2], low) + Math.imul(drawn[d + 3], high)) | 0;
  }
  return hashOfSums(one, other);
}
