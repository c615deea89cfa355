import assert from 'node:assert/strict';
import test from 'node:test';
import { compareCases, differencesOf } from './casebook/compare.ts';
import { CASES } from './casebook/index.ts';

test('every case of the casebook yields the rows that are derived there', async () => {
  const part = await compareCases();
  assert.deepEqual(differencesOf(part), []);
  assert.deepEqual([part.captures, part.capturesEqual], [CASES.length, CASES.length]);
});

test('a wrong row is reported with its case, its fields and its reasons', async () => {
  const [first] = CASES;
  const [row] = first.rows;
  const wrong = [{ ...first, rows: [{ ...row, state: 'S1', pkts: [6, 4] as const }] }];
  const [difference, ...others] = differencesOf(await compareCases(wrong), wrong);
  assert.deepEqual(others, []);
  for (const words of [first.name, 'conn_state: SF, not S1', 'orig_pkts: 5, not 6', row.why])
    assert.ok(difference.includes(words), `${words} is not in: ${difference}`);
});
