/**
 * Text that becomes part of an SQL statement. Only paths given by the caller and column names of our own schemas are
 * used in SQL; data from captures is passed as values, never as SQL text.
 */

/**
 * An SQL string literal. DuckDB reads a plain literal byte for byte (backslash and
 * newline mean themselves), so only the quote is doubled.
 *
 * @throws RangeError on U+0000, which no file name can contain and which ends C strings
 */
export function sqlLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('a name with U+0000 cannot be used in SQL');
  return `'${text.replaceAll("'", "''")}'`;
}

/** An SQL identifier in double quotes, for column names that are keywords (`offset`). */
export function sqlName(name: string): string {
  if (name.includes('\0')) throw new RangeError('a name with U+0000 cannot be used in SQL');
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A path as a pattern that matches this path alone: DuckDB's readers take `*`, `?` and `[` as wildcards, and brackets
 * around each escape it.
 *
 * @throws RangeError when a path has both a backslash and wildcards: a backslash is an escape inside a pattern and
 *   literal outside, so no pattern matches such a file
 */
export function exactPattern(path: string): string {
  if (!/[*?[]/.test(path)) return path;
  if (path.includes('\\'))
    throw new RangeError(`a path with both a backslash and one of * ? [ cannot be read: ${path}`);
  return path.replace(/[*?[]/g, '[$&]');
}
