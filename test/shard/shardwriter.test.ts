/** Properties of a shard: its order, its batches, and that any Arrow reader reads it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { tableFromIPC } from 'apache-arrow';
import type { PacketColumns } from '../../shared/packet/columns.ts';
import { bucketOf, FlowTable, KEY_WORDS, type Sharding, shardHash } from '../../shared/packet/flow/flowtable.ts';
import { SHARD_SCHEMA } from '../../shared/shard/shardschema.ts';
import { compareRecords, MAX_BATCH_ROWS } from '../../shared/shard/shardwriter.ts';
import { HEAVY } from '../heavy.ts';
import { assertSameRows, dice, extremeRows, orderedRows, randomFlows, rowText, rowTexts, SEED } from './packets.ts';
import { bucketStarts, makeShard, readSegment, segmentOf, wholeSegment } from './shards.ts';

const SHARDING: Sharding = { buckets: 64, seed: 7, by: '5tuple' };

function bucketOfFlow(flows: FlowTable, flow: number, { buckets, seed, by }: Sharding): number {
  return bucketOf(shardHash(flows.words, flow * KEY_WORDS, seed, by), buckets);
}

/** Rows of each bucket with any, as text, in the order that the shard must have. */
function expectedBuckets(columns: PacketColumns, flows: FlowTable, sharding: Sharding): Map<number, string[]> {
  const order = Array.from({ length: columns.length }, (_, row) => row).sort(
    (a, b) =>
      bucketOfFlow(flows, columns.flow[a], sharding) - bucketOfFlow(flows, columns.flow[b], sharding) ||
      compareRecords(columns, a, columns, b),
  );
  const buckets = new Map<number, string[]>();
  for (const row of order) {
    const bucket = bucketOfFlow(flows, columns.flow[row], sharding);
    const rows = buckets.get(bucket) ?? [];
    rows.push(rowText(columns, row, flows));
    buckets.set(bucket, rows);
  }
  return buckets;
}

test(
  `rows are ordered by bucket and then by the order of records, as the index says (SEED=${SEED})`,
  HEAVY,
  async () => {
    const roll = dice(SEED);
    for (let round = 0; round < 15; round++) {
      const sharding: Sharding = {
        buckets: [1, 7, 64, 1024][roll(4)],
        seed: roll(2 ** 32),
        by: (['5tuple', '4tuple', '2tuple'] as const)[roll(3)],
      };
      const flows = randomFlows(roll, 1 + roll(100));
      const columns = extremeRows(roll, 1 + roll(2000), flows, 3);
      const expected = expectedBuckets(columns, flows, sharding);
      const shard = makeShard(columns, flows, sharding, 1 + roll(300));
      const { index, bytes } = shard;
      const message = `round ${round}, SEED=${SEED}`;
      assert.equal(index.bytes, bytes.length, message);
      assert.equal(index.rows, columns.length, message);
      assert.deepEqual(
        index.buckets.filter((_, i) => i % 2 === 0),
        [...expected.keys()],
        message,
      );
      const starts = bucketStarts(shard);
      let number = 0;
      for (const rows of expected.values()) {
        assert.equal(starts[number + 1] - starts[number], rows.length, message);
        const table = new FlowTable();
        assertSameRows(
          await readSegment(segmentOf(shard, starts[number], starts[++number], true), table),
          rows,
          message,
        );
      }
      const us = columns.us.subarray(0, columns.length);
      assert.deepEqual([index.firstUs, index.lastUs], [Math.min(...us), Math.max(...us)], message);
    }
  },
);

test('captures of equal time are in order of their ranks, not of their numbers', async () => {
  const flows = randomFlows(dice(1), 1);
  const columns = orderedRows(dice(1), 3, flows, 5, 1);
  columns.us.fill(5);
  columns.ns.fill(0);
  columns.capture.set([0, 1, 2]);
  const shard = makeShard(columns, flows, SHARDING, 100, [2, 0, 1]);
  const rows = await readSegment(segmentOf(shard, 0, 3, true, [2, 0, 1]), new FlowTable());
  assert.deepEqual(
    rows.map((text) => / capture=(\d)/.exec(text)?.[1]),
    ['0', '1', '2'],
  );
});

test('batches end where buckets end, are adjacent, and reach the requested size', () => {
  const roll = dice(3);
  const flows = randomFlows(roll, 400);
  const shard = makeShard(orderedRows(roll, 20_000, flows, 1e15, 50), flows, SHARDING, 1000);
  const borders = new Set(bucketStarts(shard));
  let row = 0;
  let byte = shard.index.batches[0].start;
  for (const [number, batch] of shard.index.batches.entries()) {
    assert.equal(batch.firstRow, row);
    assert.equal(batch.start, byte);
    row += batch.rows;
    byte = batch.end;
    assert.ok(borders.has(row), `batch ${number} ends inside a bucket`);
    if (number + 1 < shard.index.batches.length)
      assert.ok(batch.rows >= 1000, `batch ${number} has ${batch.rows} rows`);
  }
  assert.equal(row, 20_000);
});

