/** A job's captures in one object or in parts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allInputs, Inputs, writeInputs } from '../../shared/job/inputs.ts';
import { PART_ROWS } from '../../shared/job/protocol/listparts.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { MemoryStore } from './memorystore.ts';

const captures = (count: number): CaptureRef[] =>
  Array.from({ length: count }, (_, i) => ({ name: `${i}`, location: `/${i}`, size: i, version: `v${i}` }));

for (const count of [0, 1, PART_ROWS, PART_ROWS + 1, 2 * PART_ROWS])
  test(`${count} captures come back in their order, a part of them at a time`, async () => {
    const store = new MemoryStore();
    assert.equal(await writeInputs(store, 'j', captures(count)), true);
    const inputs = await Inputs.open(store, 'j');
    assert.equal(inputs.captures, count);
    for (let part = 0; part < inputs.parts; part++) assert.ok((await inputs.part(part)).length <= PART_ROWS);
    assert.deepEqual(await allInputs(store, 'j'), captures(count));
  });

test('of two who start a job at the same time, one has written all of its captures', async () => {
  const store = new MemoryStore();
  const one = captures(PART_ROWS + 5);
  const other = [...one].reverse();
  const fresh = await Promise.all([writeInputs(store, 'j', one), writeInputs(store, 'j', other)]);
  assert.equal(fresh.filter(Boolean).length, 1);
  assert.deepEqual(await allInputs(store, 'j'), fresh[0] ? one : other);
  assert.equal(await writeInputs(store, 'j', other), false, 'nor does a later one change them');
});
