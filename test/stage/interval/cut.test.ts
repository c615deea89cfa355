/** The cut of packet time into intervals. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CutShard, cutIntervals } from '../../../shared/stage/interval/cut.ts';
import { random, SEED } from '../../job/harness.ts';

/** Shards of 10 rows that begin at these times. */
const shards = (...times: number[]): CutShard[] => times.map((firstUs) => ({ firstUs, rows: 10 }));
const ROWS_20 = { rows: 20, shards: 1000 };

describe('intervals', () => {
  test('end where a shard begins once there are enough rows, and the last behind the last packet', () => {
    assert.deepEqual(cutIntervals(shards(0, 5, 7, 9, 12), 0, 20, ROWS_20), [7, 12, 21]);
  });

  test('end by the number of shards too', () => {
    assert.deepEqual(cutIntervals(shards(0, 5, 7, 9), 0, 20, { rows: 1e9, shards: 3 }), [9, 21]);
  });

  test('are never empty where many shards begin at one time', () => {
    assert.deepEqual(cutIntervals(shards(4, 4, 4, 4, 4, 6), 4, 9, ROWS_20), [6, 10]);
  });

  test('there is none where no packet is left', () => {
    assert.deepEqual(cutIntervals(shards(1, 2), 10, 9, ROWS_20), []);
  });

  test('begin behind those that are made: earlier shards count for nothing', () => {
    assert.deepEqual(cutIntervals(shards(0, 1, 2, 10, 11, 12), 10, 20, ROWS_20), [12, 21]);
  });

  test('keep the borders that the data set has', () => {
    assert.deepEqual(cutIntervals(shards(0, 2, 4, 6), 0, 20, { rows: 1e9, shards: 1000 }, [3, 5, 15]), [3, 5, 15, 21]);
  });

  test('keep no more than the last of them: small intervals in their hundreds become few', () => {
    const borders = Array.from({ length: 500 }, (_, at) => at + 1);
    const ends = cutIntervals(shards(...borders), 0, 500, { rows: 1000, shards: 1e9 }, borders);
    assert.ok(ends.length < 30, `${ends.length} intervals`);
    assert.deepEqual(ends.slice(-3), [499, 500, 501]);
  });

  test(`are not moved by shards that begin later (seed ${SEED})`, () => {
    const next = random(SEED);
    for (let round = 0; round < 200; round++) {
      const all = Array.from({ length: 60 }, () => ({
        firstUs: Math.floor(next() * 1000),
        rows: Math.ceil(next() * 20),
      }));
      all.sort((a, b) => a.firstUs - b.firstUs);
      const some = all.slice(0, 1 + Math.floor(next() * 59));
      const size = { rows: 1 + Math.floor(next() * 100), shards: 1 + Math.floor(next() * 20) };
      const lastUs = some[some.length - 1].firstUs;
      const before = cutIntervals(some, 0, lastUs, size);
      const after = cutIntervals(all, 0, 2000, size);
      assert.deepEqual(after.slice(0, before.length - 1), before.slice(0, -1));
    }
  });
});
