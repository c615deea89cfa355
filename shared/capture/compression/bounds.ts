/**
 * Limits on memory and output of decompression. Input beyond them is refused under a name, and what was read before is
 * kept.
 */

/** Limits of decompression. */
export interface CompressionBounds {
  /** Largest window of a zstd frame in bytes: the memory that each reader may take. */
  zstdWindow: number;
  /** Uncompressed bytes for each compressed one, beyond the first FREE_BYTES of a capture. */
  ratio: number;
}

/**
 * Defaults: the largest window of zstd's levels, and the highest ratio that deflate reaches with anything but zeros.
 */
export const DEFAULT_BOUNDS: Readonly<CompressionBounds> = { zstdWindow: 2 ** 27, ratio: 1000 };

/** Uncompressed bytes that a capture may have at any ratio. */
export const FREE_BYTES = 100_000_000;

/** Window sizes that zstd supports. */
export const LEAST_ZSTD_WINDOW = 2 ** 10;
export const MOST_ZSTD_WINDOW = 2 ** 31;