test('a bucket larger than a batch gets batches of its own, which begin where it begins', HEAVY, async () => {
  const roll = dice(4);
  const flows = randomFlows(roll, 60);
  // The heavy flow has more rows than two batches; the others are around it.
  const columns = orderedRows(roll, 2 * MAX_BATCH_ROWS + 30_000, flows, 1e15, 50);
  for (let row = 0; row < columns.length; row++) if (row % 10 !== 0) columns.flow[row] = 0;
  const shard = makeShard(columns, flows, SHARDING, 16_384);
  const heavy = shard.index.buckets.indexOf(bucketOfFlow(flows, 0, SHARDING));
  assert.equal(heavy % 2, 0);
  const from = shard.index.buckets[heavy + 1];
  const to = shard.index.buckets[heavy + 3] ?? shard.index.rows;
  assert.ok(to - from > MAX_BATCH_ROWS);
  const own = shard.index.batches.filter(({ firstRow, rows }) => firstRow < to && firstRow + rows > from);
  assert.deepEqual(
    [own[0].firstRow, own[own.length - 1].firstRow + own[own.length - 1].rows],
    [from, to],
    'its batches hold no row of another bucket',
  );
  for (const { rows } of shard.index.batches) assert.ok(rows <= MAX_BATCH_ROWS);
  const expected = expectedBuckets(columns, flows, SHARDING).get(bucketOfFlow(flows, 0, SHARDING)) ?? [];
  assertSameRows(await readSegment(segmentOf(shard, from, to, true), new FlowTable()), expected, 'the heavy bucket');
});

test(`any run of buckets reads as the rows of those buckets in order of time (SEED=${SEED})`, HEAVY, async () => {
  const roll = dice(SEED + 2);
  for (let round = 0; round < 10; round++) {
    const flows = randomFlows(roll, 1 + roll(80));
    const columns = extremeRows(roll, 1 + roll(1500), flows, 4);
    const shard = makeShard(columns, flows, SHARDING, [1, 10, 100, 5000][roll(4)]);
    const buckets = [...expectedBuckets(columns, flows, SHARDING).keys()];
    const starts = bucketStarts(shard);
    for (let cut = 0; cut < 12; cut++) {
      const first = roll(buckets.length);
      const end = first + 1 + roll(buckets.length - first);
      const inside = new Set(buckets.slice(first, end));
      const rows = Array.from({ length: columns.length }, (_, row) => row)
        .filter((row) => inside.has(bucketOfFlow(flows, columns.flow[row], SHARDING)))
        .sort((a, b) => compareRecords(columns, a, columns, b));
      const expected = rows.map((row) => rowText(columns, row, flows));
      const segment = segmentOf(shard, starts[first], starts[end], end === first + 1);
      assertSameRows(await readSegment(segment, new FlowTable()), expected, `round ${round}, SEED=${SEED}`);
    }
  }
});

test('a writer produces the same bytes from the same rows, whatever it wrote before', () => {
  const flows = randomFlows(dice(8), 30);
  const columns = extremeRows(dice(9), 500, flows, 2);
  const first = makeShard(columns, flows, SHARDING, 50);
  const more = randomFlows(dice(10), 3000);
  makeShard(extremeRows(dice(11), 5000, more, 2), more, SHARDING, 50);
  assert.deepEqual(makeShard(columns, flows, SHARDING, 50), first);
});

test('a standard Arrow reader reads the whole object', async () => {
  const roll = dice(6);
  const flows = randomFlows(roll, 50);
  const columns = extremeRows(roll, 3000, flows, 2);
  const shard = makeShard(columns, flows, SHARDING, 500);
  const table = tableFromIPC(shard.bytes);
  assert.equal(table.numRows, 3000);
  assert.equal(table.batches.length, shard.index.batches.length);
  assert.deepEqual(table.schema.fields.map(String), SHARD_SCHEMA.fields.map(String));
  // Columns that are not encoded can be compared without our decoder.
  const values = (name: string): number[] => [...(table.getChild(name) ?? [])].sort((a, b) => a - b);
  for (const [name, column] of [
    ['ns', columns.ns],
    ['ip_len', columns.ipLen],
    ['tcp_flags', columns.tcpFlags],
  ] as const)
    assert.deepEqual(
      values(name),
      [...column.subarray(0, 3000)].sort((a, b) => a - b),
      name,
    );
  assert.equal((await readSegment(wholeSegment(shard), new FlowTable())).length, rowTexts(columns, flows).length);
});

test('a segment with fewer batches than its list says is an error', async () => {
  const flows = randomFlows(dice(12), 20);
  const shard = makeShard(orderedRows(dice(12), 400, flows, 1e15, 9), flows, SHARDING, 50);
  const segment = wholeSegment(shard);
  const short = { ...segment, read: async (start: number) => shard.bytes.slice(start, segment.batches[1].end) };
  await assert.rejects(readSegment(short, new FlowTable()), {
    ...{ name: 'StoreError', reason: 'damaged' },
    message: /^a shard is damaged: \d+ of its \d+ bytes/,
  });
});
