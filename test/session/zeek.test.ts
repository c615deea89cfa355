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
