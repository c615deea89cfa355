/** Tables of results: printed, and with --write kept as Markdown. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** A Markdown table with columns padded to one width; numbers stand to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const right = header.map((_, i) => i > 0 && rows.every((row) => /^[\d.,-]*( [%a-zA-Z/]+)?$/.test(row[i])));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (right[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (right[i] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/** A number with `digits` significant digits and thousands separated. */
export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '-';
  return value.toLocaleString('en-US', { maximumSignificantDigits: Math.max(digits, wholeDigits(value)) });
}

function wholeDigits(value: number): number {
  return Math.abs(value) < 1 ? 1 : Math.trunc(Math.abs(value)).toString().length;
}

export const megabytes = (bytes: number): string => `${number(bytes / 1e6)} MB`;
export const millions = (count: number): string => `${(count / 1e6).toFixed(2)} M`;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What one must know to compare figures: the machine, how busy it was, the date and the command. */
export function circumstances(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown cpu';
  const command = `node bench/main.ts ${process.argv.slice(2).join(' ')}`.trim();
  return [
    `- ${model}, ${availableParallelism()} cores, ${number(totalmem() / 2 ** 30, 2)} GiB; Node ${process.version}`,
    `- load average when it began: ${LOAD.toFixed(2)} (above 0.5, other programs took part of the machine)`,
    `- ${new Date().toISOString().slice(0, 10)}, \`${command}\``,
  ].join('\n');
}

/** Taken when the program begins, before it makes load of its own. */
const LOAD = loadavg()[0];

/** Keeps a report below bench/results/. */
export function keep(name: string, text: string): void {
  const folder = fileURLToPath(new URL('../results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}${name}.md`, `${text}\n`);
}
