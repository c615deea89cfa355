/** Orders of rows, against Array.sort. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { rowsByTime, sortRows } from '../../shared/algorithm/roworder.ts';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { compareRecords } from '../../shared/shard/shardwriter.ts';
import { dice, SEED } from '../shard/packets.ts';

/** Numbers 0..count-1 in runs that ascend by value, of lengths up to `longest`. */
function runs(roll: ReturnType<typeof dice>, count: number, longest: number): Float64Array {
  const values = new Float64Array(count);
  for (let at = 0; at < count; ) {
    const run = Array.from({ length: Math.min(count - at, 1 + roll(longest)) }, () => roll(count));
    values.set(
      run.sort((a, b) => a - b),
      at,
    );
    at += run.length;
  }
  return values;
}

test(`sortRows orders any part of the rows as a stable Array.sort does, and leaves the rest (SEED=${SEED})`, () => {
  const roll = dice(SEED);
  for (let round = 0; round < 200; round++) {
    const count = roll(300);
    const values = runs(roll, count, 1 + roll(80));
    const rows = Uint32Array.from({ length: count }, (_, row) => row);
    for (let i = count - 1; i > 0 && round % 3 === 0; i--) {
      const j = roll(i + 1);
      [rows[i], rows[j]] = [rows[j], rows[i]];
    }
    const from = roll(count + 1);
    const to = from + roll(count - from + 1);
    const order = (a: number, b: number): number => values[a] - values[b];
    const expected = [...rows.subarray(0, from), ...[...rows.subarray(from, to)].sort(order), ...rows.subarray(to)];
    const before = [...rows];
    const moved = sortRows(rows, from, to, order, new Uint32Array(count));
    assert.deepEqual([...rows], expected, `round ${round}, SEED=${SEED}`);
    assert.equal(
      moved,
      expected.some((row, i) => row !== before[i]),
      `moved, round ${round}, SEED=${SEED}`,
    );
  }
});

test('sortRows takes one comparison a row where the rows are in order', () => {
  let comparisons = 0;
  const order = (a: number, b: number): number => {
    comparisons++;
    return a - b;
  };
  const rows = Uint32Array.from({ length: 1000 }, (_, row) => row);
  const moved = sortRows(rows, 0, 1000, order, new Uint32Array(1000));
  assert.deepEqual([moved, comparisons], [false, 999]);
});

test(`rowsByTime orders by time, equal times by row, within a span of 32 bits of microseconds (SEED=${SEED})`, () => {
  const roll = dice(SEED + 1);
  for (let round = 0; round < 100; round++) {
    const count = roll(400);
    const base = [0, 1.7e15, 2 ** 52 - 2 ** 32][roll(3)];
    const span = [1, 3, 2 ** 11, 2 ** 22, 2 ** 32][roll(5)];
    const us = Float64Array.from({ length: count }, () => base + roll(span));
    const expected = Array.from({ length: count }, (_, row) => row).sort((a, b) => us[a] - us[b]);
    assert.deepEqual([...rowsByTime(us, count)], expected, `round ${round}, SEED=${SEED}`);
  }
});

test('rowsByTime orders times further apart than its step, however wide the span, 0 to 2^52', () => {
  const us = Float64Array.from([2 ** 52, 0, 2 ** 51, 2 ** 52 - 2 ** 21, 2 ** 21, 5]);
  // 2^52 microseconds in 32 bits are steps of 2^20: times closer than that keep the order of their rows (0 before 5).
  assert.deepEqual([...rowsByTime(us, 6)], [1, 5, 4, 2, 3, 0]);
});

test('rowsByTime of no rows and of one', () => {
  assert.deepEqual([...rowsByTime(new Float64Array(0), 0)], []);
  assert.deepEqual([...rowsByTime(Float64Array.of(7), 1)], [0]);
});

test('fragments at the time of their datagram stand in order of their own times, the oldest first', () => {
  const columns = new PacketColumns(4);
  columns.length = 4;
  const ages = [
    [7, 1],
    [7, 0],
    [3, 999],
    [0, 0],
  ];
  for (const [row, [us, ns]] of ages.entries()) {
    columns.us[row] = 1e15;
    columns.ageUs[row] = us;
    columns.ageNs[row] = ns;
    // All else speaks for the other order.
    columns.offset[row] = 4 - row;
  }
  for (let a = 0; a < 4; a++)
    for (let b = 0; b < 4; b++)
      assert.equal(Math.sign(compareRecords(columns, a, columns, b)), Math.sign(a - b), `${a} ${b}`);
});
