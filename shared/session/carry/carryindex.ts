/**
 * A carry: the sessions that a tracker has open at the end of an interval, as an object. Trackers of the next interval
 * continue them, in other processes, with other partitions and other ranks of captures.
 *
 * The object is a sequence of blocks (carryblock.ts), then the index: JSON, zstd. Sessions are in order of (bucket, hash,
 * flow key), and blocks end where buckets end unless a bucket is large, so that any range of buckets is in a few
 * neighbouring ones. Which bytes they are depends on the open sessions and the border alone: not on the process, its
 * tables, the ranks of captures or where earlier intervals ended.
 *
 * Captures are known by identities that outlive a job, given by the caller. Sessions hold numbers of a list of them, in
 * order of rank, which is the same in both jobs.
 */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type CheckedRange, checkRanges } from '../../store/checkedrange.ts';
import { StoreError } from '../../store/objectstore.ts';

/** Sessions of the buckets [fromBucket, toBucket); those of the first and of the last may continue in a neighbour. */
export interface CarryBlock extends CheckedRange {
  fromBucket: number;
  toBucket: number;
  sessions: number;
}

/** What a carry holds. */
export interface CarryIndex {
  /** End of the interval, microseconds: all sessions began before it, and none was due before it. */
  borderUs: number;
  /** Identities of the captures that its sessions name, in order of rank. */
  captures: string[];
  blocks: CarryBlock[];
}

/** Place of the index in its object: all that must be kept elsewhere. */
export interface CarryPlace extends CheckedRange {
  sessions: number;
}

/** As in shards: higher levels cost more time than their bytes save. */
const PARAMS = { [constants.ZSTD_c_compressionLevel]: 1 };

/** Bytes as a carry stores them. Whoever reads them verifies the checksum of their range first. */
export function compress(bytes: Uint8Array): Uint8Array {
  const compressed = zstdCompressSync(bytes, {
    params: PARAMS,
    pledgedSrcSize: bytes.length,
    chunkSize: bytes.length + (bytes.length >> 7) + 1024,
  });
  // What zlib returns is the beginning of a chunk, several times as large.
  return new Uint8Array(compressed);
}

/** The index as the last bytes of its object, which begin at `start`. */
export function encodeIndex(index: CarryIndex, start: number): { bytes: Uint8Array; place: CarryPlace } {
  const bytes = compress(Buffer.from(JSON.stringify(index)));
  const sessions = index.blocks.reduce((sum, block) => sum + block.sessions, 0);
  return { bytes, place: { start, end: start + bytes.length, crc: crc32(bytes), sessions } };
}

/**
 * The index from the bytes at its place.
 *
 * @param key the object's name in errors
 * @throws StoreError 'damaged' when they are not what was written
 */
export function decodeIndex(key: string, bytes: Uint8Array, place: CarryPlace): CarryIndex {
  checkRanges(key, bytes, [place]);
  try {
    return JSON.parse(zstdDecompressSync(bytes).toString()) as CarryIndex;
  } catch (error) {
    throw new StoreError('damaged', key, `${key} is damaged: bytes ${place.start} to ${place.end} are no index`, error);
  }
}
