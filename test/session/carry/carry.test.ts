/** Sessions that pass from interval to interval: the tables are those of one tracker, wherever the borders are. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { Sharding } from '../../../shared/packet/flow/flowtable.ts';
import { DEFAULTS, type SessionConfig } from '../../../shared/session/sessionconfig.ts';
import { HEAVY } from '../../heavy.ts';
import { SEED, seeds } from '../../seed.ts';
import { writeCase } from '../casebook/compare.ts';
import { CASES } from '../casebook/index.ts';
import { SECOND } from '../dialogue.ts';
import { decodeCaptures } from '../fidelity.ts';
import { random, walk } from '../walk.ts';
import { cut, type Tables, Tracked, whole } from './cut.ts';
import { type Stream, stream } from './stream.ts';

const SHARDING: Sharding = { buckets: 16, seed: 5, by: '5tuple' };

/** Settings under which every timer runs, and runs out within a stream. */
const CONFIGS: readonly SessionConfig[] = [
  DEFAULTS,
  { ...DEFAULTS, tcpResetDelayUs: 2 * SECOND, tcpPartialCloseDelayUs: 3 * SECOND, dnsTimeoutUs: 0 },
  { ...DEFAULTS, tcpInactivityUs: SECOND / 10, udpInactivityUs: SECOND / 7, tcpCloseDelayUs: SECOND / 3 },
  { ...DEFAULTS, tcpInactivityUs: 9e10, udpInactivityUs: 9e10, tcpHandshakeInactivityUs: 9e10, tcpAttemptDelayUs: 9e9 },
];

/** Borders at random: at the time of a packet, a microsecond behind one, between two. */
function randomBorders({ columns }: Stream, count: number, next: () => number): number[] {
  const first = columns.us[0];
  const last = columns.us[columns.length - 1];
  const borders = Array.from({ length: count }, () => {
    const at = columns.us[Math.floor(next() * columns.length)];
    return [at, at + 1, Math.floor(first + next() * (last - first + 1))][Math.floor(next() * 3)];
  });
  return [...new Set(borders)].sort((a, b) => a - b);
}

/** All rows, and counts that do not depend on where the borders are. */
function compared({ sessions, packets, orphans, entered }: Tables): unknown {
  return { sessions, packets, orphans, entered };
}

test(`wherever the borders are, rows are those of one tracker (seeds ${SEED} to ${SEED + 11})`, HEAVY, async () => {
  let lateFlips = 0;
  let carried = 0;
  for (const seed of seeds(12)) {
    const next = random(seed);
    const packets = stream(seed, 1500);
    const config = CONFIGS[seed % CONFIGS.length];
    const expected = whole(packets, config);
    assert.ok(expected.sessions.length > 40 && expected.packets.length > 1000);
    for (const count of [1, 6, 60]) {
      const sharding = { ...SHARDING, buckets: [1, 7, 1024][Math.floor(next() * 3)] };
      const tables = await cut(packets, randomBorders(packets, count, next), sharding, next, config);
      assert.deepEqual(compared(tables), compared(expected), `seed ${seed}, ${count} borders`);
      lateFlips += tables.lateFlips;
      carried += tables.carried;
    }
  }
  assert.ok(lateFlips > 20 && carried > 1000, `only ${lateFlips} turned late, ${carried} were carried`);
});

test(`a border at every tick leaves the rows as they are (seeds ${SEED} to ${SEED + 1})`, HEAVY, async () => {
  for (const seed of seeds(2)) {
    const packets = stream(seed, 400, 12);
    const borders = [...new Set(packets.columns.us.slice(1))];
    assert.ok(borders.length > 200);
    const tables = await cut(packets, borders, SHARDING, random(seed), CONFIGS[seed % CONFIGS.length]);
    assert.deepEqual(compared(tables), compared(whole(packets, CONFIGS[seed % CONFIGS.length])), `seed ${seed}`);
  }
});

test(`random walks of the other tests, cut (seeds ${SEED} to ${SEED + 2})`, async () => {
  for (const seed of seeds(3)) {
    const packets = walk(seed, 3000);
    const next = random(seed);
    const tables = await cut(packets, randomBorders(packets, 20, next), SHARDING, next);
    assert.deepEqual(compared(tables), compared(whole(packets)), `seed ${seed}`);
  }
});

test('every case of the casebook, with a border at each of its packets, has its rows', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-carry-'));
  try {
    for (const one of CASES) {
      const packets = await decoded(writeCase(folder, one));
      const borders = [...new Set(packets.columns.us.subarray(0, packets.columns.length))].slice(0, 300);
      const tables = await cut(packets, borders, SHARDING, random(SEED));
      assert.deepEqual(compared(tables), compared(whole(packets)), one.name);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The packets of captures in time order. */
async function decoded(paths: readonly string[]): Promise<Stream> {
  const { columns, order, flows } = await decodeCaptures(paths);
  const sorted = stream(0, 0);
  for (const row of order) sorted.columns.pushRow(columns, row);
  return { columns: sorted.columns, flows };
}

test(`what a carry says depends on its sessions alone: not on partitions, ranks, hashes or earlier borders (seeds ${SEED} to ${SEED + 5})`, async () => {
  for (const seed of seeds(6)) {
    const next = random(seed);
    const packets = stream(seed, 1500);
    const running = new Tracked(DEFAULTS);
    let row = 0;
    await cut(packets, randomBorders(packets, 12, next), SHARDING, next, DEFAULTS, async (border, carries) => {
      if (carries.length === 0) return;
      for (; row < packets.columns.length && packets.columns.us[row] < border; row++) running.packet(packets, row);
      running.tracker.endBefore(border);
      const expected = running.carry(border, SHARDING).bytes;
      const one = new Tracked(DEFAULTS, 3, 50);
      // In any order: it is the sessions that decide.
      for (const carry of next() < 0.5 ? carries : [...carries].reverse()) await one.restore(carry, 0, 16);
      assert.equal(one.tracker.openSessions, running.tracker.openSessions, `seed ${seed}`);
      assert.ok(Buffer.from(one.carry(border, SHARDING).bytes).equals(expected), `seed ${seed}, border ${border}`);
    });
  }
});

test(`finish gives the same rows whether endBefore was called before or not (seed ${SEED})`, () => {
  const packets = stream(SEED, 1500);
  const last = packets.columns.us[packets.columns.length - 1];
  for (const border of [last + 1, last + SECOND, last + 70 * SECOND, last + 1e10]) {
    const rows = [false, true].map((early) => {
      const one = new Tracked(DEFAULTS);
      for (let row = 0; row < packets.columns.length; row++) one.packet(packets, row);
      if (early) one.tracker.endBefore(border);
      one.tracker.finish(border - 1);
      one.flush();
      return one.sessions.sort();
    });
    assert.deepEqual(rows[1], rows[0]);
  }
});

test('endBefore ends a session whose deadline is a microsecond before the border, and none that is due at it', () => {
  for (const [border, open] of [
    [DEFAULTS.udpInactivityUs, 1],
    [DEFAULTS.udpInactivityUs + 1, 0],
  ]) {
    const packets = stream(SEED, 1, 5);
    packets.columns.flow[0] = 4;
    packets.columns.meta[0] = 0;
    packets.columns.us[0] = 0;
    const one = new Tracked({ ...DEFAULTS, dnsTimeoutUs: 0 });
    one.packet(packets, 0);
    one.tracker.endBefore(border);
    assert.equal(one.tracker.openSessions, open);
  }
});
