import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tableFromIPC } from 'apache-arrow';
import { KEY_WORDS } from '../../shared/packet/flow/flowtable.ts';
import { tunnelText } from '../../shared/packet/tunneltext.ts';
import { SESSION_COLUMNS, SessionRows, UID_BYTES } from '../../shared/session/rows/sessionrows.ts';
import { decodeSessionBatches, encodeSessionRun, SESSION_BATCH_ROWS } from '../../shared/table/run/sessionrun.ts';
import { compareStarts, startOrder } from '../../shared/table/startorder.ts';
import { dayOf, planWindows, SLOT_US, slotLength, sumStarts } from '../../shared/table/window.ts';
import { SEED } from '../seed.ts';
import { DAY0_US, nanoseconds, random, randomSessions, takeSessions, uidOf } from './rows.ts';

/** The order of `startOrder`, computed in the simplest way. */
function plainOrder(rows: SessionRows): number[] {
  const key = Array.from({ length: rows.length }, (_, i) => ({
    i,
    ns: nanoseconds(rows.startUs[i], rows.startNs[i]),
    uid: uidOf(rows.uid, i),
  }));
  key.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : a.i - b.i));
  return key.map((k) => k.i);
}

function assertSameRows(actual: SessionRows, expected: SessionRows): void {
  assert.equal(actual.length, expected.length);
  const n = expected.length;
  for (const name of SESSION_COLUMNS)
    assert.deepEqual([...actual[name].subarray(0, n)], [...expected[name].subarray(0, n)], name);
  assert.deepEqual(actual.uid.subarray(0, n * UID_BYTES), expected.uid.subarray(0, n * UID_BYTES));
  assert.deepEqual(actual.key.subarray(0, n * KEY_WORDS), expected.key.subarray(0, n * KEY_WORDS));
  assert.deepEqual(actual.history, expected.history);
  for (let row = 0; row < expected.length; row++)
    assert.equal(tunnelText(actual.tunnels, actual.tunnel[row]), tunnelText(expected.tunnels, expected.tunnel[row]));
}

describe('order of sessions', () => {
  for (const [name, count, span] of [
    ['few', 500, 50],
    ['many', 20_000, 3_600_000_000],
    ['many over years', 5_000, 2 ** 50],
    ['many in three microseconds', 6_000, 3],
  ] as const) {
    test(`${name}: by start, then uid, as a plain sort has it (seed ${SEED})`, () => {
      const rows = randomSessions(count, SEED, DAY0_US, span);
      assert.deepEqual([...startOrder(rows)], plainOrder(rows));
    });
  }
  test('rows in order already are left alone, equal rows keep their order', () => {
    const rows = randomSessions(100, SEED);
    const twice = takeSessions(
      rows,
      [...plainOrder(rows)].flatMap((i) => [i, i]),
    );
    assert.deepEqual([...startOrder(twice)], [...Array(200).keys()]);
    assert.equal(compareStarts(twice, 0, twice, 1), 0);
  });
});

describe('session run', () => {
  test(`what is decoded is what was encoded, in order (seed ${SEED})`, () => {
    const rows = randomSessions(SESSION_BATCH_ROWS * 2 + 17, SEED);
    const run = encodeSessionRun(rows);
    assert.deepEqual(
      run.batches.map((b) => b.rows),
      [SESSION_BATCH_ROWS, SESSION_BATCH_ROWS, 17],
    );
    const into = new SessionRows(rows.length);
    for (const batch of run.batches)
      decodeSessionBatches(run.bytes.subarray(batch.start, batch.end), [batch], into, 0, Number.MAX_SAFE_INTEGER);
    assertSameRows(into, takeSessions(rows, plainOrder(rows)));
  });

  test('several batches in one range decode at once, and the batches say their spans', () => {
    const rows = randomSessions(SESSION_BATCH_ROWS * 3, 3);
    const { bytes, batches } = encodeSessionRun(rows);
    const into = new SessionRows(rows.length);
    assert.equal(
      decodeSessionBatches(bytes.subarray(batches[1].start, batches[2].end), batches.slice(1), into, 0, 2 ** 53),
      SESSION_BATCH_ROWS * 2,
    );
    assert.equal(into.startUs[0], batches[1].firstUs);
    assert.equal(into.startUs[SESSION_BATCH_ROWS - 1], batches[1].lastUs);
    assert.equal(into.startUs[into.length - 1], batches[2].lastUs);
  });

  test('only rows that start in [from, to) are appended, after the existing ones', () => {
    const rows = randomSessions(1000, 4, DAY0_US, 100);
    const { bytes, batches } = encodeSessionRun(rows);
    const into = new SessionRows(1000);
    const range = bytes.subarray(batches[0].start, batches[0].end);
    const cuts = [0, DAY0_US + 20, DAY0_US + 20, DAY0_US + 50, 2 ** 53];
    for (let i = 1; i < cuts.length; i++) {
      const added = decodeSessionBatches(range, batches, into, cuts[i - 1], cuts[i]);
      const expected = rows.startUs.filter((us) => us >= cuts[i - 1] && us < cuts[i]).length;
      assert.equal(added, expected);
    }
    assertSameRows(into, takeSessions(rows, plainOrder(rows)));
  });

  test('without rows a run has no batches', () => {
    const run = encodeSessionRun(new SessionRows(0));
    assert.deepEqual([run.rows, run.batches, run.starts], [0, [], []]);
    assert.equal(tableFromIPC(run.bytes).numRows, 0);
  });

  test('the object is an Arrow file that any reader opens', () => {
    const rows = randomSessions(10_000, 5);
    const table = tableFromIPC(encodeSessionRun(rows).bytes);
    assert.equal(table.numRows, 10_000);
    const order = plainOrder(rows);
    const at = order[9_000];
    assert.equal(table.getChild('startUs')!.get(9_000), rows.startUs[at]);
    assert.equal(table.getChild('history')!.get(9_000), rows.history[at]);
    assert.equal(Buffer.from(table.getChild('uid')!.get(9_000)).toString(), uidOf(rows.uid, at));
  });

  test('rows that do not fit, and bytes that are not batches, are errors', () => {
    const { bytes, batches } = encodeSessionRun(randomSessions(100, 6));
    const range = bytes.subarray(batches[0].start, batches[0].end);
    assert.throws(() => decodeSessionBatches(range, batches, new SessionRows(99), 0, 2 ** 53), RangeError);
    assert.throws(() => decodeSessionBatches(range.subarray(0, 3000), batches, new SessionRows(100), 0, 2 ** 53));
    assert.throws(() => decodeSessionBatches(range.subarray(8), batches, new SessionRows(100), 0, 2 ** 53));
  });
});

