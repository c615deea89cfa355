import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { PacketRows } from '../../shared/session/packetrows.ts';
import {
  encodePacketRun,
  type PacketRunBatch,
  type SessionLookup,
  turnedSessions,
} from '../../shared/table/packetrun.ts';
import {
  type PublishedRun,
  planReads,
  publishPackets,
  publishSessions,
  type ReadRange,
} from '../../shared/table/publish.ts';
import { openResults, type QueryValue } from '../../shared/table/query.ts';
import { type EncodedRun, encodeSessionRun, type RunBatch } from '../../shared/table/sessionrun.ts';
import { SEED } from '../seed.ts';
import {
  CONTEXT,
  DAY0_US,
  nanoseconds,
  random,
  randomPackets,
  randomSessions,
  takePackets,
  takeSessions,
  uidOf,
} from './rows.ts';

const dir = mkdtempSync(join(tmpdir(), 'flowstitch-publish-'));
after(() => rmSync(dir, { recursive: true }));

/** Encoded runs as objects, and how they are read. */
function stored<Batch extends RunBatch>(
  runs: readonly EncodedRun<Batch>[],
): { runs: PublishedRun<Batch>[]; read: ReadRange } {
  return {
    runs: runs.map((run, i) => ({ key: `run-${i}`, batches: run.batches })),
    read: async (key, start, end) => runs[Number(key.slice(4))].bytes.slice(start, end),
  };
}

/** 0..n-1, dealt to `hands` hands at random. */
function deal(n: number, hands: number, next: () => number): number[][] {
  const dealt = Array.from({ length: hands }, (): number[] => []);
  for (let i = 0; i < n; i++) dealt[Math.floor(next() * hands)].push(i);
  return dealt;
}

describe('planned reads', () => {
  const batch = (start: number, end: number, firstUs: number, lastUs: number): RunBatch => ({
    rows: 1,
    start,
    end,
    crc: 0,
    firstUs,
    lastUs,
  });
  const MiB = 1 << 20;
  test('take the batches that overlap the window, neighbours together up to 4 MiB', () => {
    const batches = [
      batch(8, 100, 0, 9),
      batch(100, 200, 10, 19),
      batch(200, 300, 19, 30),
      batch(300, 5 * MiB, 30, 30),
      batch(5 * MiB, 6 * MiB, 31, 40),
    ];
    const reads = (from: number, to: number): number[][] =>
      planReads({ key: 'k', batches }, from, to).map((r) => [r.start, r.end, r.batches.length]);
    assert.deepEqual(reads(10, 19), [[100, 200, 1]]);
    assert.deepEqual(reads(19, 20), [[100, 300, 2]]);
    assert.deepEqual(reads(0, 31), [
      [8, 300, 3],
      [300, 5 * MiB, 1],
    ]);
    assert.deepEqual(reads(41, 50), []);
  });
});

describe('publishing sessions', () => {
  test(`the file is the same however the rows lie in runs (seed ${SEED})`, async () => {
    const rows = randomSessions(30_000, SEED);
    const next = random(SEED);
    const fromUs = DAY0_US + 600_000_000;
    const toUs = DAY0_US + 2_400_000_000;
    const files: Buffer[] = [];
    for (const hands of [1, 2, 7]) {
      const runs = stored(deal(rows.length, hands, next).map((pick) => encodeSessionRun(takeSessions(rows, pick))));
      const path = join(dir, `sessions-${hands}.parquet`);
      const file = await publishSessions({ path, fromUs, toUs, ...runs, context: CONTEXT });
      assert.equal(file.rows, rows.startUs.filter((us) => us >= fromUs && us < toUs).length);
      assert.equal(file.bytes, readFileSync(path).length);
      files.push(readFileSync(path));
    }
    assert.deepEqual(files[1], files[0]);
    assert.deepEqual(files[2], files[0]);
  });

  test('a window without rows gives a file without rows', async () => {
    const path = join(dir, 'none.parquet');
    const runs = stored([encodeSessionRun(randomSessions(10, 1))]);
    assert.equal((await publishSessions({ path, fromUs: 0, toUs: 1, ...runs, context: CONTEXT })).rows, 0);
    assert.equal(
      (await publishSessions({ path, fromUs: 0, toUs: 1, runs: [], read: runs.read, context: CONTEXT })).rows,
      0,
    );
  });
});

/** The rows of the packets table in its order, in the plainest way. */
function expectedPackets(rows: PacketRows, lookup: SessionLookup, fromUs: number, toUs: number): QueryValue[][] {
  const key = (i: number): string => {
    const session = rows.session[i];
    return `${String(nanoseconds(lookup.startUs[session], lookup.startNs[session])).padStart(20, '0')} ${uidOf(lookup.uid, session)}`;
  };
  const picked = [...Array(rows.length).keys()].filter((i) => {
    const us = lookup.startUs[rows.session[i]];
    return us >= fromUs && us < toUs;
  });
  const keys = picked.map((i) => ({ i, key: key(i) }));
  keys.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.i - b.i));
  return keys.map(({ i }) => {
    const session = rows.session[i];
    const fragment = rows.fragOfUs[i] >= 0;
    const tcp = lookup.proto[session] === 6 && !fragment;
    return [
      BigInt(Math.floor(rows.us[i] / 1000)),
      nanoseconds(rows.us[i], rows.ns[i]),
      uidOf(lookup.uid, session),
      rows.fromB[i] === lookup.origIsB[session],
      rows.level[i],
      fragment ? nanoseconds(rows.fragOfUs[i], rows.fragOfNs[i]) : null,
      CONTEXT.captureName(rows.capture[i]),
      BigInt(rows.offset[i]),
      BigInt(rows.capLen[i]),
      BigInt(rows.origLen[i]),
      BigInt(rows.ipLen[i]),
      BigInt(rows.payloadLen[i]),
      tcp ? rows.tcpFlags[i] : null,
      tcp ? BigInt(rows.tcpSeq[i]) : null,
      tcp ? BigInt(rows.tcpAck[i]) : null,
      tcp ? rows.tcpWindow[i] : null,
    ];
  });
}

