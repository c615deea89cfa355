/**
 * What a failed decompressor threw away. It gives nothing of the piece in which
 * it fails, and its state cannot be kept: so the stream is decompressed once
 * more up to that piece, and the piece in smaller ones.
 */

import { ByteSource } from './bytesource.ts';
import { Engine } from './engine.ts';

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
  /** zstd: bytes of output that may be looked back on. */
  window: number;
}

/** Bytes fed at once up to the failing piece. */
const PIECE = 64 * 1024;

/**
 * Decompress up to where it fails, the failing piece in those that `sizes` gives,
 * the last size for all that follow.
 *
 * @returns the offset of the small piece in which it failed and of its end, and all uncompressed bytes delivered by now
 */
export async function* heldBack(
  { kind, reopen, begin, from, given, window }: Failed,
  sizes: readonly number[],
): AsyncGenerator<Uint8Array, { from: number; to: number; given: number }> {
  const input = new ByteSource(reopen());
  const engine = new Engine(kind, window);
  try {
    await input.pass(begin);
    let seen = 0;
    let small = 0;
    for (;;) {
      const at = input.offset;
      const size = at < from ? Math.min(PIECE, from - at) : sizes[Math.min(small++, sizes.length - 1)];
      const piece = await input.piece(size);
      if (piece.length > 0)
        for await (const chunk of engine.feed(piece)) {
          seen += chunk.length;
          if (seen <= given) continue;
          yield chunk.subarray(Math.max(0, chunk.length - (seen - given)));
          given = seen;
        }
      // A source that is shorter now does not fail where it did.
      if (engine.failure !== undefined || piece.length < size) return { from: at, to: input.offset, given };
    }
  } finally {
    engine.close();
    await input.close();
  }
}
