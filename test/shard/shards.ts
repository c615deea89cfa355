/** Shards in memory, and segments of them: for the tests of writing, reading and merging. */
import type { PacketColumns } from '../../shared/packet/columns.ts';
import type { FlowTable, Sharding } from '../../shared/packet/flow/flowtable.ts';
import { type Segment, SegmentReader } from '../../shared/shard/segment.ts';
import { type ShardIndex, ShardWriter } from '../../shared/shard/shardwriter.ts';
import { rowText } from './packets.ts';

export interface MadeShard {
  bytes: Uint8Array;
  index: ShardIndex;
}

const writer = new ShardWriter();

/** All rows as one shard; `ranks` orders captures of equal time, by their numbers when absent. */
export function makeShard(
  columns: PacketColumns,
  flows: FlowTable,
  sharding: Sharding,
  batchRows: number,
  ranks: ArrayLike<number> = Array.from({ length: 64 }, (_, number) => number),
): MadeShard {
  return writer.write(columns, columns.length, flows, sharding, ranks, batchRows);
}

/** First row of each bucket in a shard, then the number of rows. */
export function bucketStarts({ index }: MadeShard): number[] {
  return [...index.buckets.filter((_, i) => i % 2 === 1), index.rows];
}

/** Rows [from, to) of a shard as a segment; both are starts of buckets, or the end. */
export function segmentOf(
  shard: MadeShard,
  from: number,
  to: number,
  oneBucket: boolean,
  captures: number[] | null = null,
): Segment {
  const { baseUs, firstUs, lastUs, batches } = shard.index;
  return {
    key: 'a shard',
    read: async (start, end) => shard.bytes.slice(start, end),
    baseUs,
    firstUs,
    lastUs,
    from,
    to,
    batches: batches.filter(({ firstRow, rows }) => firstRow < to && firstRow + rows > from),
    captures,
    oneBucket,
  };
}

/** A whole shard as a segment. */
export function wholeSegment(shard: MadeShard): Segment {
  return segmentOf(shard, 0, shard.index.rows, shard.index.buckets.length === 2);
}

/** All rows of a segment as text, in the order of its reader. */
export async function readSegment(segment: Segment, flows: FlowTable): Promise<string[]> {
  const reader = new SegmentReader(segment, flows);
  const rows: string[] = [];
  while (await reader.fill())
    for (; !reader.exhausted; reader.step()) rows.push(rowText(reader.columns, reader.row, flows));
  return rows;
}
