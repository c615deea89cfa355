/** Splits a capture into its records or blocks, as far as its lengths lead: for damage, and for shrinking. */
import { concat } from '../../capture/build.ts';

/** What is before the first record (pcap's file header), and the pieces after it. */
export interface Framing {
  kind: 'pcap' | 'pcapng' | 'other';
  little: boolean;
  head: Uint8Array;
  pieces: Uint8Array[];
}

const PIECE = 64;
const PCAP = new Map([
  [0xa1b2c3d4, { little: false, header: 16 }],
  [0xa1b23c4d, { little: false, header: 16 }],
  [0xa1b2cd34, { little: false, header: 24 }],
  [0xd4c3b2a1, { little: true, header: 16 }],
  [0x4d3cb2a1, { little: true, header: 16 }],
  [0x34cdb2a1, { little: true, header: 24 }],
]);

/** The pieces of a capture; what no length leads through is cut into pieces of 64 bytes. */
export function framingOf(bytes: Uint8Array): Framing {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = bytes.length >= 4 ? view.getUint32(0) : 0;
  const pcap = PCAP.get(magic);
  const pieces: Uint8Array[] = [];
  let at = 0;
  let little = true;
  if (pcap !== undefined && bytes.length >= 24) {
    at = 24;
    little = pcap.little;
    while (at + pcap.header <= bytes.length) {
      const size = pcap.header + view.getUint32(at + 8, little);
      if (at + size > bytes.length) break;
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
  } else if (magic === 0x0a0d0d0a) {
    while (at + 12 <= bytes.length) {
      if (view.getUint32(at) === 0x0a0d0d0a) little = view.getUint32(at + 8) === 0x4d3c2b1a;
      const size = view.getUint32(at + 4, little);
      if (size < 12 || at + size > bytes.length) break;
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
  }
  for (; at < bytes.length; at += PIECE) pieces.push(bytes.subarray(at, at + PIECE));
  const kind = pcap !== undefined ? 'pcap' : magic === 0x0a0d0d0a ? 'pcapng' : 'other';
  return { kind, little, head: bytes.subarray(0, kind === 'pcap' ? 24 : 0), pieces };
}

export function joined({ head }: Framing, pieces: readonly Uint8Array[]): Uint8Array {
  return concat([head, ...pieces]);
}