describe('damaged runs', () => {
  test(`any flipped bit is an error (seed ${SEED})`, () => {
    const { bytes, batches } = encodeSessionRun(randomSessions(200, 8));
    const range = bytes.subarray(batches[0].start, batches[0].end);
    const next = random(SEED);
    for (let i = 0; i < 400; i++) {
      const damaged = range.slice();
      damaged[Math.floor(next() * (i % 2 === 0 ? 2500 : damaged.length))] ^= 1 << Math.floor(next() * 8);
      assert.throws(
        () =>
          decodeSessionBatches(
            damaged,
            batches,
            new SessionRows(200),
            Number.NEGATIVE_INFINITY,
            Number.POSITIVE_INFINITY,
          ),
        { name: 'StoreError', reason: 'damaged' },
      );
    }
  });
});

function summed(runs: readonly (readonly number[])[]): Map<number, number> {
  const sums = new Map<number, number>();
  for (const starts of runs) sumStarts(sums, starts);
  return sums;
}

describe('windows', () => {
  test(`are the same for any distribution of the rows over runs, and contain every row once (seed ${SEED})`, () => {
    const rows = randomSessions(5000, SEED, DAY0_US - 40 * SLOT_US, 100 * SLOT_US);
    const whole = planWindows(summed([encodeSessionRun(rows).starts]), 300, SLOT_US);
    const parts = [0, 1, 2].map((k) =>
      takeSessions(
        rows,
        [...Array(5000).keys()].filter((i) => i % 3 === k),
      ),
    );
    assert.deepEqual(planWindows(summed(parts.map((part) => encodeSessionRun(part).starts)), 300, SLOT_US), whole);
    let held = 0;
    for (const window of whole) {
      const inside = rows.startUs.filter((us) => us >= window.fromUs && us < window.toUs);
      held += inside.length;
      assert.equal(dayOf(window.fromUs), window.day);
      assert.equal(dayOf(window.toUs - 1), window.day);
      // The slot of the many equal starts is split by time, where counts are estimates.
      if (window.toUs - window.fromUs >= SLOT_US) assert.equal(inside.length, window.rows);
    }
    assert.equal(held, 5000);
    for (let i = 1; i < whole.length; i++) {
      assert.ok(whole[i].fromUs >= whole[i - 1].toUs);
      assert.equal(whole[i].part, whole[i].day === whole[i - 1].day ? whole[i - 1].part + 1 : 0);
    }
  });
  test('a slot with too many rows is split by time', () => {
    assert.deepEqual(
      planWindows(summed([[7, 25, 8, 5]]), 10, SLOT_US).map((w) => [w.fromUs / SLOT_US, w.toUs / SLOT_US, w.rows]),
      [
        [7, 7.3333333, 9],
        [7.3333333, 7.6666666, 9],
        [7.6666666, 8, 9],
        [8, 9, 5],
      ],
    );
  });
  test('slots are longer for jobs that span more time, and always divide a day', () => {
    const day = 86_400e6;
    for (const days of [0, 1, 231, 232, 1000, 20_000, 104_250]) {
      const slot = slotLength(5, 5 + days * day);
      assert.equal(day % slot, 0);
      assert.ok((days * day) / slot <= 2_000_000);
      assert.equal(slot === SLOT_US, days <= 231);
    }
  });
  test('no rows, no windows', () => {
    assert.deepEqual(planWindows(summed([[], []]), 10, SLOT_US), []);
  });
});
