/**
 * Recovers the output that a failed decompressor discards. It returns nothing of the piece in which it fails, and its
 * state cannot be copied: so the stream is decompressed again up to that piece, and the piece in smaller ones.
 */

import { ByteReader } from './bytereader.ts';
import { ZlibDecompressor } from './nodezlib.ts';

/** Most bytes fed at once before the failing piece. */
const PIECE = 64 * 1024;

/** A stream that failed. */
export interface Failed {
  kind: 'deflate' | 'zstd';
  /** Opens the source of the compressed bytes from its beginning. */
  reopen(): AsyncIterable<Uint8Array>;
  /** Compressed offset where the stream begins. */
  begin: number;
  /** Compressed offset of the piece in which it failed. */
  from: number;
  /** Uncompressed bytes of the stream that were delivered already. */
  given: number;
  /** zstd: the largest window in bytes. */
  window: number;
}

/**
 * Deliver the output before the fault. The failing piece is fed in groups of its smallest pieces first, then the
 * failing group one by one: some sixty feeds for a thousand pieces.
 *
 * @param sizes bytes of each of the smallest pieces of the failing piece, in order
 * @returns the compressed offset after the smallest piece in which it failed
 */
export async function* heldBack(failed: Failed, sizes: ArrayLike<number>): AsyncGenerator<Uint8Array, number> {
  const each = Math.ceil(Math.sqrt(sizes.length));
  const groups: number[] = [];
  for (let i = 0; i < sizes.length; i++) {
    if (i % each === 0) groups.push(0);
    groups[groups.length - 1] += sizes[i];
  }
  const group = yield* again(failed, groups);
  const first = group.number * each;
  const single = Array.from({ length: Math.min(each, sizes.length - first) }, (_, i) => sizes[first + i]);
  return (yield* again({ ...failed, from: group.from, given: group.given }, single)).to;
}

/** Where a stream failed again. */
interface Place {
  /** Number of the piece in which it failed, and its compressed offsets. */
  number: number;
  from: number;
  to: number;
  /** Uncompressed bytes of the stream delivered by now. */
  given: number;
}

/** Decompress again up to the piece that failed, then in pieces of these sizes until one fails. */
async function* again(
  { kind, reopen, begin, from, given, window }: Failed,
  sizes: readonly number[],
): AsyncGenerator<Uint8Array, Place> {
  const input = new ByteReader(reopen());
  const decompressor = new ZlibDecompressor(kind, window);
  try {
    await input.pass(begin);
    let seen = 0;
    for (let number = 0; ; ) {
      const at = input.offset;
      const before = at < from;
      const size = before ? Math.min(PIECE, input.untilBorder, from - at) : sizes[number];
      const piece = await input.piece(size);
      if (piece.length > 0)
        for await (const chunk of decompressor.feed(piece)) {
          seen += chunk.length;
          if (seen <= given) continue;
          yield chunk.subarray(Math.max(0, chunk.length - (seen - given)));
          given = seen;
        }
      // A source that has changed does not fail in the same place.
      if (decompressor.failure !== undefined || piece.length < size || (!before && number === sizes.length - 1))
        return { number, from: at, to: input.offset, given };
      if (!before) number++;
    }
  } finally {
    decompressor.close();
    await input.close();
  }
}
