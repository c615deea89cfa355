import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { QueryValue } from '../../shared/query/queryresult.ts';
import { openResults } from '../../shared/query/results.ts';
import type { PacketRows } from '../../shared/session/rows/packetrows.ts';
import { type PublishedPart, publishPackets, publishSessions } from '../../shared/table/publishedfiles.ts';
import { FlippedSessions, flippedRows } from '../../shared/table/run/flippedsessions.ts';
import { encodePacketRun, type PacketRunBatch, type SessionLookup } from '../../shared/table/run/packetrun.ts';
import { type PublishedRun, planReads, type ReadObjectRange } from '../../shared/table/run/runreads.ts';
import { type EncodedRun, encodeSessionRun, type RunBatch } from '../../shared/table/run/sessionrun.ts';
import { startOrder } from '../../shared/table/startorder.ts';
import type { TableName } from '../../shared/table/tables.ts';
import { HEAVY } from '../heavy.ts';
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
): { runs: PublishedRun<Batch>[]; read: ReadObjectRange } {
  return {
    runs: runs.map((run, i) => ({ key: `run-${i}`, batches: run.batches })),
    read: async (key, start, end) => runs[Number(key.slice(4))].bytes.slice(start, end),
  };
}

/** 0..n-1, distributed to `hands` hands at random. */
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

