/**
 * A decompressor of node:zlib, fed one slice at a time so that nothing is lost when it fails: a failing zlib stream
 * discards its readable buffer, so that buffer is kept empty. Output is taken chunk by chunk, and the decompressor
 * waits until the last one was taken: memory is bounded at any ratio.
 */

import type { InflateRaw, ZstdDecompress } from 'node:zlib';
import { constants, createInflateRaw, createZstdDecompress } from 'node:zlib';

const OUTPUT_BYTES = 64 * 1024;

/** One decompressor. */
export class ZlibDecompressor {
  /** The message of the failure, after which nothing more can be fed. */
  failure: string | undefined;
  private ended = false;
  private readonly stream: InflateRaw | ZstdDecompress;
  private wake: (() => void) | undefined;

  /**
   * @param kind raw deflate (the body of gzip), or zstd
   * @param window largest window of zstd in bytes; memory is allocated for the actual window only
   */
  constructor(kind: 'deflate' | 'zstd', window = 0) {
    // A high-water mark of one byte makes zlib wait until each chunk was taken.
    const options = { chunkSize: OUTPUT_BYTES, readableHighWaterMark: 1 };
    this.stream =
      kind === 'deflate'
        ? createInflateRaw(options)
        : createZstdDecompress({
            ...options,
            params: { [constants.ZSTD_d_windowLogMax]: Math.ceil(Math.log2(window)) },
          });
    const signal = () => {
      const wake = this.wake;
      this.wake = undefined;
      wake?.();
    };
    this.stream.on('readable', signal);
    this.stream.on('end', () => {
      this.ended = true;
      signal();
    });
    this.stream.on('error', (error) => {
      this.failure = error.message;
      signal();
    });
  }

  /** Bytes used of those fed: fewer once the compressed stream has ended. */
  get used(): number {
    return this.stream.bytesWritten;
  }

  /**
   * Feed one slice; yields everything that can be decompressed of it. The slice must not change until the generator
   * ends.
   */
  async *feed(slice: Uint8Array): AsyncGenerator<Uint8Array, void> {
    let written = false;
    this.stream.write(slice, () => {
      written = true;
      this.wake?.();
    });
    for (;;) {
      const chunk: Uint8Array | null = this.stream.read();
      if (chunk !== null) yield chunk;
      else if (written || this.ended || this.failure !== undefined) return;
      else
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
    }
  }

  /** Free the decompressor. */
  close(): void {
    this.stream.destroy();
  }
}
