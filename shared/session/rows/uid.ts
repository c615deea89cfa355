/**
 * Session uids: 12 characters of base62, 71 bits of a hash of (flow key, first
 * packet's time, ordinal among equals). They depend on nothing else, so a second
 * run over the same packets gives the same uids.
 *
 * The hash is MurmurHash3_x86_128 with seed 0 over the key's words, the time as two words of microseconds and one of
 * nanoseconds, and the ordinal. It is not meant to resist constructed collisions.
 */
import { finish } from '../../algorithm/murmur.ts';
import { KEY_WORDS } from '../../packet/flow/flowtable.ts';
import { UID_BYTES } from './sessionrows.ts';

const DIGITS = Uint8Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', (c) =>
  c.charCodeAt(0),
);
/** Three digits come from each of the four hash words. */
const THREE_DIGITS = 62 * 62 * 62;
const WRAP = 0x100000000;
const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93 | 0;
const WORDS = KEY_WORDS + 4;

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

function threeDigits(word: number, out: Uint8Array, at: number): void {
  // The upper part of the product is evenly distributed over 0 .. 62^3 - 1.
  const n = Math.floor(((word >>> 0) * THREE_DIGITS) / WRAP);
  const high = (n / 3844) | 0;
  const rest = n - high * 3844;
  const middle = (rest / 62) | 0;
  out[at] = DIGITS[high];
  out[at + 1] = DIGITS[middle];
  out[at + 2] = DIGITS[rest - middle * 62];
}

const block = new Int32Array(WORDS);

/**
 * Writes the uid of a session as UID_BYTES ASCII bytes.
 *
 * @param key words of the canonical flow key, read from `keyAt`
 * @param us, ns time of the first packet: whole microseconds since 1970, 0..999 nanoseconds
 * @param ordinal number of earlier sessions of this key with the same start
 */
export function writeUid(
  key: Uint32Array,
  keyAt: number,
  us: number,
  ns: number,
  ordinal: number,
  out: Uint8Array,
  at: number,
): void {
  for (let i = 0; i < KEY_WORDS; i++) block[i] = key[keyAt + i];
  const high = Math.floor(us / WRAP);
  block[KEY_WORDS] = high;
  block[KEY_WORDS + 1] = us - high * WRAP;
  block[KEY_WORDS + 2] = ns;
  block[KEY_WORDS + 3] = ordinal;
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  for (let i = 0; i < WORDS; i += 4) {
    h1 ^= Math.imul(rotate(Math.imul(block[i], C1), 15), C2);
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(rotate(Math.imul(block[i + 1], C2), 16), C3);
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(rotate(Math.imul(block[i + 2], C3), 17), C4);
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(rotate(Math.imul(block[i + 3], C4), 18), C1);
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  const length = WORDS * 4;
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = finish((h2 + h1) | 0);
  h3 = finish((h3 + h1) | 0);
  h4 = finish((h4 + h1) | 0);
  h1 = finish(h1);
  h1 = (h1 + h2 + h3 + h4) | 0;
  threeDigits(h1, out, at);
  threeDigits(h2 + h1, out, at + 3);
  threeDigits(h3 + h1, out, at + 6);
  threeDigits(h4 + h1, out, at + UID_BYTES - 3);
}

/** A uid as text. */
export function uidText(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let i = 0; i < UID_BYTES; i++) text += String.fromCharCode(bytes[at + i]);
  return text;
}
