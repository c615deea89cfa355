/**
 * Where captures come from: read-only, apart from the store that holds results.
 * A capture is named for people and located for programs; its version tells
 * whether the bytes are still those that the plan saw.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

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
}

export interface CaptureSource {
  /** Version of the object as it is now, undefined when it is gone. */
  version(ref: CaptureRef): Promise<string | undefined>;
  /**
   * The stored bytes from the first on, at most `limit` of them. Rejects with the system's error
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

  stream(ref: CaptureRef, limit?: number): AsyncIterable<Uint8Array> {
    if (limit === undefined) return createReadStream(ref.location, { highWaterMark: READ_BYTES });
    return createReadStream(ref.location, { highWaterMark: Math.min(limit, READ_BYTES), end: limit - 1 });
  }
}
