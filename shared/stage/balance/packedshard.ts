/**
 * What planning needs of a shard, in typed columns: a job of 42,000 captures has some 12,000 shards of a thousand buckets
 * and five hundred batches each, 12 kB in columns and 50 kB as the objects that their summaries are.
 */
import type { ShardPlace } from '../../job/tasks/maptask.ts';
import type { BatchPlace } from '../../shard/shardwriter.ts';

export interface PackedShard extends Omit<ShardPlace, 'batches' | 'buckets'> {
  /** The buckets that have rows, ascending. */
  buckets: Uint16Array;
  /** First row of each of them; behind them the number of rows. */
  bucketRows: Uint32Array;
  /** First byte and first row of each batch; behind them the end of the last one. */
  batchStarts: Uint32Array;
  batchRows: Uint32Array;
  /** CRC-32 of each batch. */
  batchCrcs: Uint32Array;
}

/** Bytes of columns that are allocated together: small buffers, among the large ones of what is read, leave holes. */
const CHUNK_BYTES = 4 << 20;

export class ShardPacker {
  private chunk = new ArrayBuffer(0);
  private used = 0;

  /** @throws RangeError when batches do not follow each other, or lie behind 4 GiB: no shard is like that */
  pack({ batches, buckets, ...shard }: ShardPlace): PackedShard {
    const filled = buckets.length / 2;
    const packed: PackedShard = {
      ...shard,
      bucketRows: this.words(filled + 1),
      batchStarts: this.words(batches.length + 1),
      batchRows: this.words(batches.length + 1),
      batchCrcs: this.words(batches.length),
      buckets: this.halfWords(filled),
    };
    for (let i = 0; i < filled; i++) {
      packed.buckets[i] = buckets[i * 2];
      packed.bucketRows[i] = buckets[i * 2 + 1];
    }
    packed.bucketRows[filled] = shard.rows;
    let byte = batches[0]?.start ?? 0;
    let row = 0;
    for (const [number, { start, end, crc, firstRow, rows }] of batches.entries()) {
      if (start !== byte || firstRow !== row || end >= 2 ** 32)
        throw new RangeError(`batch ${number} of ${shard.key} is not behind the one before it`);
      packed.batchStarts[number] = start;
      packed.batchRows[number] = firstRow;
      packed.batchCrcs[number] = crc;
      byte = end;
      row += rows;
    }
    packed.batchStarts[batches.length] = byte;
    packed.batchRows[batches.length] = row;
    return packed;
  }

  private halfWords(count: number): Uint16Array {
    const { buffer, byteOffset } = this.words(Math.ceil(count / 2));
    return new Uint16Array(buffer, byteOffset, count);
  }

  private words(count: number): Uint32Array {
    const bytes = count * 4;
    if (this.used + bytes > this.chunk.byteLength) {
      this.chunk = new ArrayBuffer(Math.max(CHUNK_BYTES, bytes));
      this.used = 0;
    }
    const words = new Uint32Array(this.chunk, this.used, count);
    this.used += bytes;
    return words;
  }
}

/** The place of one batch. */
export function batchAt({ batchStarts, batchRows, batchCrcs }: PackedShard, number: number): BatchPlace {
  const firstRow = batchRows[number];
  return {
    start: batchStarts[number],
    end: batchStarts[number + 1],
    crc: batchCrcs[number],
    firstRow,
    rows: batchRows[number + 1] - firstRow,
  };
}
