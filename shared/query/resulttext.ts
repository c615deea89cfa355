/**
 * Query results as text: an aligned table for people, CSV (RFC 4180, but with
 * LF line ends) and JSON for programs.
 */
import { printable, printableJson } from '../text/printable.ts';
import { Decimal, type QueryResult, type QueryValue } from './queryresult.ts';

/** How NULL reads in the aligned table. */
const NULL_TEXT = '-';
/** A cell wider than this is cut in the aligned table. */
const MAX_WIDTH = 80;
/** Characters that are kept of the beginning of such a cell: names of captures differ at their ends. */
const KEPT_FIRST = 26;

/**
 * A table with aligned columns, numbers to the right, one line a row. Control
 * characters are shown as \xNN: names come from captures and must not steer the
 * terminal. Cells beyond 80 characters have an ellipsis in their middle, unless two different ones of a column would
 * then read the same.
 */
export function formatTable(result: QueryResult): string {
  const head = result.columns.map((c) => printable(c.name));
  const whole = result.rows.map((row) => row.map(cell));
  const cuts = head.map((_, i) => !cutsMeet(whole.map((row) => row[i])));
  const body = whole.map((row) => row.map((text, i) => (cuts[i] ? cut(text) : text)));
  const widths = head.map((name, i) =>
    body.reduce((width, row) => Math.max(width, columnsOf(row[i])), columnsOf(name)),
  );
  const right = result.columns.map((_, i) => result.rows.some((row) => isNumber(row[i])));
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, i) => {
        const padding = ' '.repeat(widths[i] - columnsOf(text));
        return right[i] ? padding + text : text + padding;
      })
      .join('  ')
      .trimEnd();
  return `${[line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')}\n`;
}

function isNumber(value: QueryValue): boolean {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal;
}

function cell(value: QueryValue): string {
  if (value === null) return NULL_TEXT;
  return printable(textOf(value));
}

function cut(text: string): string {
  const characters = [...text];
  if (characters.length <= MAX_WIDTH) return text;
  return `${characters.slice(0, KEPT_FIRST).join('')}…${characters.slice(KEPT_FIRST + 1 - MAX_WIDTH).join('')}`;
}

/** Whether two different texts would be cut to the same. */
function cutsMeet(texts: readonly string[]): boolean {
  const long = new Set(texts.filter((text) => text.length > MAX_WIDTH));
  return new Set([...long].map(cut)).size < long.size;
}

function textOf(value: QueryValue): string {
  return value !== null && typeof value === 'object' ? value.text : String(value);
}

function columnsOf(text: string): number {
  return [...text].length;
}

/**
 * CSV with a header, lines ending in LF. NULL is an empty field and the empty
 * text is "", so that the two stay apart.
 * @param forTerminal whether control characters are escaped as in the table; programs get every byte unchanged
 */
export function formatCsv(result: QueryResult, forTerminal = false): string {
  const shown = forTerminal ? printable : (text: string): string => text;
  const line = (values: readonly QueryValue[]): string =>
    `${values.map((value) => csvField(value, shown)).join(',')}\n`;
  return [result.columns.map((c) => c.name), ...result.rows].map(line).join('');
}

function csvField(value: QueryValue, shown: (text: string) => string): string {
  if (value === null) return '';
  const text = shown(textOf(value));
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Digits of a decimal number that survive a reader who makes a double of it. */
const EXACT_DIGITS = 15;

/**
 * A JSON array with one object per row, one line each. Numbers are JSON numbers where a reader who makes doubles of
 * them has them exactly: integers up to 2^53 - 1 and decimals up to 15 digits; beyond they are strings. So are doubles
 * that JSON has no number for (infinities, NaN). A ROW or MAP is an object, a list an array. Columns of the same name
 * are numbered: x, x_2.
 */
export function formatJson(result: QueryResult): string {
  const names: string[] = [];
  for (const { name } of result.columns) {
    let unique = name;
    for (let i = 2; names.includes(unique); i++) unique = `${name}_${i}`;
    names.push(unique);
  }
  const keys = names.map(printableJson);
  const lines = result.rows.map((row) => `{${row.map((value, i) => `${keys[i]}:${jsonValue(value)}`).join(',')}}`);
  return lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`;
}

/** Significant digits of a number with a point. */
function digitsOf(decimal: string): number {
  return decimal.replace(/^-?0*[.]?0*|0+$/g, '').replace('.', '').length;
}

function jsonValue(value: QueryValue): string {
  if (typeof value === 'bigint') {
    const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
    return safe ? String(value) : `"${value}"`;
  }
  if (value instanceof Decimal) return digitsOf(value.text) <= EXACT_DIGITS ? value.text : `"${value.text}"`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`;
  if (value === null || typeof value !== 'object') return printableJson(value);
  const { parts } = value;
  if (Array.isArray(parts)) return `[${parts.map(jsonValue).join(',')}]`;
  return `{${Object.entries(parts)
    .map(([name, part]) => `${printableJson(name)}:${jsonValue(part)}`)
    .join(',')}}`;
}
