/** Merging segments: against a plain sort, in passes, and within its memory limit. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { PacketColumns } from '../../shared/packet/columns.ts';
import { FlowTable, type Sharding } from '../../shared/packet/flow/flowtable.ts';
import { mergeSegments, passGroups, peakOpenRows } from '../../shared/shard/merge.ts';
import { openRows, type Segment } from '../../shared/shard/segment.ts';
import { compareRecords } from '../../shared/shard/shardwriter.ts';
import { HEAVY } from '../heavy.ts';
import { assertSameRows, dice, extremeRows, orderedRows, randomFlows, rowText, SEED } from './packets.ts';
import { makeShard, wholeSegment } from './shards.ts';

const HOUR = 3600e6;

function scratchFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-merge-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A segment that is never read. */
function planned(firstUs: number, lastUs: number, rows: number): Segment {
  const read = (): never => assert.fail('planning reads nothing');
  const batches = [{ start: 0, end: 0, crc: 0, firstRow: 0, rows }];
  const key = 'planned';
  return { key, read, baseUs: firstUs, firstUs, lastUs, from: 0, to: rows, batches, captures: null, oneBucket: false };
}

test(`segments merge into the order of a plain sort, in one go and in passes (SEED=${SEED})`, HEAVY, async (t) => {
  const roll = dice(SEED);
  for (let round = 0; round < 12; round++) {
    const sharding: Sharding = { buckets: [1, 8, 256][roll(3)], seed: roll(2 ** 32), by: '5tuple' };
    const flows = randomFlows(roll, 1 + roll(40));
    const all: { columns: PacketColumns; row: number }[] = [];
    const segments: Segment[] = [];
    const captures = 1 + roll(30);
    for (let capture = 0; capture < captures; capture++) {
      const count = 1 + roll(200);
      const columns =
        roll(2) === 0 ? extremeRows(roll, count, flows, 1) : orderedRows(roll, count, flows, 1e15 + roll(5000), 40);
      columns.capture.fill(capture);
      for (let row = 0; row < count; row++) all.push({ columns, row });
      segments.push(wholeSegment(makeShard(columns, flows, sharding, 1 + roll(80))));
    }
    all.sort((a, b) => compareRecords(a.columns, a.row, b.columns, b.row));
    const expected = all.map(({ columns, row }) => rowText(columns, row, flows));
    for (const maxOpenRows of [1, 500, 1e6]) {
      const table = new FlowTable();
      const merged: string[] = [];
      const emit = (columns: PacketColumns, row: number): void => void merged.push(rowText(columns, row, table));
      await mergeSegments(segments, table, emit, { maxOpenRows, scratch: scratchFolder(t) });
      assertSameRows(merged, expected, `round ${round}, at most ${maxOpenRows} rows open, SEED=${SEED}`);
    }
  }
});

test('no segments yield no rows', async (t) => {
  const emit = (): never => assert.fail('there is nothing to emit');
  await mergeSegments([], new FlowTable(), emit, { maxOpenRows: 10, scratch: scratchFolder(t) });
});

test('segments that follow each other in time are not open together', () => {
  const apart = Array.from({ length: 100 }, (_, i) => planned(i * 10, i * 10 + 9, 50));
  const one = openRows(apart[0]);
  assert.ok(one >= 50);
  assert.equal(peakOpenRows(apart), one);
  const overlapping = Array.from({ length: 100 }, (_, i) => planned(i * 10, i * 10 + 10, 50));
  assert.equal(peakOpenRows(overlapping), 2 * one);
  const together = Array.from({ length: 100 }, () => planned(0, 10, 50));
  assert.equal(peakOpenRows(together), 100 * one);
});

test('a pass takes neighbours that fit within the limit together, and at least two', () => {
  const segments = [30, 30, 30, 200, 200, 10].map((rows) => planned(0, 1, rows));
  const sizes = (most: number): number[][] => passGroups(segments, most).map((group) => group.map(({ to }) => to));
  assert.deepEqual(sizes(3 * openRows(segments[0])), [[30, 30, 30], [200, 200], [10]]);
  assert.deepEqual(sizes(1), [
    [30, 30],
    [30, 200],
    [200, 10],
  ]);
});

test('5,000 shards that all span the same hour are merged within the memory bound', HEAVY, async (t) => {
  const shards = 5000;
  const rowsEach = 100;
  const maxOpenRows = 50_000;
  const roll = dice(1);
  const flows = randomFlows(roll, 50);
  const sharding: Sharding = { buckets: 1024, seed: 1, by: '5tuple' };
  const segments: Segment[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const columns = orderedRows(roll, rowsEach, flows, 1e15, (2 * HOUR) / rowsEach);
    columns.capture.fill(shard);
    segments.push(wholeSegment(makeShard(columns, flows, sharding, 16_384)));
  }
  segments.sort((a, b) => a.firstUs - b.firstUs);
  assert.ok(peakOpenRows(segments) > 0.95 * shards * rowsEach, 'in one pass nearly all of the rows would be open');

  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // Memory of released arrays is freed some time after the garbage collection that finds them.
  const live = async (): Promise<number> => {
    for (let i = 0; i < 5; i++) {
      collect();
      await setTimeout(10);
    }
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = await live();
  let peak = 0;
  let reads = 0;
  const measured = segments.map((segment) => ({
    ...segment,
    read: async (start: number, end: number): Promise<Uint8Array> => {
      if (++reads % 499 === 0) peak = Math.max(peak, (await live()) - before);
      return segment.read(start, end);
    },
  }));
  let rows = 0;
  let lastUs = 0;
  const emit = (columns: PacketColumns, row: number): void => {
    if (columns.us[row] < lastUs) assert.fail(`row ${rows} is earlier than the one before`);
    lastUs = columns.us[row];
    rows++;
  };
  await mergeSegments(measured, new FlowTable(), emit, { maxOpenRows, scratch: scratchFolder(t) });
  assert.equal(rows, shards * rowsEach);
  t.diagnostic(`at most ${(peak / 1e6).toFixed(1)} MB lived at once`);
  // Together these segments would take 76 MB (measured): 70 bytes a row, and some 8 KB a segment. The limit allows 3.5
  // MB of rows, the buffers of the run being written take 2 MB, and the descriptions of 5,000 segments and 25 runs less
  // than 1 MB. The assertion allows three times as much again for released arrays that are not freed yet.
  assert.ok(peak < 25e6, `${peak} bytes lived at once`);
});
