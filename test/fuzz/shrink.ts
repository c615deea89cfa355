/**
 * Shrinks a case with a finding: removes whole captures, compression, then records and blocks, then bytes, as long as
 * the finding remains (delta debugging, Zeller and Hildebrandt 2002).
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { concat } from '../capture/build.ts';
import type { FuzzCase } from './make/cases.ts';
import { framingOf, joined } from './make/framing.ts';

export interface ShrinkBounds {
  /** Most examinations of the case. */
  tries: number;
  /** Time to stop, by performance.now(). */
  until: number;
}

/** Uncompressed bytes up to which a capture's compression is taken off. */
const MOST_PLAIN = 4_000_000;
/** Pieces of bytes that are tried at once, at the beginning. */
const FIRST_CUTS = 8;

/**
 * @param shows whether a case shows the finding
 * @returns the smallest case found
 */
export async function shrink<Case extends FuzzCase>(
  made: Case,
  shows: (made: Case) => Promise<boolean>,
  bounds: ShrinkBounds,
): Promise<Case> {
  let tries = 0;
  let best = made;
  const over = (): boolean => tries >= bounds.tries || performance.now() > bounds.until;
  const attempt = async (captures: Uint8Array[]): Promise<boolean> => {
    if (over() || captures.length === 0) return false;
    tries++;
    const candidate = { ...best, captures };
    if (!(await shows(candidate))) return false;
    best = candidate;
    return true;
  };
  const withCapture = (at: number, bytes: Uint8Array): Uint8Array[] => best.captures.with(at, bytes);

  for (let size = -1; size !== bytesOf(best) && !over(); ) {
    size = bytesOf(best);
    for (let at = best.captures.length - 1; at >= 0; at--) await attempt(best.captures.toSpliced(at, 1));
    for (let at = 0; at < best.captures.length; at++) {
      const plain = uncompressed(best.captures[at]);
      if (plain !== null) await attempt(withCapture(at, plain));
      const framing = framingOf(best.captures[at]);
      await fewer(framing.pieces, 2, (pieces) => attempt(withCapture(at, joined(framing, pieces))));
      const units = cut(best.captures[at]);
      await fewer(units, FIRST_CUTS, (left) => attempt(withCapture(at, concat(left))));
    }
  }
  return best;
}

/** Leaves out ever smaller runs of the list's members, each as long as `attempt` says that it can be done without. */
async function fewer<T>(list: T[], cuts: number, attempt: (left: T[]) => Promise<boolean>): Promise<void> {
  for (let size = Math.ceil(list.length / cuts); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = list.length - size; at > -size; at -= size) {
      const left = list.toSpliced(Math.max(0, at), size + Math.min(0, at));
      if (left.length < list.length && (await attempt(left))) list = left;
    }
}

/** Single bytes of a small capture, larger pieces of a large one. */
function cut(bytes: Uint8Array): Uint8Array[] {
  const size = Math.max(1, Math.ceil(bytes.length / 512));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

function bytesOf({ captures }: FuzzCase): number {
  return captures.reduce((sum, bytes) => sum + bytes.length + 1, 0);
}

/** The content of all zstd frames: Node reads one at a time. */
function allFrames(bytes: Uint8Array): Uint8Array {
  const contents: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    // The types of Node do not know of what `info` adds.
    const options = { maxOutputLength: MOST_PLAIN, info: true };
    const taken: unknown = zstdDecompressSync(bytes.subarray(at), options);
    const { buffer, engine } = taken as { buffer: Uint8Array; engine: { bytesWritten: number } };
    contents.push(buffer);
    at += engine.bytesWritten;
  }
  return concat(contents);
}

function uncompressed(bytes: Uint8Array): Uint8Array | null {
  try {
    if (bytes[0] === 0x1f) return new Uint8Array(gunzipSync(bytes, { maxOutputLength: MOST_PLAIN }));
    if (bytes[0] === 0x28) return allFrames(bytes);
  } catch {
    // It stays as it is.
  }
  return null;
}
