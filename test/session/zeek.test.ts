import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { CORPUS, compareCorpus } from './fidelity/corpus.ts';
import { fallen, type Shares, shares } from './fidelity/report.ts';

const skip = existsSync(CORPUS) ? false : 'corpus not found';

/** Lower bounds of the shares; `npm run fidelity -- --write` updates them when they have grown. */
const held: Record<string, Shares> = JSON.parse(readFileSync(new URL('fidelity.json', import.meta.url), 'utf8'));

test('no field agrees with Zeek in fewer rows than it did', { skip }, async (t) => {
  const parts = await compareCorpus();
  assert.deepEqual(parts.map((part) => part.name).sort(), Object.keys(held).sort());
  for (const part of parts) {
    t.diagnostic(`${part.name}: ${part.equal} of ${part.rows} rows equal`);
    assert.deepEqual(fallen(shares(part), held[part.name]), [], part.name);
  }
});

/** The text of a table's cells in the lines of a document. */
function cellsOf(document: string): string[][] {
  const lines = readFileSync(new URL(document, import.meta.url), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('|')).map((line) => line.split('|').map((cell) => cell.trim()));
}

test('every row that differs from Zeek is explained by a kind of difference', () => {
  const table = cellsOf('fidelity.md');
  const names = table[0];
  const different = table.find(([, name]) => name === 'rows different')!;
  // The capped column has rows of the first again.
  const rows = names.map((name, i) =>
    name === '' || name.includes('at most') ? 0 : Number(different[i].replaceAll(',', '')),
  );
  const explained = cellsOf('differences.md').map(([, , count]) => Number(count?.replaceAll(',', '')));
  const sum = (numbers: readonly number[]): number => numbers.filter(Number.isFinite).reduce((a, b) => a + b, 0);
  assert.equal(sum(explained), sum(rows));
});
