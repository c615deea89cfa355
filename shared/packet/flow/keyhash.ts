/**
 * The hash of tables whose keys come from the wire: multilinear, with random numbers
 * that each process draws anew. A key is taken as halves of words, each half is
 * multiplied by a random number of its own, and the upper half of the sum counts; two
 * such sums with different numbers make 32 bits.
 *
 * Whoever writes a capture chooses its keys, and a hash that is known can be turned
 * round: 100,000 flows of one hash are 5,000,000,000 steps. Here any two keys have one
 * hash for one in 2^32 of the draws, whatever the keys are (Lemire and Kaser, Strongly
 * Universal String Hashing is Fast). A secret first state of murmur3 would not do: there
 * are differences that its rounds cancel whatever the state. Murmur3's finaliser comes
 * last: it is one to one, and keeps keys in a row from becoming slots in a row.
 *
 * No result may depend on it: tables give numbers in order of first look-up.
 */
import { randomFillSync } from 'node:crypto';
import { finish } from '../../algorithm/murmur.ts';

/** Random numbers of a word: for its lower and its upper half, of the one sum and then of the other. */
export const DRAWN_FOR_WORD = 4;

/** Random numbers for keys of `words` words: those of word i begin at i * DRAWN_FOR_WORD. */
export function draw(words: number): Int32Array {
  return randomFillSync(new Int32Array(words * DRAWN_FOR_WORD));
}

/** The hash of two sums. */
export function hashOfSums(one: number, other: number): number {
  return finish((one >>> 16) | (other & 0xffff0000));
}

/** The hash of the `count` words that stand in `words` from `at` on, with the numbers drawn for word `first` and those behind it. */
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