/** What a generator of files gives. */
async function files(parts: AsyncGenerator<PublishedPart>): Promise<PublishedPart[]> {
  const all: PublishedPart[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

const ALL_TIME = { fromUs: 0, toUs: 2 ** 53 };

/** A task for one file, with a folder of its own and no effective row limit. */
function taskOf(name: string, ...windows: { fromUs: number; toUs: number }[]) {
  const directory = join(dir, name);
  mkdirSync(directory);
  return { directory, windows, mostRows: 1_000_000, ...CONTEXT };
}

describe('publishing sessions', () => {
  test(`the file is the same for any distribution of the rows over runs (seed ${SEED})`, HEAVY, async () => {
    const rows = randomSessions(30_000, SEED);
    const next = random(SEED);
    const fromUs = DAY0_US + 600_000_000;
    const toUs = DAY0_US + 2_400_000_000;
    const bytes: Buffer[] = [];
    for (const hands of [1, 2, 7]) {
      const runs = stored(deal(rows.length, hands, next).map((pick) => encodeSessionRun(takeSessions(rows, pick))));
      const [file, ...others] = await files(
        publishSessions({ ...taskOf(`sessions-${hands}`, { fromUs, toUs }), ...runs }),
      );
      assert.equal(others.length, 0);
      assert.equal(file.rows, rows.startUs.filter((us) => us >= fromUs && us < toUs).length);
      assert.equal(file.bytes, readFileSync(file.path).length);
      bytes.push(readFileSync(file.path));
    }
    assert.deepEqual(bytes[1], bytes[0]);
    assert.deepEqual(bytes[2], bytes[0]);
  });

  test('a window without rows has no file', async () => {
    const runs = stored([encodeSessionRun(randomSessions(10, 1))]);
    const task = taskOf('none', { fromUs: 0, toUs: 1 });
    assert.deepEqual(await files(publishSessions({ ...task, ...runs })), []);
    assert.deepEqual(await files(publishSessions({ ...task, runs: [], read: runs.read })), []);
  });

  test(`windows that share a task yield the same files as each alone (seed ${SEED})`, async () => {
    const runs = stored([encodeSessionRun(randomSessions(5000, SEED))]);
    const windows = [0, 100, 101, 200e6, 400e6, 3600e6].map((us) => DAY0_US + us);
    const ranges = windows.slice(1).map((toUs, i) => ({ fromUs: windows[i], toUs }));
    const together = await files(publishSessions({ ...taskOf('together', ...ranges), ...runs }));
    const alone: PublishedPart[] = [];
    for (const [number, range] of ranges.entries())
      for (const file of await files(publishSessions({ ...taskOf(`alone-${number}`, range), ...runs })))
        alone.push({ ...file, window: number });
    assert.equal(alone.length, 4, 'no session starts in that one microsecond');
    const content = ({ window, piece, rows, path }: PublishedPart): unknown[] => [
      window,
      piece,
      rows,
      readFileSync(path),
    ];
    assert.deepEqual(together.map(content), alone.map(content));
  });

  test(
    `a window of more rows than a file may have is cut by rows, at whatever instant they start (seed ${SEED})`,
    HEAVY,
    async () => {
      for (const spanUs of [1, 2, 40, 1e6]) {
        const rows = randomSessions(20_000, SEED, DAY0_US, spanUs);
        if (spanUs === 1) rows.startNs.fill(7);
        const order = startOrder(rows);
        const range = { fromUs: DAY0_US, toUs: DAY0_US + Math.max(3, spanUs) };
        const bytes: Buffer[][] = [];
        for (const hands of [1, 5]) {
          const runs = stored(
            deal(rows.length, hands, random(SEED)).map((pick) => encodeSessionRun(takeSessions(rows, pick))),
          );
          const parts = await files(
            publishSessions({ ...taskOf(`cut-${spanUs}-${hands}`, range), mostRows: 3000, ...runs }),
          );
          assert.deepEqual(
            parts.map(({ window, piece, rows }) => [window, piece, rows]),
            [0, 1, 2, 3, 4, 5, 6].map((piece) => [0, piece, piece < 6 ? 3000 : 2000]),
          );
          const uids = await queried('sessions', parts, 'SELECT uid FROM sessions');
          assert.deepEqual(
            uids.flat(),
            [...order].map((row) => uidOf(rows.uid, row)),
          );
          bytes.push(parts.map(({ path }) => readFileSync(path)));
        }
        assert.deepEqual(bytes[1], bytes[0]);
      }
    },
  );

  test(`windows of which one holds too much are cut at their borders and inside (seed ${SEED})`, HEAVY, async () => {
    const rows = randomSessions(20_000, SEED, DAY0_US, 1000);
    const runs = stored(deal(rows.length, 3, random(SEED)).map((pick) => encodeSessionRun(takeSessions(rows, pick))));
    const ranges = [
      { fromUs: DAY0_US + 1, toUs: DAY0_US + 100 },
      { fromUs: DAY0_US + 100, toUs: DAY0_US + 101 },
      { fromUs: DAY0_US + 101, toUs: DAY0_US + 900 },
    ];
    const parts = await files(publishSessions({ ...taskOf('borders', ...ranges), mostRows: 2500, ...runs }));
    for (const [window, { fromUs, toUs }] of ranges.entries()) {
      const counts = parts.filter((part) => part.window === window).map((part) => part.rows);
      const inside = rows.startUs.filter((us) => us >= fromUs && us < toUs).length;
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        inside,
      );
      assert.equal(counts.length, Math.ceil(inside / 2500));
    }
  });
});

/** The rows of the packets table in its order, computed in the simplest way. */
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

async function queried(table: TableName, parts: readonly PublishedPart[], sql: string): Promise<QueryValue[][]> {
  const results = await openResults({ [table]: parts.map(({ path }) => path) });
  const { rows } = await results.runQuery(sql);
  results.close();
  return rows;
}

function readPackets(parts: readonly PublishedPart[]): Promise<QueryValue[][]> {
  return queried('packets', parts, 'SELECT * EXCLUDE (dt) REPLACE (epoch_ms(ts) AS ts) FROM packets');
}

/** No session flipped. */
const NONE = new FlippedSessions();

describe('publishing packets', () => {
  test(
    `the file is the same however tasks and runs were cut, and holds every value (seed ${SEED})`,
    HEAVY,
    async () => {
      const { rows, lookup } = randomPackets(40_000, 3000, SEED);
      const next = random(SEED + 1);
      const bytes: Buffer[] = [];
      for (const [tasks, cuts] of [
        [1, 0],
        [1, 5],
        [4, 3],
      ]) {
        const runs = stored(packetRuns(rows, lookup, tasks, cuts, next));
        const task = taskOf(`packets-${tasks}-${cuts}`, ALL_TIME);
        const parts = await files(publishPackets({ ...task, ...runs, flipped: NONE }));
        assert.deepEqual(
          parts.map((part) => part.rows),
          [rows.length],
        );
        bytes.push(readFileSync(parts[0].path));
        assert.deepEqual(await readPackets(parts), expectedPackets(rows, lookup, 0, 2 ** 53));
      }
      assert.deepEqual(bytes[1], bytes[0]);
      assert.deepEqual(bytes[2], bytes[0]);
    },
  );

  test(`windows together hold every packet once (seed ${SEED})`, HEAVY, async () => {
    const { rows, lookup } = randomPackets(30_000, 2000, SEED);
    const runs = stored(packetRuns(rows, lookup, 2, 2, random(SEED + 2)));
    const middle = lookup.startUs[1000];
    const ranges = [
      { fromUs: 0, toUs: middle },
      { fromUs: middle, toUs: 2 ** 53 },
    ];
    const together = await files(publishPackets({ ...taskOf('halves', ...ranges), ...runs, flipped: NONE }));
    assert.equal(together.length, 2);
    for (const [window, range] of ranges.entries()) {
      const parts = await files(publishPackets({ ...taskOf(`half-${window}`, range), ...runs, flipped: NONE }));
      assert.deepEqual(await readPackets(parts), expectedPackets(rows, lookup, range.fromUs, range.toUs));
      assert.deepEqual(readFileSync(together[window].path), readFileSync(parts[0].path));
    }
  });

  test(`a full file ends, even within a session (seed ${SEED})`, HEAVY, async () => {
    const { rows, lookup } = randomPackets(20_000, 300, SEED);
    for (const [tasks, cuts] of [
      [1, 0],
      [3, 2],
    ]) {
      const runs = stored(packetRuns(rows, lookup, tasks, cuts, random(SEED)));
      const task = { ...taskOf(`full-${tasks}`, ALL_TIME), mostRows: 3000 };
      const parts = await files(publishPackets({ ...task, ...runs, flipped: NONE }));
      assert.deepEqual(
        parts.map((part) => part.rows),
        [3000, 3000, 3000, 3000, 3000, 3000, 2000],
      );
      assert.deepEqual(await readPackets(parts), expectedPackets(rows, lookup, 0, 2 ** 53));
    }
  });

  test('a direction that flipped after a run was written is corrected in all its rows', async () => {
    const { rows, lookup } = randomPackets(3000, 50, 21);
    const early = encodePacketRun(takePackets(rows, [...Array(1500).keys()]), lookup);
    const flipped = [0, 3, 7];
    const last = { ...lookup, origIsB: lookup.origIsB.slice() };
    for (const session of flipped) last.origIsB[session] ^= 1;
    const late = encodePacketRun(
      takePackets(
        rows,
        [...Array(1500).keys()].map((i) => i + 1500),
      ),
      last,
    );
    // Listed once a change: a session that flipped back and forth is listed for each.
    const list = [...flippedRows([...flipped, 5, 5], last)];
    assert.equal(list.length, 4);
    const directions = new FlippedSessions();
    for (const row of list.reverse()) directions.add([row]);
    const task = taskOf('flipped', ALL_TIME);
    const parts = await files(publishPackets({ ...task, ...stored([early, late]), flipped: directions }));
    assert.deepEqual(await readPackets(parts), expectedPackets(rows, last, 0, 2 ** 53));
  });

  test('no runs yield no file', async () => {
    const none = { runs: [], read: async (): Promise<Uint8Array> => new Uint8Array(0) };
    const task = taskOf('no-packets', { fromUs: 0, toUs: 1 });
    assert.deepEqual(await files(publishPackets({ ...task, ...none, flipped: NONE })), []);
  });

  test('a read that returns too few bytes, or fails, is an error, and nothing is left in the temp directory', async () => {
    const temp = mkdtempSync(join(dir, 'temp-'));
    const { rows, lookup } = randomPackets(100, 5, 22);
    const { runs, read } = stored([encodePacketRun(rows, lookup)]);
    const task = {
      ...taskOf('bad', ALL_TIME),
      runs,
      flipped: NONE,
      limits: { tempDirectory: temp },
    };
    await assert.rejects(
      files(publishPackets({ ...task, read: async (key, start, end) => (await read(key, start, end)).subarray(1) })),
      /run-0/,
    );
    await assert.rejects(
      files(
        publishPackets({
          ...task,
          read: async () => {
            throw new Error('gone');
          },
        }),
      ),
      /gone/,
    );
    await assert.rejects(
      files(publishPackets({ ...task, read: async (_, start, end) => new Uint8Array(end - start) })),
    );
    assert.deepEqual(readdirSync(temp), []);
  });
});
