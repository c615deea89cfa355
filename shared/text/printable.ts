/**
 * Escapes text from files before it is written to a terminal: the one place that decides which characters may reach it.
 */

/**
 * Control characters (C0, DEL, C1), separators of lines and paragraphs, halves of surrogate pairs, and all that is
 * invisible by itself: marks of writing direction (U+061C, U+200E, U+202A and on, U+2066 and on), joiners, fillers,
 * variation selectors, tags.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Text from a capture's name or bytes with control and invisible characters shown as \xNN, so that it cannot control a
 * terminal.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (c) => `\\x${c.codePointAt(0)!.toString(16).padStart(2, '0')}`);
}

/** Whether a text has such characters. */
export function isUnprintable(text: string): boolean {
  return text.search(UNPRINTABLE) >= 0;
}

/** JSON with the same characters as JSON escapes (\uNNNN): the same value, and safe to print. */
export function printableJson(value: unknown): string {
  return escapedJson(JSON.stringify(value));
}

/** @param json text of JSON, on one line */
export function escapedJson(json: string): string {
  return json.replace(UNPRINTABLE, (c) =>
    c
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
