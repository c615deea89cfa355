/**
 * Compression around a capture: gzip (RFC 1952) and zstd (RFC 8878), told from
 * the first bytes. Any number of gzip members or zstd frames in a row are one
 * capture; skippable frames are skipped.
 *
 * Members and frames are walked here and not by node:zlib, whose zstd stream
 * stops silently behind the first frame and takes a truncated one for whole,
 * and which tells no offsets. Every byte that was decompressed before a fault
 * is delivered; a failing inflate throws away up to 64 KiB of its last output,
 * so for gzip that takes a second look at the source, where it can be opened
 * again.
 */

import { crc32 } from 'node:zlib';
import { ByteSource } from './bytesource.ts';
import { Engine } from './engine.ts';
import type { Compression } from './facts.ts';

/** Compressed bytes fed to inflate at once: what is held back on a fault is what this much gives. */
const SLICE = 64 * 1024;

const GZIP_EXTRA = 4;
const GZIP_NAME = 8;
const GZIP_COMMENT = 16;
const GZIP_HEADER_CRC = 2;
const GZIP_RESERVED = 0xe0;

const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_SKIPPABLE = 0x184d2a50;
const ZSTD_BLOCK_LIMIT = 128 * 1024;

/** Where faults of the compression are told. Offsets in `detail` are compressed offsets. */
export interface CompressionReport {
  /** Bytes are missing or wrong: everything decompressed before has been delivered. */
  fault(reason: 'truncated_compression' | 'corrupt_compression', detail: string): void;
  /** Something odd that costs nothing. */
  odd(name: 'zeros_after_compression' | 'bytes_after_compression', detail: string): void;
}

/** A capture without its compression. */
export interface Decompressed {
  compression: Compression;
  /** The uncompressed bytes. A chunk may be overwritten once the next one is asked for. */
  chunks: AsyncIterable<Uint8Array>;
}

/** Opens the same source again from its beginning. */
export type Reopen = () => AsyncIterable<Uint8Array>;

/**
 * Tell the compression of a source and take it off. Faults go to `report`
 * while `chunks` is read; errors of the source itself are thrown.
 *
 * @param reopen used once at most, after a fault inside a gzip member; without it up to
 *   64 KiB of uncompressed bytes before such a fault are lost too
 */
export async function decompressed(
  source: AsyncIterable<Uint8Array>,
  report: CompressionReport,
  reopen?: Reopen,
): Promise<Decompressed> {
  const input = new ByteSource(source);
  const there = await input.fill(4);
  if (there >= 2 && isGzip(input)) return { compression: 'gzip', chunks: closing(input, gzip(input, report, reopen)) };
  if (there === 4 && isZstd(input.uint32(0)))
    return { compression: 'zstd', chunks: closing(input, zstd(input, report)) };
  return { compression: 'none', chunks: closing(input, input.rest()) };
}

function isGzip(input: ByteSource): boolean {
  return input.byte(0) === 0x1f && input.byte(1) === 0x8b;
}

function isZstd(magic: number): boolean {
  return magic === ZSTD_MAGIC || isSkippable(magic);
}

function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === ZSTD_SKIPPABLE;
}

async function* closing(input: ByteSource, chunks: AsyncGenerator<Uint8Array, void>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* chunks;
  } finally {
    await input.close();
  }
}

/** What a header or trailer turned out to be. */
type Check = 'sound' | 'truncated' | 'corrupt';

function tell(report: CompressionReport, check: Check, detail: string): void {
  report.fault(check === 'truncated' ? 'truncated_compression' : 'corrupt_compression', detail);
}

async function* gzip(input: ByteSource, report: CompressionReport, reopen?: Reopen): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const start = input.offset;
    const there = await input.fill(2);
    if (there === 0) return;
    if (there < 2 || !isGzip(input)) return await trailing(input, report);
    const header = await gzipHeader(input);
    if (header !== 'sound') return tell(report, header, `gzip header at ${start}`);
    const body = input.offset;
    const engine = new Engine('deflate');
    try {
      let checksum = 0;
      let given = 0;
      let fed = 0;
      while (engine.used === fed) {
        const slice = await input.take(SLICE);
        if (slice.length === 0) return tell(report, 'truncated', `gzip member at ${start} ends at ${input.offset}`);
        fed += slice.length;
        for await (const chunk of engine.feed(slice)) {
          checksum = crc32(chunk, checksum);
          given += chunk.length;
          yield chunk;
        }
        if (engine.failure !== undefined) {
          const from = body + fed - slice.length;
          if (reopen !== undefined) yield* heldBack(reopen(), body, from, given);
          return tell(
            report,
            'corrupt',
            `gzip member at ${start}, between ${from} and ${body + fed}: ${engine.failure}`,
          );
        }
      }
      input.untake(fed - engine.used);
      if ((await input.fill(8)) < 8) return tell(report, 'truncated', `gzip trailer at ${input.offset}`);
      if (input.uint32(0) !== checksum || input.uint32(4) !== given % 0x1_0000_0000)
        tell(report, 'corrupt', `gzip member at ${start}: checksum or length differs`);
      input.skip(8);
    } finally {
      engine.close();
    }
  }
}

