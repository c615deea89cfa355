/** Fragments that wait for their datagrams: their sessions, and the cost of any number of them at one timestamp. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { WaitingFragments } from '../../shared/session/waitingfragments.ts';
import { random } from './walk.ts';

const SEED = Number(process.env.SEED ?? 23);

/** Rows that differ by offset. */
function rows(count: number): PacketColumns {
  const columns = new PacketColumns(count);
  for (let row = 0; row < count; row++) columns.offset[row] = row;
  columns.length = count;
  return columns;
}

test(`fragments come out with their flow, in order of arrival (seed ${SEED})`, () => {
  const next = random(SEED);
  const columns = rows(5000);
  const fragments = new WaitingFragments();
  let waiting: { flow: number; row: number }[] = [];
  let orphans = 0;
  for (let row = 0; row < columns.length; row++) {
    const flow = Math.floor(next() * 50) * 100;
    const what = next();
    if (what < 0.6) {
      fragments.keep(columns, row, flow, row + 7);
      waiting.push({ flow, row });
    } else if (what < 0.99) {
      const given: number[][] = [];
      fragments.release(flow, (kept, at, rank) => given.push([kept.offset[at], rank]));
      const expected = waiting.filter((fragment) => fragment.flow === flow);
      assert.deepEqual(
        given,
        expected.map(({ row: at }) => [at, at + 7]),
        `seed ${SEED}, row ${row}`,
      );
      waiting = waiting.filter((fragment) => fragment.flow !== flow);
    } else {
      fragments.at(row, 0);
      orphans += waiting.length;
      waiting = [];
    }
    assert.equal(fragments.waiting, waiting.length);
  }
  assert.equal(fragments.orphans, orphans);
  assert.ok(orphans > 0);
});

test('at one timestamp a datagram visits its own fragments only', () => {
  const count = 100_000;
  const columns = rows(count);
  for (const flows of [1, 1000, count]) {
    const fragments = new WaitingFragments();
    fragments.at(5, 0);
    for (let row = 0; row < count; row++) fragments.keep(columns, row, row % flows, 0);
    for (let row = 0; row < count; row++) fragments.release(row % flows, () => {});
    assert.equal(fragments.waiting, 0);
    assert.ok(fragments.steps <= 2 * count, `${fragments.steps} steps for ${count} datagrams of ${flows} flows`);
  }
});

test('rows are reused once their datagrams have come', () => {
  const columns = rows(1000);
  const fragments = new WaitingFragments();
  fragments.at(5, 0);
  for (let row = 0; row < 1000; row++) {
    fragments.keep(columns, row, row, 0);
    fragments.release(row, () => {});
  }
  fragments.keep(columns, 0, 0, 0);
  const { steps } = fragments;
  fragments.at(6, 0);
  assert.deepEqual([fragments.orphans, fragments.steps - steps], [1, 1]);
});
