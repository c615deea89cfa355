/** Comparisons as a table for readers, as a list for programs, and as shares for the tests. */
import { FIELDS } from '../fidelity.ts';
import type { Part } from './compare.ts';

/** Most kinds of difference in the table. */
const KINDS = 10;

const count = (n: number) => n.toLocaleString('en-US');

/** A share, and the number of others. */
function share(equal: number, all: number): string {
  if (equal === all) return '100 %';
  return `${((100 * equal) / all).toFixed(3)} % (${count(all - equal)} not)`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** The parts as a Markdown table: fields down, parts across, then the most frequent kinds of difference. */
export function reportText(parts: readonly Part[]): string {
  const rows: string[][] = [
    ['rows compared', ...parts.map((p) => count(p.rows))],
    ['rows equal in every field', ...parts.map((p) => count(p.equal))],
    ['rows different', ...parts.map((p) => count(p.rows - p.equal))],
    ['share of rows equal in every field', ...parts.map((p) => share(p.equal, p.rows))],
    ['captures compared', ...parts.map((p) => count(p.captures))],
    ['captures with every row equal', ...parts.map((p) => share(p.capturesEqual, p.captures))],
    ...FIELDS.map((field) => [field, ...parts.map((p) => share(p.equalBy[field], p.rows))]),
  ];
  const text = [line(['', ...parts.map((p) => p.name)]), line(['---', ...parts.map(() => '---:')]), ...rows.map(line)];
  const kinds = new Map<string, number[]>();
  for (const [i, part] of parts.entries()) {
    for (const { kind } of part.differences) {
      const counts = kinds.get(kind) ?? parts.map(() => 0);
      counts[i]++;
      kinds.set(kind, counts);
    }
  }
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  const most = [...kinds].sort((a, b) => sum(b[1]) - sum(a[1])).slice(0, KINDS);
  if (most.length > 0)
    text.push(
      '',
      `The ${most.length} most frequent of ${kinds.size} kinds of difference, by the fields that differ:`,
      '',
      line(['kind', ...parts.map((p) => p.name)]),
      line(['---', ...parts.map(() => '---:')]),
      ...most.map(([kind, counts]) => line([kind, ...counts.map(count)])),
    );
  return `${text.join('\n')}\n`;
}

/** Every difference as a line of JSON. */
export function differencesText(parts: readonly Part[]): string {
  return parts
    .flatMap((part) =>
      part.differences.map(
        ({ capture, kind, fields, ours, zeek }) =>
          `${JSON.stringify({ part: part.name, capture, kind, fields, ours, zeek })}\n`,
      ),
    )
    .join('');
}

/** Shares of one part: of rows equal in every field, of captures, and by field. */
export interface Shares {
  rows: number;
  captures: number;
  [field: string]: number;
}

export function shares(part: Part): Shares {
  const result: Shares = { rows: part.equal / part.rows, captures: part.capturesEqual / part.captures };
  for (const field of FIELDS) result[field] = part.equalBy[field] / part.rows;
  return result;
}

/** The names of the shares that are smaller than the recorded ones, with both values. */
export function fallen(now: Shares, held: Shares): string[] {
  return Object.keys(held)
    .filter((name) => !(now[name] >= held[name] - 1e-9))
    .map((name) => `${name}: ${now[name]} < ${held[name]}`);
}