/**
 * What a failed inflate threw away: the member is decompressed once more up to
 * the slice at `from` in which it failed, and that slice byte by byte.
 *
 * @param body compressed offset of the member's deflate stream
 * @param given uncompressed bytes of the member that were delivered already
 */
async function* heldBack(
  source: AsyncIterable<Uint8Array>,
  body: number,
  from: number,
  given: number,
): AsyncGenerator<Uint8Array, void> {
  const input = new ByteSource(source);
  const engine = new Engine('deflate');
  try {
    await input.pass(body);
    let seen = 0;
    while (engine.failure === undefined) {
      const slice = await input.take(input.offset < from ? Math.min(SLICE, from - input.offset) : 1);
      if (slice.length === 0) return;
      for await (const chunk of engine.feed(slice)) {
        seen += chunk.length;
        if (seen > given) yield chunk.subarray(Math.max(0, chunk.length - (seen - given)));
      }
    }
  } finally {
    engine.close();
    await input.close();
  }
}

/** Pass a gzip header (RFC 1952, section 2.3). */
async function gzipHeader(input: ByteSource): Promise<Check> {
  if ((await input.fill(10)) < 10) return 'truncated';
  const flags = input.byte(3);
  if (input.byte(2) !== 8 || (flags & GZIP_RESERVED) !== 0) return 'corrupt';
  input.skip(10);
  if ((flags & GZIP_EXTRA) !== 0) {
    if ((await input.fill(2)) < 2) return 'truncated';
    const length = input.byte(0) | (input.byte(1) << 8);
    input.skip(2);
    if ((await input.pass(length)) < length) return 'truncated';
  }
  for (const text of [GZIP_NAME, GZIP_COMMENT]) {
    for (let ended = (flags & text) === 0; !ended; input.skip(1)) {
      if ((await input.fill(1)) < 1) return 'truncated';
      ended = input.byte(0) === 0;
    }
  }
  if ((flags & GZIP_HEADER_CRC) !== 0 && (await input.pass(2)) < 2) return 'truncated';
  return 'sound';
}

async function* zstd(input: ByteSource, report: CompressionReport): AsyncGenerator<Uint8Array, void> {
  // One engine serves all frames: it is ready for the next one whenever a frame has ended.
  const engine = new Engine('zstd');
  try {
    for (;;) {
      const start = input.offset;
      const there = await input.fill(4);
      if (there === 0) return;
      const magic = there === 4 ? input.uint32(0) : 0;
      if (isSkippable(magic)) {
        if ((await input.fill(8)) < 8) return tell(report, 'truncated', `zstd skippable frame at ${start}`);
        const size = input.uint32(4);
        input.skip(8);
        if ((await input.pass(size)) < size) return tell(report, 'truncated', `zstd skippable frame at ${start}`);
      } else if (magic === ZSTD_MAGIC) {
        const check = yield* zstdFrame(input, engine);
        if (check !== 'sound') {
          const failure = engine.failure === undefined ? '' : `: ${engine.failure}`;
          return tell(report, check, `zstd frame at ${start}, at ${input.offset}${failure}`);
        }
      } else return await trailing(input, report);
    }
  } finally {
    engine.close();
  }
}

/** Decompress one frame (RFC 8878, section 3.1.1), a block at a time. */
async function* zstdFrame(input: ByteSource, engine: Engine): AsyncGenerator<Uint8Array, Check> {
  if ((await input.fill(5)) < 5) return 'truncated';
  const descriptor = input.byte(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6];
  const dictionaryId = [0, 1, 2, 4][descriptor & 3];
  let check = yield* zstdPiece(input, engine, 5 + (singleSegment ? 0 : 1) + dictionaryId + contentSize);
  for (let last = false; check === 'sound' && !last; ) {
    if ((await input.fill(3)) < 3) return 'truncated';
    const header = input.byte(0) | (input.byte(1) << 8) | (input.byte(2) << 16);
    last = (header & 1) !== 0;
    const type = (header >>> 1) & 3;
    const size = header >>> 3;
    if (type === 3 || size > ZSTD_BLOCK_LIMIT) return 'corrupt';
    // A run-length block takes one byte, whatever its size.
    check = yield* zstdPiece(input, engine, 3 + (type === 1 ? 1 : size));
  }
  if (check === 'sound' && (descriptor & 4) !== 0) check = yield* zstdPiece(input, engine, 4);
  return check;
}

/** Feed the next `count` bytes. */
async function* zstdPiece(input: ByteSource, engine: Engine, count: number): AsyncGenerator<Uint8Array, Check> {
  for (let left = count; left > 0; ) {
    const slice = await input.take(left);
    if (slice.length === 0) return 'truncated';
    left -= slice.length;
    yield* engine.feed(slice);
    if (engine.failure !== undefined) return 'corrupt';
  }
  return 'sound';
}

/** What stands behind the last member or frame and is none. */
async function trailing(input: ByteSource, report: CompressionReport): Promise<void> {
  const start = input.offset;
  let zeros = true;
  for await (const slice of input.rest()) zeros = zeros && slice.every((byte) => byte === 0);
  const name = zeros ? 'zeros_after_compression' : 'bytes_after_compression';
  report.odd(name, `${input.offset - start} bytes at ${start}`);
}
