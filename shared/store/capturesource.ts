/**
 * Where captures come from: read-only, apart from the store that holds results.
 * A capture is named for people and located for programs; its version tells
 * whether the bytes are still those that the plan saw.
 */
import { open, stat } from 'node:fs/promises';

/** One input object. */
export interface CaptureRef {
  /** What tables and messages call it. */
  name: string;
  /** Where to find it: an absolute path, or a key. */
  location: string;
  /** Stored bytes. */
  size: number;
  /** Changes whenever the stored bytes change. */
  version: string;
  /** Whoever reads it agrees to pay for the reading (S3's requester pays). */
  requesterPays?: true;
  /** Known beforehand: it cannot be read, and why. */
  refused?: { reason: string; detail: string };
}

export interface CaptureSource {
  /**
   * Version of the object as it is now, undefined when it is gone. Missing where `stream` notices by itself
   * that the object was overwritten, with a StoreError 'changed'.
   */
  version?(ref: CaptureRef): Promise<string | undefined>;
  /**
   * The stored bytes from the first on, at most `limit` of them. A chunk may be overwritten once
   * the second one after it is asked for. Rejects with the system's error
   * when they cannot be read.
   */
  stream(ref: CaptureRef, limit?: number): AsyncIterable<Uint8Array>;
}

/** Bytes a read asks for: many records at once, and still in a processor's cache when they are decoded. */
const READ_BYTES = 1 << 18;

/** Version of a file: its size, modification time and inode. */
export async function fileVersion(path: string): Promise<{ size: number; version: string } | undefined> {
  try {
    const at = await stat(path, { bigint: true });
    return at.isFile() ? { size: Number(at.size), version: `${at.size}-${at.mtimeNs}-${at.ino}` } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Captures that are files. */
export class FileCaptures implements CaptureSource {
  async version(ref: CaptureRef): Promise<string | undefined> {
    return (await fileVersion(ref.location))?.version;
  }

  async *stream(ref: CaptureRef, limit = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array, void> {
    const file = await open(ref.location, 'r');
    // Three buffers in turn: one at the reader, the one before it, and one that is read ahead. New ones for
    // every read would be the larger part of all garbage.
    const size = Math.max(1, Math.min(READ_BYTES, limit, ref.size));
    const buffers = Array.from({ length: 3 }, () => Buffer.allocUnsafeSlow(size));
    let offset = 0;
    const readAhead = (number: number): Promise<{ bytesRead: number }> => {
      const read = file.read(buffers[number % 3], 0, Math.min(size, limit - offset), offset);
      read.catch(() => {});
      return read;
    };
    let ahead = readAhead(0);
    try {
      for (let number = 0; ; number++) {
        const { bytesRead } = await ahead;
        if (bytesRead === 0) return;
        offset += bytesRead;
        ahead = readAhead(number + 1);
        yield buffers[number % 3].subarray(0, bytesRead);
      }
    } finally {
      await ahead.catch(() => {});
      await file.close();
    }
  }
}