/**
 * Runs as several reduce tasks write them: sessions dealt to tasks, each task's
 * packets cut at random places in time order.
 */
function packetRuns(
  rows: PacketRows,
  lookup: SessionLookup,
  tasks: number,
  cuts: number,
  next: () => number,
): EncodedRun<PacketRunBatch>[] {
  const taskOf = Array.from(lookup.startUs, () => Math.floor(next() * tasks));
  const runs: EncodedRun<PacketRunBatch>[] = [];
  for (let task = 0; task < tasks; task++) {
    const mine = [...Array(rows.length).keys()].filter((i) => taskOf[rows.session[i]] === task);
    const places = [
      0,
      ...Array.from({ length: cuts }, () => Math.floor(next() * mine.length)).sort((a, b) => a - b),
      mine.length,
    ];
    for (let i = 1; i < places.length; i++)
      runs.push(encodePacketRun(takePackets(rows, mine.slice(places[i - 1], places[i])), lookup));
  }
  return runs;
}

async function readPackets(path: string): Promise<QueryValue[][]> {
  const results = await openResults({ packets: [path] });
  const { rows } = await results.runQuery('SELECT * REPLACE (epoch_ms(ts) AS ts) FROM packets');
  results.close();
  return rows;
}

describe('publishing packets', () => {
  test(`the file is the same however tasks and runs were cut, and holds every value (seed ${SEED})`, async () => {
    const { rows, lookup } = randomPackets(40_000, 3000, SEED);
    const next = random(SEED + 1);
    const files: Buffer[] = [];
    for (const [tasks, cuts] of [
      [1, 0],
      [1, 5],
      [4, 3],
    ]) {
      const path = join(dir, `packets-${tasks}-${cuts}.parquet`);
      const runs = stored(packetRuns(rows, lookup, tasks, cuts, next));
      const file = await publishPackets({ path, fromUs: 0, toUs: 2 ** 53, ...runs, ...CONTEXT, turned: new Map() });
      assert.equal(file.rows, rows.length);
      files.push(readFileSync(path));
    }
    assert.deepEqual(await readPackets(join(dir, 'packets-1-0.parquet')), expectedPackets(rows, lookup, 0, 2 ** 53));
    assert.deepEqual(files[1], files[0]);
    assert.deepEqual(files[2], files[0]);
  });

  test(`windows together hold every packet once (seed ${SEED})`, async () => {
    const { rows, lookup } = randomPackets(30_000, 2000, SEED);
    const runs = stored(packetRuns(rows, lookup, 2, 2, random(SEED + 2)));
    const middle = lookup.startUs[1000];
    for (const [fromUs, toUs] of [
      [0, middle],
      [middle, 2 ** 53],
    ]) {
      const path = join(dir, 'window.parquet');
      await publishPackets({ path, fromUs, toUs, ...runs, ...CONTEXT, turned: new Map() });
      assert.deepEqual(await readPackets(path), expectedPackets(rows, lookup, fromUs, toUs));
    }
  });

  test('a direction that turned after a run was written is put right in all its rows', async () => {
    const { rows, lookup } = randomPackets(3000, 50, 21);
    const early = encodePacketRun(takePackets(rows, [...Array(1500).keys()]), lookup);
    const turned = [0, 3, 7];
    const last = { ...lookup, origIsB: lookup.origIsB.slice() };
    for (const session of turned) last.origIsB[session] ^= 1;
    const late = encodePacketRun(
      takePackets(
        rows,
        [...Array(1500).keys()].map((i) => i + 1500),
      ),
      last,
    );
    const path = join(dir, 'turned.parquet');
    await publishPackets({
      path,
      fromUs: 0,
      toUs: 2 ** 53,
      ...stored([early, late]),
      ...CONTEXT,
      // Listed once a change: a session that turned back and forth is listed for each.
      turned: turnedSessions([...turned, 5, 5], last),
    });
    assert.deepEqual(await readPackets(path), expectedPackets(rows, last, 0, 2 ** 53));
  });

  test('no runs give a file without rows', async () => {
    const path = join(dir, 'no-packets.parquet');
    const none = { runs: [], read: async (): Promise<Uint8Array> => new Uint8Array(0) };
    assert.equal((await publishPackets({ path, fromUs: 0, toUs: 1, ...none, ...CONTEXT, turned: new Map() })).rows, 0);
    assert.deepEqual(await readPackets(path), []);
  });

  test('a read that brings too few bytes, or fails, is an error, and nothing is left in the temp directory', async () => {
    const temp = mkdtempSync(join(dir, 'temp-'));
    const { rows, lookup } = randomPackets(100, 5, 22);
    const { runs, read } = stored([encodePacketRun(rows, lookup)]);
    const task = {
      path: join(dir, 'bad.parquet'),
      fromUs: 0,
      toUs: 2 ** 53,
      runs,
      ...CONTEXT,
      turned: new Map(),
      limits: { tempDirectory: temp },
    };
    await assert.rejects(
      publishPackets({ ...task, read: async (key, start, end) => (await read(key, start, end)).subarray(1) }),
      /run-0/,
    );
    await assert.rejects(
      publishPackets({
        ...task,
        read: async () => {
          throw new Error('gone');
        },
      }),
      /gone/,
    );
    await assert.rejects(publishPackets({ ...task, read: async (_, start, end) => new Uint8Array(end - start) }));
    assert.deepEqual(readdirSync(temp), []);
  });
});
