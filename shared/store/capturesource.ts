/**
 * Where captures are read from; separate from the store of results. A capture has a name for people and a location for
 * programs; its version tells whether its bytes are still those that were planned.
 */
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** One input object. */
export interface CaptureRef {
  /** Its name in tables and messages. */
  name: string;
  /** An absolute path, or a key. A path that is not UTF-8 is `file:` and its bytes, percent-encoded. */
  location: string;
  /** Stored bytes. */
  size: number;
  /** Changes whenever the stored bytes change. */
  version: string;
  /**
   * A file that was written to less than a minute before it was listed: it may still be growing. If it only ends inside
   * a record, it is `open`, not truncated; whatever is appended to it meanwhile is left to the next run. Objects in S3
   * appear whole and never have it.
   */
  recent?: true;
  /** The reader agrees to pay for the requests (S3's Requester Pays). */
  requesterPays?: true;
  /**
   * It was found in a folder or under a prefix, under a name that is not a capture's: passed over when its bytes are
   * plainly of something else.
   */
  incidental?: true;
  /**
   * The data set has it from an earlier job, and it was not seen, or not readable, when this one was started. It may be
   * gone: its sessions are made of what was kept of its packets.
   */
  kept?: true;
  /** Set when it is already known that it cannot be read, and why. */
  refused?: { reason: string; detail: string };
}

export interface CaptureSource {
  /**
   * Version of the object as it is now, undefined when it is gone. Not implemented where `stream` itself detects that
   * the object was overwritten (StoreError 'changed').
   */
  version?(ref: CaptureRef): Promise<string | undefined>;
  /**
   * The stored bytes from the first on, at most `limit` of them. A chunk may be overwritten once the second one after
   * it is requested. Rejects with the system's error when they cannot be read.
   */
  stream(ref: CaptureRef, limit?: number): AsyncIterable<Uint8Array>;
}

/** Bytes of one read: many records, and still in the processor's cache when they are decoded. */
const READ_BYTES = 1 << 18;

const RAW_LOCATION = 'file:';

/** The location of a file whose absolute path is these bytes: as text where they are UTF-8. */
export function fileLocation(path: Buffer): string {
  const text = path.toString();
  if (Buffer.from(text).equals(path)) return text;
  return `${RAW_LOCATION}${path.toString('latin1').replace(/[^\w./-]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}`;
}

function pathOf(location: string): string | Buffer {
  if (!location.startsWith(RAW_LOCATION)) return location;
  const encoded = location.slice(RAW_LOCATION.length);
  return Buffer.from(
    encoded.replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

/** Version of a file: its size, modification time and inode. */
export async function fileVersion(path: string | Buffer): Promise<{ size: number; version: string } | undefined> {
  try {
    const at = await stat(path, { bigint: true });
    return at.isFile() ? { size: Number(at.size), version: `${at.size}-${at.mtimeNs}-${at.ino}` } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** How long after the last write to it a file may still be growing; and how far a file server's clock may be ahead. */
const RECENT_MS = 60_000;

/**
 * A file as it is now, for a capture: its size and version, and whether it was written to within the last minute. Only
 * this look at the clock decides that a capture is open: what follows reads it from the job's inputs.
 */
export async function listedFile(
  path: string | Buffer,
): Promise<Pick<CaptureRef, 'size' | 'version' | 'recent'> | undefined> {
  const now = Date.now();
  const at = await fileVersion(path);
  if (at === undefined) return undefined;
  const [, modifiedNs] = at.version.split('-');
  // A time far ahead, as from a camera or a wrong clock, would be recent for ever.
  return Math.abs(Number(modifiedNs) / 1e6 - now) < RECENT_MS ? { ...at, recent: true } : at;
}

/**
 * Whether a file's version is that of a capture, or, if that may have been growing, of the same file with more bytes at
 * its end.
 */
export function isVersionOf(version: string, ref: CaptureRef): boolean {
  if (version === ref.version) return true;
  if (ref.recent !== true) return false;
  const [size, , inode] = version.split('-');
  return Number(size) >= ref.size && inode === ref.version.split('-')[2];
}

/** Whether a capture that is a file can be opened. */
export async function fileOpens(ref: CaptureRef): Promise<boolean> {
  try {
    await (await open(pathOf(ref.location), constants.O_RDONLY | constants.O_NONBLOCK)).close();
    return true;
  } catch {
    return false;
  }
}

/** Captures that are files. */
export class FileCaptures implements CaptureSource {
  async version(ref: CaptureRef): Promise<string | undefined> {
    return (await fileVersion(pathOf(ref.location)))?.version;
  }

  async *stream(ref: CaptureRef, limit = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array, void> {
    // If a pipe has taken the file's place since, opening it must not block.
    const file = await open(pathOf(ref.location), constants.O_RDONLY | constants.O_NONBLOCK);
    // Nor is a growing file read beyond its planned size: its version has changed by then.
    limit = Math.min(limit, ref.size);
    // Three buffers in turn: the reader's, the one before it, and the one being filled. New buffers for every read
    // would be most of all garbage.
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
