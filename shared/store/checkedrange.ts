/**
 * Byte ranges of objects with the checksum that their writer computed: the reader of a range can verify it. Whole
 * objects are never read only to be checked.
 */
import { crc32 } from 'node:zlib';
import { StoreError } from './objectstore.ts';

/** Byte range [start, end) of an object, and the CRC-32 of these bytes. */
export interface CheckedRange {
  start: number;
  end: number;
  crc: number;
}

/**
 * Verifies the checksums of bytes that were read.
 * @param key the object's name in errors
 * @param bytes of the object, from the first range's start to the last one's end
 * @param ranges neighbours, in order
 * @throws StoreError 'damaged' when bytes are missing or do not match
 */
export function checkRanges(key: string, bytes: Uint8Array, ranges: readonly CheckedRange[]): void {
  const from = ranges[0].start;
  const wanted = ranges[ranges.length - 1].end - from;
  if (bytes.length !== wanted) {
    const there = `${bytes.length} of its ${wanted} bytes from byte ${from} on exist`;
    throw new StoreError('damaged', key, `${key} is damaged: ${there}`);
  }
  for (const { start, end, crc } of ranges)
    if (crc32(bytes.subarray(start - from, end - from)) !== crc)
      throw new StoreError('damaged', key, `${key} is damaged: bytes ${start} to ${end} do not match their checksum`);
}
