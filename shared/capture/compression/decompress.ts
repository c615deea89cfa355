/**
 * Compression around a capture: gzip (RFC 1952) and zstd (RFC 8878), detected by the first bytes. Any number of gzip
 * members or zstd frames in a row are one capture.
 *
 * The uncompressed bytes and the reported faults depend on the compressed bytes alone, never on the source's chunks.
 * Every byte before a fault is delivered; as a failing decompressor discards its last output, the source is read a
 * second time for it, if it can be reopened.
 */

import type { Compression } from '../facts.ts';
import { type CompressionBounds, DEFAULT_BOUNDS, FREE_BYTES } from './bounds.ts';
import { ByteReader } from './bytereader.ts';
import type { CompressionReport, Reopen } from './detect.ts';
import { gunzip, isGzip } from './gzip.ts';
import { isZstd, unzstd } from './zstd.ts';

/** A capture without its compression. */
export interface Decompressed {
  compression: Compression;
  /** The uncompressed bytes. A chunk may be overwritten once the next one is requested. */
  chunks: AsyncIterable<Uint8Array>;
}

/**
 * Detect the compression of a source and decompress it. Faults go to `report` while `chunks` is read; errors of the
 * source itself are thrown.
 *
 * @param options `reopen` is called at most twice, after a fault; without it the output of the last 64 KiB of gzip or 4
 *   KiB of zstd before the fault may be lost too. `bounds`: DEFAULT_BOUNDS by default
 */
export async function decompressed(
  source: AsyncIterable<Uint8Array>,
  report: CompressionReport,
  { reopen, bounds = DEFAULT_BOUNDS }: { reopen?: Reopen | undefined; bounds?: CompressionBounds | undefined } = {},
): Promise<Decompressed> {
  const input = new ByteReader(source);
  const there = await input.fill(4);
  if (there >= 2 && isGzip(input))
    return { compression: 'gzip', chunks: bounded(input, gunzip(input, report, reopen), bounds.ratio, report) };
  if (there === 4 && isZstd(input.uint32(0))) {
    const chunks = unzstd(input, report, bounds.zstdWindow, reopen);
    return { compression: 'zstd', chunks: bounded(input, chunks, bounds.ratio, report) };
  }
  return { compression: 'none', chunks: bounded(input, input.rest(), Number.POSITIVE_INFINITY, report) };
}

/** The chunks, up to the largest ratio allowed; then the source is closed. */
async function* bounded(
  input: ByteReader,
  chunks: AsyncGenerator<Uint8Array, void>,
  ratio: number,
  report: CompressionReport,
): AsyncGenerator<Uint8Array, void> {
  let given = 0;
  try {
    for await (const chunk of chunks) {
      given += chunk.length;
      const most = Math.max(FREE_BYTES, ratio * input.offset);
      if (given <= most) {
        yield chunk;
        continue;
      }
      const left = chunk.length - (given - most);
      if (left > 0) yield chunk.subarray(0, left);
      const detail = `more than ${ratio} times the ${input.offset} compressed bytes so far; --max-compression-ratio gives more`;
      report.fault('compression_ratio_exceeded', detail);
      return;
    }
  } finally {
    await input.close();
  }
}
