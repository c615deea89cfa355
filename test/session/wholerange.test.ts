/**
 * Times: the tracker accepts all that readers produce (0..MAX_US). Packets moved by any number of microseconds yield
 * the same sessions, moved.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { MAX_US } from '../../shared/capture/facts.ts';
import type { PacketColumns } from '../../shared/packet/columns.ts';
import type { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { SessionRows } from '../../shared/session/rows/sessionrows.ts';
import { DEFAULTS } from '../../shared/session/sessionconfig.ts';
import { SessionTracker } from '../../shared/session/tracker.ts';
import { ACK, Dialogue, SECOND, SYN, seenRows, T0 } from './dialogue.ts';
import { random, walk } from './walk.ts';

const SEED = Number(process.env.SEED ?? 41);
/** A cell of the expiry wheel covers 2^20 microseconds: the numbers of cells outgrow 31 bits after this time. */
const CELLS_OF_31_BITS = 2 ** 51;

/** Sessions of the packets with `by` added to their times; times are returned without it. */
function sessions(columns: PacketColumns, flows: FlowTable, by: number): string[] {
  const us = columns.us.slice();
  for (let row = 0; row < columns.length; row++) columns.us[row] += by;
  const rows = new SessionRows(10_000);
  const tracker = new SessionTracker(DEFAULTS, flows, rows, () => {
    throw new Error('more sessions than rows');
  });
  for (let row = 0; row < columns.length; row++) tracker.packet(columns, row, columns.flow[row], columns.capture[row]);
  tracker.finish();
  columns.us.set(us);
  // Uids are hashes of times.
  return seenRows(rows)
    .map(({ uid: _, ...seen }) => JSON.stringify({ ...seen, start: seen.start - by }))
    .sort();
}

/** Where the first packet is put: seconds of 31 and 32 bits, cells of 31 and 32 bits, the beginning and the end. */
function starts(length: number, next: () => number): number[] {
  const around = [0, 2 ** 31 * SECOND, 2 ** 32 * SECOND, 2 ** 31, 2 ** 32, CELLS_OF_31_BITS, MAX_US - length];
  const year2055 = Date.UTC(2055, 0) * 1000;
  const spread = around.flatMap((at) => [at, at - 1, at - Math.floor(length / 2), at + 1]);
  for (let i = 0; i < 12; i++) spread.push(Math.floor(next() * (MAX_US - length)));
  return [...spread, year2055, CELLS_OF_31_BITS - 2 ** 20].filter((at) => at >= 0 && at <= MAX_US - length);
}

test(`packets moved to any time yield the same sessions, moved (seed ${SEED})`, () => {
  for (let round = 0; round < 3; round++) {
    const { columns, flows } = walk(SEED + round, 3000);
    const first = columns.us[0];
    const length = columns.us[columns.length - 1] - first;
    const expected = sessions(columns, flows, 0);
    assert.ok(expected.length > 100, `seed ${SEED + round}: too few sessions to be meaningful`);
    for (const start of starts(length, random(SEED + round)))
      assert.deepEqual(
        sessions(columns, flows, start - first),
        expected,
        `seed ${SEED + round}, first packet at ${start}`,
      );
  }
});

test('three SYNs of one flow end, in the second in which cells exceed 31 bits', () => {
  const late = CELLS_OF_31_BITS - T0;
  const d = new Dialogue(40000, 80).a({ flags: SYN, seq: 1000, at: late + 100_000 });
  d.a({ flags: SYN, seq: 2000, at: late + 100_001 }).a({ flags: SYN, seq: 3000, at: late + 10 * SECOND });
  assert.deepEqual(
    d.end().map((s) => s.reason),
    ['reused', 'attempt', 'end_of_input'],
  );
});

test('a round trip of the handshake may take hours', () => {
  const hour = 3600 * SECOND;
  const d = new Dialogue(40000, 80, 6, { tcpAttemptDelayUs: 9 * hour, tcpHandshakeInactivityUs: 9 * hour });
  d.a({ flags: SYN, seq: 100, at: 0 }).b({ flags: SYN | ACK, seq: 500, ack: 101, at: hour });
  assert.equal(d.end()[0].synRtt, hour);
});

test('sequence numbers may wrap more than 65,536 times, and acknowledgements too', () => {
  const d = new Dialogue(40000, 80).handshake(100, 500);
  const step = 0x7fff0000;
  const packets = 140_000;
  let sent = 101;
  for (let i = 0; i < packets; i++) {
    d.columns.length = 0;
    sent = (sent + step) >>> 0;
    d.a({ flags: ACK, seq: sent, ack: 501, at: 10_000 }).b({ flags: ACK, seq: 501, ack: sent, at: 10_000 });
  }
  assert.deepEqual(d.end()[0].bytes, [packets * step, 0]);
});
