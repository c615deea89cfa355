/**
 * Text that becomes part of an SQL statement. Only paths chosen by the caller and
 * column names of our own schemas do; what comes out of captures travels as
 * values, never through here.
 */

/**
 * An SQL string literal. DuckDB reads a plain literal byte for byte (backslash and
 * newline mean themselves), so only the quote is doubled.
 *
 * @throws RangeError on U+0000, which no file name can hold and at which C strings end
 */
export function sqlLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('a name with U+0000 cannot stand in SQL');
  return `'${text.replaceAll("'", "''")}'`;
}

/** An SQL identifier in double quotes, for column names that are keywords (`offset`). */
export function sqlName(name: string): string {
  if (name.includes('\0')) throw new RangeError('a name with U+0000 cannot stand in SQL');
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A path as a pattern that matches this path alone: DuckDB's readers take `*`, `?`
 * and `[` for wildcards, and a bracket around each takes that meaning away.
 *
 * @throws RangeError when a backslash stands beside wildcards: inside a pattern it
 *   is an escape and outside one it is not, so no spelling names such a file
 */
export function exactPattern(path: string): string {
  if (!/[*?[]/.test(path)) return path;
  if (path.includes('\\'))
    throw new RangeError(`a path with both a backslash and one of * ? [ cannot be read: ${path}`);
  return path.replace(/[*?[]/g, '[$&]');
}
