/** Compressed bytes, and what decompressing them gives. */
import type { CompressionBounds } from '../../../shared/capture/compression/bounds.ts';
import { decompressed } from '../../../shared/capture/compression/decompress.ts';
import type { Reopen } from '../../../shared/capture/compression/detect.ts';
import { chunked, concat, gzip, random, zstd } from '../build.ts';

export interface Outcome {
  compression: string;
  bytes: Uint8Array;
  /** Names of faults and oddities, in order. */
  told: string[];
  details: string[];
}

export async function take(
  bytes: Uint8Array,
  size = bytes.length,
  reopen?: Reopen,
  bounds?: CompressionBounds,
): Promise<Outcome> {
  const told: string[] = [];
  const details: string[] = [];
  const tell = (name: string, detail: string) => {
    told.push(name);
    details.push(detail);
  };
  const { compression, chunks } = await decompressed(
    chunked(bytes, size),
    { fault: tell, odd: tell },
    { reopen, bounds },
  );
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return { compression, bytes: concat(parts), told, details };
}

export function noise(seed: number, length: number): Uint8Array {
  const next = random(seed);
  // Few values, so that it compresses.
  return Uint8Array.from({ length }, () => Math.floor(next() * 11));
}

export const forms: [string, (bytes: Uint8Array) => Uint8Array][] = [
  ['gzip', gzip],
  ['zstd', zstd],
];

/** A frame of the given blocks, with a window descriptor. */
export function frame(window: number, ...blocks: Uint8Array[]): Uint8Array {
  const head = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, window);
  return concat([head, ...blocks, Uint8Array.of(1, 0, 0)]);
}

/** A raw block. */
export function rawBlock(bytes: Uint8Array): Uint8Array {
  return concat([Uint8Array.of((bytes.length << 3) & 0xff, bytes.length >>> 5, bytes.length >>> 13), bytes]);
}
