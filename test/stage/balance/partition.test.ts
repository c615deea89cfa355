/** Cutting buckets into partitions and partitions into groups: everything once, nothing too large that could be smaller. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardPlace } from '../../../shared/job/tasks/maptask.ts';
import { MAX_BATCH_ROWS } from '../../../shared/shard/shardwriter.ts';
import { type PackedShard, ShardPacker } from '../../../shared/stage/balance/packedshard.ts';
import {
  type BucketRange,
  bucketRows,
  cutBuckets,
  cutGroups,
  partitionTarget,
  segmentOf,
} from '../../../shared/stage/balance/partition.ts';
import { between, pick, random, SEED } from '../../job/harness.ts';
import { placed } from './placedshard.ts';

const packer = new ShardPacker();
const shard = (...made: Parameters<typeof placed>): PackedShard => packer.pack(placed(...made));

function randomRows(next: () => number, buckets: number): number[] {
  const heavy = between(next, 0, buckets - 1);
  return Array.from({ length: buckets }, (_, bucket) =>
    next() < 0.3 ? 0 : bucket === heavy ? between(next, 0, 500) : between(next, 0, 20),
  );
}

const rowsIn = (rows: ArrayLike<number>, { from, to }: BucketRange): number => {
  let sum = 0;
  for (let bucket = from; bucket < to; bucket++) sum += rows[bucket];
  return sum;
};

/** Ranges follow one another and leave no bucket with rows out. */
function assertCover(
  ranges: readonly BucketRange[],
  rows: ArrayLike<number>,
  from: number,
  to: number,
  say: string,
): void {
  let at = from;
  for (const range of ranges) {
    assert.equal(range.from, at, say);
    assert.ok(rowsIn(rows, range) > 0, `no empty range: ${say}`);
    at = range.to;
  }
  assert.equal(rowsIn(rows, { from: at, to }), 0, `buckets left over: ${say}`);
}

test('rows of a bucket are summed over shards', () => {
  assert.deepEqual([...bucketRows([shard([2, 0, 3]), shard([0, 5, 1]), shard([0, 0, 0])], 3)], [2, 5, 4]);
});

test(`ranges cover every bucket once, and exceed the target only for a bucket that does so alone (seed ${SEED})`, () => {
  for (let round = 0; round < 300; round++) {
    const next = random(SEED + round);
    const buckets = between(next, 1, 64);
    const rows = Float64Array.from(randomRows(next, buckets));
    const from = between(next, 0, buckets - 1);
    const to = between(next, from, buckets);
    const target = between(next, 1, 200);
    const say = `SEED=${SEED + round}`;
    const ranges = cutBuckets(rows, from, to, target);
    assertCover(ranges, rows, from, to, say);
    for (const range of ranges) {
      if (rowsIn(rows, range) <= target) continue;
      const filled = rows.subarray(range.from, range.to).filter((count) => count > 0);
      assert.equal(filled.length, 1, `${rowsIn(rows, range)} rows in several buckets, target ${target}: ${say}`);
    }
    // Two neighbours that would fit into one range with half of it to spare are one too many.
    for (let i = 1; i < ranges.length; i++)
      assert.ok(rowsIn(rows, ranges[i - 1]) + rowsIn(rows, ranges[i]) > target / 2, say);
  }
});

test('even buckets give even ranges, without a small rest', () => {
  const ranges = cutBuckets(new Float64Array(100).fill(10), 0, 100, 400);
  assert.deepEqual(
    ranges.map(({ from, to }) => to - from),
    [33, 34, 33],
  );
});

test('a heavy bucket stands alone', () => {
  const rows = Float64Array.from([5, 5, 1000, 5, 5]);
  assert.deepEqual(cutBuckets(rows, 0, 5, 100), [
    { from: 0, to: 2 },
    { from: 2, to: 3 },
    { from: 3, to: 5 },
  ]);
});

test('no rows are no ranges', () => {
  assert.deepEqual(cutBuckets(new Float64Array(8), 0, 8, 10), []);
});

test('partitions are as many as asked for where each has a fair number of rows, and never beyond their bound', () => {
  const sizes = { partitionRows: 2_000_000, partitions: 6 };
  assert.equal(partitionTarget(10_000, sizes), 50_000);
  assert.ok(partitionTarget(6_000_000, sizes) >= 1_000_000);
  assert.ok(partitionTarget(6_000_000, sizes) <= 1_100_000);
  assert.equal(partitionTarget(60_000_000, sizes), 2_000_000);
  assert.equal(partitionTarget(0, { partitionRows: 100, partitions: 0 }), 100);
});

