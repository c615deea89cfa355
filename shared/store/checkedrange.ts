/**
 * Byte ranges of objects with the checksum that their writer took: a reader that asks for a range knows
 * whether it got what was written. Whole objects are never read only to be checked.
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
 * Makes sure that bytes which were read hold what was written.
 * @param key what errors call the object
 * @param bytes of the object, from the first range's start to the last one's end
 * @param ranges neighbours, in order
 * @throws StoreError 'damaged' when bytes are missing or other ones
 */
export function checkRanges(key: string, bytes: Uint8Array, ranges: readonly CheckedRange[]): void {
  const from = ranges[0].start;
  const wanted = ranges[ranges.length - 1].end - from;
  if (bytes.length !== wanted) {
    const there = `${bytes.length} of its ${wanted} bytes from byte ${from} on are there`;
    throw new StoreError('damaged', key, `${key} is damaged: ${there}`);
  }
  for (const { start, end, crc } of ranges)
    if (crc32(bytes.subarray(start - from, end - from)) !== crc)
      throw new StoreError('damaged', key, `${key} is damaged: bytes ${start} to ${end} do not match their checksum`);
}
