/**
 * Compressed captures in mid-file, where a record or block would stand (`cat a.pcap b.pcap.gz`). They are not read, for
 * no decompressor is told of them, but said by name: damage without a reason would hide what happened.
 */
import type { CaptureLedger } from '../facts.ts';

/** The magic number of gzip with its only method, deflate (RFC 1952), and of zstd frames (RFC 8878). */
const GZIP = 0x1f8b08;
const ZSTD = 0x28b52ffd;

/** Names the compression that begins at `at`, where no record or block does, if there is one. At least four bytes are there. */
export function nameCompressed(ledger: CaptureLedger, view: DataView, at: number, base: number): void {
  const magic = view.getUint32(at);
  const name = magic >>> 8 === GZIP ? 'gzip' : magic === ZSTD ? 'zstd' : undefined;
  if (name === undefined) return;
  const detail = `${name} begins here, and is not read: give it as a file of its own, or join the captures after decompression`;
  ledger.odd('compression_in_capture', -1, 0, base + at, detail);
}
