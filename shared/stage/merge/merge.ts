/**
 * The merge stage: a task takes some shards and writes their segments again, those of one partition side by side.
 * Nothing is decoded. In memory are a few megabytes of each shard, and two objects.
 */
import type { TaskContext } from '../../job/context.ts';
import type { Job } from '../../job/jobconfig.ts';
import type { StageResults } from '../../job/protocol/stageresults.ts';
import type { MergedObject, MergeShard, MergeSpec } from '../../job/tasks/mergetask.ts';
import { type CheckedRange, checkRanges } from '../../store/checkedrange.ts';
import { inParallel } from '../../store/inparallel.ts';
import { PendingWrites } from '../pendingwrites.ts';
import { specOf } from '../specs.ts';
import type { StageWork } from '../stage.ts';
import { ShardCursor } from './shardcursor.ts';

/** Bytes of a read: with the most shards that a task has, 256 MB are in memory. */
export const CURSOR_BYTES = 4 << 20;
/** Shards read at a time. */
const PARALLEL_READS = 16;

export const mergeStage: StageWork<'merge'> = { stage: 'merge', run: runMerge };

async function runMerge(context: TaskContext, job: Job, task: number): Promise<StageResults['merge']> {
  const { store, signal } = context;
  const { shards, objects } = await specOf<MergeSpec>(store, job.job, 'merge', task);
  const cursors = shards.map(({ key, batches }) => {
    return new ShardCursor((start, end) => store.get(key, { start, end }), batches.at(-2) ?? 0, CURSOR_BYTES);
  });
  const writes = new PendingWrites();
  let bytes = 0;
  try {
    for (const object of objects) {
      signal?.throwIfAborted();
      const merged = await mergeObject(shards, cursors, object);
      bytes += merged.length;
      await writes.atMost(0);
      // Every attempt writes the same bytes under this name.
      writes.add(store.put(object.key, merged));
    }
    await writes.atMost(0);
  } finally {
    await writes.settled();
  }
  return { objects: objects.length, bytes };
}

/** @throws StoreError 'damaged' that names the shard whose bytes are not what map wrote */
async function mergeObject(
  shards: readonly MergeShard[],
  cursors: readonly ShardCursor[],
  { bytes, pieces }: MergedObject,
): Promise<Buffer> {
  const merged = Buffer.allocUnsafe(bytes);
  const places: Piece[][] = shards.map(() => []);
  let to = 0;
  for (let i = 0; i < pieces.length; i += 3) {
    const [shard, first, end] = pieces.slice(i, i + 3);
    const ranges = rangesOf(shards[shard], first, end);
    places[shard].push({ ranges, to });
    to += ranges[ranges.length - 1].end - ranges[0].start;
  }
  if (to !== bytes) throw new Error(`the pieces of a merged object have ${to} bytes, not ${bytes}`);
  // A shard's pieces are in order of its bytes, whatever others lie between them.
  await inParallel(places, PARALLEL_READS, async (own, shard) => {
    for (const { ranges, to } of own) {
      const piece = await cursors[shard].piece(ranges[0].start, ranges[ranges.length - 1].end);
      checkRanges(shards[shard].key, piece, ranges);
      merged.set(piece, to);
    }
  });
  return merged;
}

/** Batches of a shard that adjoin, and where they go. */
interface Piece {
  ranges: CheckedRange[];
  to: number;
}

function rangesOf({ batches }: MergeShard, first: number, end: number): CheckedRange[] {
  const ranges: CheckedRange[] = [];
  let start = first === 0 ? batches[0] : batches[first * 2 - 1];
  for (let number = first; number < end; number++) {
    const [to, crc] = [batches[number * 2 + 1], batches[number * 2 + 2]];
    ranges.push({ start, end: to, crc });
    start = to;
  }
  return ranges;
}
