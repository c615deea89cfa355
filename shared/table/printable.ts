/** Text from files on its way to a terminal. */

/**
 * Text from a capture's name or bytes with what steers a terminal (control characters,
 * line separators, marks of writing direction) shown as \xNN, so that a terminal only ever prints it.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
