/**
 * Runs as objects: the Arrow IPC file format with zstd bodies, which any Arrow
 * reader can open, and which can also be read batch by batch: each record batch
 * is one byte range, and the schema is known without the footer.
 *
 * These are objects of the job itself, so unreadable bytes are an error of the whole object and throw.
 */
import { crc32 } from 'node:zlib';
import {
  type Data,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  RecordBatchStreamWriter,
  type Schema,
  Struct,
} from 'apache-arrow';
import { ARROW_ZSTD } from '../../shard/arrowzstd.ts';
import { type CheckedRange, checkRanges } from '../../store/checkedrange.ts';

/** Position of one record batch in its object. Arrow's reader must not see damaged bytes: some make it loop forever. */
export interface BatchRange extends CheckedRange {
  rows: number;
}

/** The file writer, with the positions of its batches. */
class RunWriter extends RecordBatchFileWriter {
  ranges(rows: readonly number[]): Omit<BatchRange, 'crc'>[] {
    return this._recordBatchBlocks.map((block, i) => ({
      rows: rows[i],
      start: block.offset,
      end: block.offset + block.metaDataLength + block.bodyLength,
    }));
  }
}

/**
 * Encode record batches as one Arrow file.
 *
 * @param batches for each batch its rows and one child per field of `schema`
 */
export function encodeArrowRun(
  schema: Schema,
  batches: Iterable<{ rows: number; children: Data[] }>,
): { bytes: Uint8Array; ranges: BatchRange[] } {
  const writer = new RunWriter({ compressionType: ARROW_ZSTD });
  writer.reset(undefined, schema);
  const rows: number[] = [];
  for (const batch of batches) {
    const struct = makeData({
      type: new Struct(schema.fields),
      length: batch.rows,
      nullCount: 0,
      children: batch.children,
    });
    writer.write(new RecordBatch(schema, struct));
    rows.push(batch.rows);
  }
  const ranges = writer.ranges(rows);
  writer.finish();
  const bytes = writer.toUint8Array(true);
  return { bytes, ranges: ranges.map((range) => ({ ...range, crc: crc32(bytes.subarray(range.start, range.end)) })) };
}

/** The encapsulated schema message: needed before a batch that was read without its file. */
export function schemaMessage(schema: Schema): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  writer.finish();
  const bytes = writer.toUint8Array(true);
  return bytes.subarray(0, bytes.length - END_OF_STREAM_BYTES);
}

const END_OF_STREAM_BYTES = 8;

/**
 * The record batches in `bytes`, which hold one or more whole batch ranges.
 *
 * @param schema result of `schemaMessage` for the run's schema
 * @param ranges the batches that they hold, neighbours in one run
 * @param key the run's name in errors
 * @throws StoreError 'damaged' when the bytes are not those that were written; Error when they have another number of
 *   rows
 */
export function* decodeArrowRun(
  schema: Uint8Array,
  bytes: Uint8Array,
  ranges: readonly BatchRange[],
  key = 'a run',
): Generator<RecordBatch> {
  checkRanges(key, bytes, ranges);
  const rows = ranges.reduce((sum, range) => sum + range.rows, 0);
  let left = rows;
  for (const batch of RecordBatchReader.from([schema, bytes])) {
    left -= batch.numRows;
    if (batch.numRows > 0) yield batch;
  }
  if (left !== 0) throw new Error(`${key} has ${rows - left} rows, but its list of batches says ${rows}`);
}
