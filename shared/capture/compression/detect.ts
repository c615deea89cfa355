/** What the readers of gzip and zstd have in common. */

import type { CompressionReason } from '../facts.ts';
import type { ByteReader } from './bytereader.ts';

/** Where faults of the compression are told. Offsets in `detail` are compressed offsets. */
export interface CompressionReport {
  /** Bytes are missing, wrong or too much to ask: everything decompressed before has been delivered. */
  fault(reason: CompressionReason, detail: string): void;
  /** Something odd that costs nothing. */
  odd(name: 'zeros_after_compression', detail: string): void;
}

/** Opens the same source again from its beginning. */
export type Reopen = () => AsyncIterable<Uint8Array>;

/** What a piece of compressed bytes turned out to be. */
export type Check = 'sound' | 'truncated' | 'corrupt';

export function tell(report: CompressionReport, check: Check, detail: string): void {
  report.fault(check === 'truncated' ? 'truncated_compression' : 'corrupt_compression', detail);
}

/** What stands behind the last member or frame and is none: padding, or a loss. Read on is only while it is zeros. */
export async function trailing(input: ByteReader, report: CompressionReport): Promise<void> {
  const start = input.offset;
  for await (const slice of input.rest())
    if (slice.some((byte) => byte !== 0)) return report.fault('bytes_after_compression', `from ${start} on`);
  report.odd('zeros_after_compression', `${input.offset - start} bytes at ${start}`);
}