test(`segments of neighbouring ranges divide a shard's rows, and each names the batches that hold them (seed ${SEED})`, () => {
  for (let round = 0; round < 200; round++) {
    const next = random(SEED + round);
    const buckets = between(next, 1, 40);
    const rows = randomRows(next, buckets);
    const place = placed(rows, 0, 1, between(next, 1, 60));
    const say = `SEED=${SEED + round}`;
    let at = 0;
    for (const range of cutBuckets(Float64Array.from(rows), 0, buckets, between(next, 1, 100))) {
      const [number, from, to, oneBucket, ...batches] = segmentOf(packer.pack(place), 7, range)!;
      assert.deepEqual([number, from, to], [7, at, at + rowsIn(rows, range)], say);
      const filled = rows.slice(range.from, range.to).filter((count) => count > 0).length;
      assert.equal(oneBucket === 1, filled === 1, say);
      const named = place.batches.filter(({ firstRow, rows: count }) => firstRow < to && firstRow + count > from);
      assert.deepEqual(
        batches,
        named.flatMap(({ start, end, crc, firstRow, rows: count }) => [start, end, crc, firstRow, count]),
        say,
      );
      at = to;
    }
    assert.equal(at, place.rows, say);
  }
});

test('a shard without rows in a range has no segment there', () => {
  const place = shard([0, 4, 0, 4, 0]);
  for (const range of [
    { from: 0, to: 1 },
    { from: 2, to: 3 },
    { from: 4, to: 5 },
  ])
    assert.equal(segmentOf(place, 0, range), null);
});

test('shards that follow one another in time need no groups, shards of one time do', () => {
  const rows = new Array<number>(64).fill(10);
  const followers = Array.from({ length: 20 }, (_, i) => shard(rows, i * 10, i * 10 + 9));
  const together = Array.from({ length: 20 }, () => shard(rows, 0, 9));
  const whole = { from: 0, to: 64 };
  assert.deepEqual(cutGroups(followers, bucketRows(followers, 64), whole, 700), [whole]);
  const groups = cutGroups(together, bucketRows(together, 64), whole, 3200);
  assertCover(groups, bucketRows(together, 64), 0, 64, 'groups');
  for (const { from, to } of groups) assert.ok((to - from) * 10 * 20 <= 3200, `${to - from} buckets at once`);
  assert.ok(groups.length <= 5, `${groups.length} groups where four would do`);
});

test('one bucket is never cut, however large: its rows are read in blocks', () => {
  const shards = Array.from({ length: 3 }, () => shard([MAX_BATCH_ROWS * 10]));
  const whole = { from: 0, to: 1 };
  assert.deepEqual(cutGroups(shards, bucketRows(shards, 1), whole, MAX_BATCH_ROWS * 3), [whole]);
  assert.deepEqual(cutGroups(shards, bucketRows(shards, 1), whole, 10), [whole]);
});

test(`groups cover their partition whatever the shards are (seed ${SEED})`, () => {
  for (let round = 0; round < 200; round++) {
    const next = random(SEED + round);
    const buckets = pick(next, [1, 7, 64]);
    const shards = Array.from({ length: between(next, 1, 12) }, () => {
      const firstUs = between(next, 0, 100);
      return shard(randomRows(next, buckets), firstUs, firstUs + between(next, 0, 50));
    })
      .filter(({ rows }) => rows > 0)
      .sort((a, b) => a.firstUs - b.firstUs);
    const rows = bucketRows(shards, buckets);
    for (const partition of cutBuckets(rows, 0, buckets, between(next, 1, 1000))) {
      const groups = cutGroups(shards, rows, partition, pick(next, [1, 30, 1000]));
      assertCover(groups, rows, partition.from, partition.to, `SEED=${SEED + round}`);
    }
  }
});

test('a shard whose batches leave bytes or rows out between them is refused by name', () => {
  const place = placed([10, 10, 10]);
  const gap = (changes: Partial<ShardPlace['batches'][number]>): ShardPlace => ({
    ...place,
    batches: place.batches.map((batch, number) => (number === 1 ? { ...batch, ...changes } : batch)),
  });
  assert.equal(packer.pack(place).batchCrcs.length, 3);
  for (const changes of [{ start: 101 }, { firstRow: 11 }, { end: 2 ** 32 }])
    assert.throws(() => packer.pack(gap(changes)), /batch 1 of k /);
});
