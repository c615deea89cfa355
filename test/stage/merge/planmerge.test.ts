/** Which shards are merged, and into what: each partition's bytes of each shard once, side by side, in objects of bounded size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PackedShard, ShardPacker } from '../../../shared/stage/balance/packedshard.ts';
import { type BucketRange, segmentOf } from '../../../shared/stage/balance/partition.ts';
import {
  cutMerge,
  MOST_SHARDS,
  mergedRange,
  mergeSpec,
  OBJECT_BYTES,
  shardsAtOnce,
} from '../../../shared/stage/merge/planmerge.ts';
import { between, random, SEED } from '../../job/harness.ts';
import { placed } from '../balance/placedshard.ts';

const BUCKETS = 12;
const packer = new ShardPacker();

function shardsOf(next: () => number, count: number): PackedShard[] {
  return Array.from({ length: count }, (_, at) => {
    const rows = Array.from({ length: BUCKETS }, () => (next() < 0.3 ? 0 : between(next, 1, 40)));
    return { ...packer.pack(placed(rows, at, at + 1)), key: `shard-${at}` };
  });
}

function cutInto(count: number): BucketRange[] {
  return Array.from({ length: count }, (_, at) => ({ from: at * 3, to: at * 3 + 3 }));
}

/** Bytes that a partition needs of a shard. */
function needed(shard: PackedShard, range: BucketRange): [number, number] | null {
  const tuple = segmentOf(shard, 0, range);
  return tuple === null ? null : [tuple[4], tuple[tuple.length - 4]];
}

test(`each partition finds the bytes that it needs of each shard once, in order (seed ${SEED})`, () => {
  const next = random(SEED);
  const shards = shardsOf(next, 23);
  const partitions = cutInto(4);
  const groups = cutMerge(shards, partitions, 5);
  assert.deepEqual(
    groups.map(({ from, to }) => [from, to]),
    [
      [0, 5],
      [5, 10],
      [10, 15],
      [15, 20],
      [20, 23],
    ],
  );
  for (const group of groups) {
    const { shards: places, objects } = mergeSpec(shards, partitions, group, 'p');
    for (const [number, range] of partitions.entries()) {
      const wanted = shards
        .slice(group.from, group.to)
        .flatMap((shard, at) => (needed(shard, range) === null ? [] : [[at, ...needed(shard, range)!]]));
      const found = mergedRange(group, number, 'p', 0, wanted.length);
      if (wanted.length === 0) {
        assert.equal(found, null);
        continue;
      }
      const object = objects.find(({ key }) => key === found!.key)!;
      let byte = 0;
      const there: number[][] = [];
      for (let i = 0; i < object.pieces.length; i += 3) {
        const [shard, first, end] = object.pieces.slice(i, i + 3);
        const { batches } = places[shard];
        const [from, to] = [first === 0 ? batches[0] : batches[first * 2 - 1], batches[end * 2 - 1]];
        if (byte >= found!.start && there.length < wanted.length) there.push([shard, from, to]);
        byte += to - from;
      }
      assert.equal(byte, object.bytes);
      assert.deepEqual(there, wanted);
    }
  }
});

test('shards are merged only where the reads of their segments are many, and so many that a read has the bytes asked for', () => {
  const shards = shardsOf(random(1), 40);
  const partitions = cutInto(4);
  const reads = shards.flatMap((shard) => partitions.map((range) => needed(shard, range))).filter((at) => at !== null);
  const mean = reads.reduce((sum, [start, end]) => sum + end - start, 0) / reads.length;
  const at = (directReads: number, readBytes: number): number =>
    shardsAtOnce(shards, partitions, { directReads, readBytes });
  assert.equal(at(reads.length, 1e6), 1);
  assert.equal(at(reads.length - 1, mean * 7.5), 7);
  assert.equal(at(0, mean / 2), 1, 'the segments are large enough');
  assert.equal(at(0, 1e9), MOST_SHARDS);
  assert.deepEqual(cutMerge(shards, partitions, 1), []);
});

test('a heavy partition is read from the shards, and no object is larger than its bound', () => {
  const heavy = 1_000_000;
  const shards = Array.from({ length: 8 }, (_, at) =>
    packer.pack(placed([10, heavy, ...Array.from({ length: 60 }, () => 90_000)], at, at + 1)),
  );
  const partitions = Array.from({ length: 62 }, (_, at) => ({ from: at, to: at + 1 }));
  const [group] = cutMerge(shards, partitions, 8);
  assert.equal(mergedRange(group, 1, 'p', 0, 8), null);
  assert.notEqual(mergedRange(group, 2, 'p', 0, 8), null);
  assert.ok(group.bytes.length > 1);
  for (const bytes of group.bytes) assert.ok(bytes <= OBJECT_BYTES, `${bytes}`);
});
