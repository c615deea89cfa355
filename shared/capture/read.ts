/** Reads a capture from a byte source: decompresses and parses it. */

import type { AnomalySink } from './anomaly.ts';
import type { CompressionBounds } from './compression/bounds.ts';
import { decompressed } from './compression/decompress.ts';
import type { Reopen } from './compression/detect.ts';
import { type CaptureFacts, type Compression, RECORD_LIMIT } from './facts.ts';
import { CaptureParser } from './parser.ts';
import type { RecordSink } from './recordsink.ts';

/** The head of a capture, for planning. */
export interface CaptureHead {
  format: CaptureFacts['format'];
  compression: Compression;
  /** Time of the first record: whole microseconds since 1970 and nanoseconds below; null when the head has none. */
  firstUs: number | null;
  firstNs: number | null;
  /** The head is the whole capture: `facts` is final. */
  whole: boolean;
  /** Facts of what was read. */
  facts: CaptureFacts;
}

interface ReadOptions {
  reopen?: Reopen;
  bounds?: CompressionBounds | undefined;
}

/**
 * Read a whole capture, compressed or not. A capture that is refused at its beginning is not read further.
 *
 * @param sink gets every record in the order of the file
 * @param options `reopen` opens the same source again: with it no byte before a fault of the compression is lost (see
 *   decompress.ts); `bounds` are the limits of decompression
 * @returns the facts, for any bytes; only errors of the source (and of the sink) are thrown
 */
export async function readCapture(
  source: AsyncIterable<Uint8Array>,
  sink: RecordSink,
  anomalies: AnomalySink,
  options: ReadOptions = {},
): Promise<CaptureFacts> {
  const { parser } = await parse(source, sink, anomalies, () => true, options);
  parser.end();
  return parser.facts;
}

/**
 * Read the first `limitBytes` uncompressed bytes of a capture, and then close the source. When the first record ends
 * beyond them, reading continues to its end, for at most RECORD_LIMIT bytes more.
 */
export async function readHead(
  source: AsyncIterable<Uint8Array>,
  limitBytes = 65_536,
  options: Pick<ReadOptions, 'bounds'> = {},
): Promise<CaptureHead> {
  let firstUs: number | null = null;
  let firstNs: number | null = null;
  const sink: RecordSink = {
    record(_bytes, _start, _capLen, _origLen, us, ns) {
      if (firstUs !== null) return;
      firstUs = us;
      firstNs = ns;
    },
  };
  const more = (bytes: number) => bytes < limitBytes || (firstUs === null && bytes < limitBytes + RECORD_LIMIT);
  const { parser, whole } = await parse(source, sink, { anomaly() {} }, more, options);
  // The end of the head is not the end of the capture: only a whole capture can be truncated.
  if (whole) parser.end();
  const facts = parser.facts;
  return { format: facts.format, compression: facts.compression, firstUs, firstNs, whole, facts };
}

/** Parse until the source ends or `more`, called with the uncompressed bytes so far, returns false. */
async function parse(
  source: AsyncIterable<Uint8Array>,
  sink: RecordSink,
  anomalies: AnomalySink,
  more: (bytes: number) => boolean,
  options: ReadOptions,
): Promise<{ parser: CaptureParser; whole: boolean }> {
  const parser = new CaptureParser(sink, anomalies);
  const { compression, chunks } = await decompressed(source, parser, options);
  parser.compression = compression;
  let bytes = 0;
  for await (const chunk of chunks) {
    parser.push(chunk);
    if (parser.refused) break;
    bytes += chunk.length;
    if (!more(bytes)) return { parser, whole: false };
  }
  return { parser, whole: true };
}
