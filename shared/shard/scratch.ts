/** Reads the local files that a merge in passes has written. */
import { open } from 'node:fs/promises';
import type { ReadRange } from './segment.ts';

/**
 * A reader of byte ranges of a local file. Created here and not where the file is written: a closure there would keep
 * all the writer's memory alive.
 */
export function rangeReader(path: string): ReadRange {
  return async (start, end) => {
    const file = await open(path, 'r');
    try {
      const bytes = new Uint8Array(end - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      if (bytesRead !== bytes.length) throw new Error(`${path} ends at ${start + bytesRead}, before ${end}`);
      return bytes;
    } finally {
      await file.close();
    }
  };
}
