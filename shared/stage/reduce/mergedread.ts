/** Reads segments that a merge task has put side by side: all of them at once, when the first is asked for. */

import type { ReadRange } from '../../shard/segment.ts';
import { StoreError } from '../../store/objectstore.ts';

/** Bytes [start, end) of a shard, which lie side by side with others in a merged object. */
export interface MergedSegment {
  start: number;
  end: number;
  /** Whether it is asked for: one between two others need not be. */
  needed: boolean;
}

/**
 * How each of some neighbouring segments is read, in the bytes of its own shard. What was read is let go when each
 * byte that is needed has been asked for once.
 *
 * @param read of the merged object
 * @param begin where the first of them begins in it
 */
export function mergedReads(
  read: ReadRange,
  key: string,
  begin: number,
  segments: readonly MergedSegment[],
): ReadRange[] {
  const length = segments.reduce((sum, { start, end }) => sum + end - start, 0);
  let left = segments.reduce((sum, { start, end, needed }) => sum + (needed ? end - start : 0), 0);
  let bytes: Promise<Uint8Array> | undefined;
  let at = 0;
  return segments.map((segment) => {
    const offset = at;
    at += segment.end - segment.start;
    return async (start, end) => {
      bytes ??= read(begin, begin + length);
      const all = await bytes;
      if (all.length !== length)
        throw new StoreError(
          'damaged',
          key,
          `${key} is damaged: ${all.length} of its ${length} bytes from byte ${begin} on exist`,
        );
      left -= end - start;
      if (left <= 0) bytes = undefined;
      const from = offset + start - segment.start;
      return all.subarray(from, from + end - start);
    };
  });
}
