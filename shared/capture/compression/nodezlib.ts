/**
 * A decompressor of node:zlib, fed one slice at a time so that nothing is lost
 * when it fails: a failing zlib stream throws away what waits in its readable
 * side, so that side is kept empty. Output is taken chunk by chunk, and the
 * decompressor makes no more before the last one was taken: memory is bounded
 * whatever the ratio.
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
   * @param window bytes of output that zstd may look back on; the memory is used only as far as the window is
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

  /** Bytes used of all that was fed: fewer once the compressed stream has ended. */
  get used(): number {
    return this.stream.bytesWritten;
  }

  /** Feed one slice; gives everything that can be decompressed of it. The slice must stay untouched until the generator ends. */
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
