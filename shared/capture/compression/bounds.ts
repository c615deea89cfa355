/**
 * How much a few compressed bytes may ask for. What goes beyond is refused under
 * a name, and what came before it is kept.
 */

/** Bounds on decompressing. */
export interface CompressionBounds {
  /** Bytes of output that a zstd frame may have kept to look back on: that much memory each reader can take. */
  zstdWindow: number;
  /** Uncompressed bytes for each compressed one, beyond the first FREE_BYTES of a capture. */
  ratio: number;
}

/** Unless told otherwise: the largest window of zstd's levels, and the most that deflate can do with anything but zeros. */
export const DEFAULT_BOUNDS: Readonly<CompressionBounds> = { zstdWindow: 2 ** 27, ratio: 1000 };

/** Uncompressed bytes that a capture may have whatever their compressed number. */
export const FREE_BYTES = 100_000_000;

/** Windows that zstd knows. */
export const LEAST_ZSTD_WINDOW = 2 ** 10;
export const MOST_ZSTD_WINDOW = 2 ** 31;
