/** Types and functions that the readers of gzip and zstd share. */

import type { CompressionReason } from '../facts.ts';
import { beginsPart, PART_BYTES } from '../format/fileheader.ts';
import type { ByteReader } from './bytereader.ts';

/** Where faults of the compression are reported. Offsets in `detail` are compressed offsets. */
export interface CompressionReport {
  /** Bytes are missing, corrupt or beyond the limits: everything decompressed before has been delivered. */
  fault(reason: CompressionReason, detail: string): void;
  /** A member or frame begins: what was delivered before it is of others. */
  begins?(): void;
  /** Something odd that loses no bytes. */
  odd(name: 'zeros_after_compression', detail: string): void;
}

/** Opens the same source again from its beginning. */
export type Reopen = () => AsyncIterable<Uint8Array>;

/** Result of checking a piece of compressed bytes. */
export type Check = 'sound' | 'truncated' | 'corrupt';

export function tell(report: CompressionReport, check: Check, detail: string): void {
  report.fault(check === 'truncated' ? 'truncated_compression' : 'corrupt_compression', detail);
}

/**
 * Reads what follows the last member or frame: a capture without compression, which is delivered (`cat a.pcap.gz
 * b.pcap`); zeros are padding; anything else is a fault and ends the reading.
 */
export async function* trailing(input: ByteReader, report: CompressionReport): AsyncGenerator<Uint8Array, void> {
  const start = input.offset;
  const there = await input.fill(PART_BYTES);
  const next = input.peek(there);
  if (beginsPart(new DataView(next.buffer, next.byteOffset, there), 0, there)) {
    report.begins?.();
    yield* input.rest();
    return;
  }
  for await (const slice of input.rest())
    if (slice.some((byte) => byte !== 0)) return report.fault('bytes_after_compression', `from ${start} on`);
  report.odd('zeros_after_compression', `${input.offset - start} bytes at ${start}`);
}
