/** The table of attacks in docs/limits.md, between its marks. */
import { availableParallelism } from 'node:os';
import type { Attack } from './attack.ts';
import type { Measured } from './run.ts';
import { ratioOf } from './verdict.ts';

export interface Outcome {
  attack: Attack;
  /** The attack of a size and of twice that, or of one size only. */
  runs: Measured[];
  broken: string[];
}

const BEGIN = '<!-- attacks: npm run attacks -- --write -->\n';
const END = '<!-- end of attacks -->\n';

export function attackTable(outcomes: readonly Outcome[], empty: Measured, scale: number): string {
  const head = `Measured on ${availableParallelism()} processors with two workers, Node ${process.version}${scale === 1 ? '' : `, at --scale ${scale}`}; an empty capture costs ${empty.cpuSeconds.toFixed(1)} s of cpu and ${empty.peakMB.toFixed(0)} MB, which are in the figures. The ratio is the cost of this size over that of half of it, an empty capture's taken off; - where that is less than a second, or half of it for the smaller one. Figures in bold are beyond the attack's bound.

| attack | size | stored MB | cpu s | peak MB | ratio | exit | what the user sees |
|---|---|---|---|---|---|---|---|
`;
  return head + outcomes.map((outcome) => row(outcome, empty)).join('');
}

function row({ attack, runs, broken }: Outcome, empty: Measured): string {
  const last = runs[runs.length - 1];
  const ratio = ratioOf(runs, empty);
  const mark = broken.length > 0 ? '**' : '';
  const cells = [
    `**${attack.name}**: ${attack.what}`,
    `${last.size.toLocaleString('en-US')} ${attack.unit}`,
    last.storedMB.toFixed(last.storedMB < 1 ? 3 : 1),
    `${mark}${last.cpuSeconds.toFixed(1)}${mark}`,
    last.peakMB.toFixed(0),
    ratio === null ? '-' : ratio.toFixed(1),
    last.exit === null ? 'ended' : `${last.exit}`,
    last.seen,
  ];
  return `| ${cells.join(' | ')} |\n`;
}

/** The document with the table put between its marks. */
export function withTable(document: string, table: string): string {
  const from = document.indexOf(BEGIN);
  const to = document.indexOf(END);
  if (from < 0 || to < from) throw new Error('docs/limits.md has no marks for the table of attacks');
  return `${document.slice(0, from + BEGIN.length)}\n${table}\n${document.slice(to)}`;
}
