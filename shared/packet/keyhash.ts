/**
 * The hash of tables whose keys come from the wire: tabulation with random tables.
 * Each byte of a key picks a random number from a table of its own, and the hash is
 * the exclusive or of them all.
 *
 * Whoever writes a capture chooses its keys, and a hash that is known can be turned
 * round: 100,000 flows of one hash are 5,000,000,000 steps. Here which keys collide
 * depends on the tables alone, which are drawn anew in each process. (A secret first
 * state of murmur3 would not do: there are differences that its rounds cancel whatever
 * the state.) For tables of open addresses a look-up takes a constant number of steps
 * on average, whatever the keys (Pătraşcu and Thorup, The Power of Simple Tabulation Hashing).
 *
 * No result may depend on it: tables give numbers in order of first look-up.
 */
import { randomFillSync } from 'node:crypto';

/** Numbers of a word: 256 for each of its four bytes. */
export const TABLES_OF_WORD = 4 * 256;

/** Random tables for keys of `words` words: those of word i begin at i * TABLES_OF_WORD. */
export function randomTables(words: number): Int32Array {
  return randomFillSync(new Int32Array(words * TABLES_OF_WORD));
}

/** What a word adds to a hash; `at` is where its tables begin. A word of 0 adds nothing: most words of most keys are 0. */
export function hashOfWord(tables: Int32Array, at: number, word: number): number {
  if (word === 0) return 0;
  return (
    tables[at + (word & 0xff)] ^
    tables[at + 256 + ((word >>> 8) & 0xff)] ^
    tables[at + 512 + ((word >>> 16) & 0xff)] ^
    tables[at + 768 + (word >>> 24)]
  );
}
