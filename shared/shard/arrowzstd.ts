/**
 * zstd for Arrow's bodies, registered once for shards, fragments and runs. Arrow calls it for one column of one batch
 * at a time, so its fixed costs matter: known sizes are passed to zstd.
 */
import { zstdDecompressSync } from 'node:zlib';
import { CompressionType, compressionRegistry } from 'apache-arrow';
import { zstdFrame } from '../algorithm/zstd.ts';

/** Far above any column of a batch; a damaged object cannot make us allocate more. */
const MOST_BYTES = 64 << 20;
const LEAST_CHUNK = 1024;

compressionRegistry.set(CompressionType.ZSTD, {
  encode: zstdFrame,
  decode: (bytes) =>
    zstdDecompressSync(bytes, {
      maxOutputLength: MOST_BYTES,
      chunkSize: Math.max(LEAST_CHUNK, Math.min(MOST_BYTES, contentSize(bytes)) + 64),
    }),
});

/** The compression of all Arrow objects. */
export const ARROW_ZSTD = CompressionType.ZSTD;

/** Uncompressed bytes that a zstd frame announces (RFC 8878, 3.1.1.1), 0 when it does not. */
function contentSize(frame: Uint8Array): number {
  if (frame.length < 18) return 0;
  const descriptor = frame[4];
  const singleSegment = (descriptor >> 5) & 1;
  const at = 5 + (singleSegment === 1 ? 0 : 1) + [0, 1, 2, 4][descriptor & 3];
  switch (descriptor >> 6) {
    case 0:
      return singleSegment === 1 ? frame[at] : 0;
    case 1:
      return (frame[at] | (frame[at + 1] << 8)) + 256;
    default:
      return (frame[at] | (frame[at + 1] << 8) | (frame[at + 2] << 16) | (frame[at + 3] << 24)) >>> 0;
  }
}
