/** Places of shards, for tests of planning. */
import type { ShardPlace } from '../../../shared/job/tasks/maptask.ts';

/** A shard with so many rows in each bucket, its batches ending with buckets once they have `batchRows` rows. */
export function placed(rows: readonly number[], firstUs = 0, lastUs = 1, batchRows = 10): ShardPlace {
  const place: ShardPlace = {
    key: 'k',
    captures: [0],
    rows: 0,
    bytes: 0,
    baseUs: firstUs,
    firstUs,
    lastUs,
    batches: [],
    buckets: [],
  };
  let firstRow = 0;
  for (const [bucket, count] of rows.entries()) {
    if (count > 0) place.buckets.push(bucket, place.rows);
    place.rows += count;
    const pending = place.rows - firstRow;
    if (pending === 0 || (pending < batchRows && bucket < rows.length - 1)) continue;
    place.batches.push({
      start: place.bytes,
      end: place.bytes + pending * 10,
      crc: place.rows,
      firstRow,
      rows: pending,
    });
    place.bytes += pending * 10;
    firstRow = place.rows;
  }
  return place;
}
