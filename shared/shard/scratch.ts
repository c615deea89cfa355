/** Reading back what a merge in passes has written to a local file. */
import { open } from 'node:fs/promises';
import type { ReadRange } from './segment.ts';

/**
 * A reader of byte ranges of a local file. Made here and not where the file is written: a function
 * made there would keep alive, as long as it is kept, all that the writing has used.
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
