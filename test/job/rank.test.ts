/** The order of captures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareCaptures, type Ranked, type Stored } from '../../shared/job/rank.ts';
import { unreadableFacts } from '../../shared/stage/unreadable.ts';
import { between, pick, random, SEED, shuffled } from './harness.ts';

type Time = readonly [us: number, ns: number] | null;

const UNNAMED: Stored = { headDigest: '', size: 0, name: '' };

function ranked(first: Time, last: Time, digest: string | null = null, stored: Partial<Stored> = {}): Ranked {
  const [firstUs, firstNs] = first ?? [null, null];
  const [lastUs, lastNs] = last ?? [null, null];
  const facts = { ...unreadableFacts(), firstUs, firstNs, lastUs, lastNs };
  return { facts, digest, capture: { ...UNNAMED, ...stored } };
}

test('first time, then last time, then digest, then what is stored, then the name decide; captures without packets come last', () => {
  const order = [
    ranked([5, 0], [9, 0]),
    ranked([5, 0], [9, 1]),
    ranked([5, 1], [6, 0], 'a'),
    ranked([5, 1], [6, 0], 'b', { headDigest: 'h', size: 9, name: 'x' }),
    ranked([5, 1], [6, 0], 'b', { headDigest: 'h', size: 10, name: 'v' }),
    ranked([5, 1], [6, 0], 'b', { headDigest: 'h', size: 10, name: 'w' }),
    ranked([5, 1], [6, 0], 'b', { headDigest: 'i', size: 1, name: 'a' }),
    ranked([10, 0], [10, 0]),
    ranked(null, null, null, { headDigest: 'z', name: 'a' }),
    ranked(null, null, null, { headDigest: 'y', name: 'b' }),
    ranked(null, null, 'c'),
  ];
  for (const [i, a] of order.entries())
    for (const [j, b] of order.entries())
      assert.equal(Math.sign(compareCaptures(a, b)), Math.sign(i - j), `${i}, ${j}`);
});

test('numbers are compared as numbers, not as text', () => {
  assert.ok(compareCaptures(ranked([9, 0], [9, 0]), ranked([10, 0], [10, 0])) < 0);
});

test(`sorting gives one order whatever the order before (seed ${SEED})`, () => {
  for (let round = 0; round < 100; round++) {
    const next = random(SEED + round);
    const time = (): Time => (next() < 0.1 ? null : [between(next, 0, 3), between(next, 0, 2)]);
    const captures = Array.from({ length: 12 }, (_, at) =>
      ranked(time(), time(), pick(next, ['a', 'b', 'c', null]), { size: between(next, 0, 1), name: `${at}` }),
    );
    const sorted = [...captures].sort(compareCaptures);
    const again = shuffled(next, captures).sort(compareCaptures);
    assert.deepEqual(again, sorted, `SEED=${SEED + round}`);
  }
});
