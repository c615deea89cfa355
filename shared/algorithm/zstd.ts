/** zstd for the bodies of our own files, which come in many small pieces: so fixed costs matter, and known sizes are passed. */
import { constants, zstdCompressSync } from 'node:zlib';

/** Level 1: higher ones cost more time than their bytes save. With a checksum, so that damage is detected. */
const PARAMS = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };
const LEAST_CHUNK = 1024;

/** One frame. */
export function zstdFrame(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, {
    params: PARAMS,
    pledgedSrcSize: bytes.length,
    // Room for the whole frame, whatever the bytes are.
    chunkSize: Math.max(LEAST_CHUNK, bytes.length + (bytes.length >> 7) + 128),
  });
}

/** Whether bytes begin like a frame of zstd (RFC 8878, 3.1.1). */
export function isZstdFrame(bytes: Uint8Array): boolean {
  return bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd;
}
