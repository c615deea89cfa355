/** Bounds of texts for statistics: long ones are cut, so that footers stay small. */
import type { Bound } from './groupcolumn.ts';

/** Bytes of a bound at most. */
const MOST_BYTES = 64;

/**
 * A text that is not above (or not below) one of UTF-8 bytes, and short.
 *
 * @returns a copy; undefined when there is no short one: an upper bound needs a letter of ASCII to raise
 */
export function textBound(text: Uint8Array, upper: boolean): Bound | undefined {
  if (text.length <= MOST_BYTES) return { bytes: text.slice(), exact: true };
  let end = MOST_BYTES;
  // Not inside a character: its bytes but the first are 10xxxxxx.
  while (end > 0 && (text[end] & 0xc0) === 0x80) end--;
  if (!upper) return { bytes: text.slice(0, end), exact: false };
  while (end > 0 && text[end - 1] >= 0x7e) end--;
  if (end === 0) return undefined;
  const bytes = text.slice(0, end);
  bytes[end - 1]++;
  return { bytes, exact: false };
}
