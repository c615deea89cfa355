/**
 * gzip (RFC 1952): any number of members in a row. Members are parsed here and not by node:zlib, which reports no
 * offsets. They are fed in pieces whose boundaries depend on the compressed bytes alone, so that a fault loses the same
 * bytes with any chunks.
 */

import { crc32 } from 'node:zlib';
import type { ByteReader } from './bytereader.ts';
import { type Check, type CompressionReport, type Reopen, tell, trailing } from './detect.ts';
import { heldBack } from './heldback.ts';
import { SmallInflate } from './inflate.ts';
import { ZlibDecompressor } from './nodezlib.ts';

/** Most compressed bytes fed to inflate at once: on a fault the output of up to this many is held back. */
const PIECE = 64 * 1024;
/** Compressed and uncompressed bytes of a member that is inflated without a decompressor. */
const SMALL_MEMBER = 1024;
const SMALL_OUTPUT = 32 * 1024;

const EXTRA = 4;
const NAME = 8;
const COMMENT = 16;
const HEADER_CRC = 2;
const RESERVED = 0xe0;

/** True if two bytes, which `fill` has made readable, begin a gzip member. */
export function isGzip(input: ByteReader): boolean {
  return input.byte(0) === 0x1f && input.byte(1) === 0x8b;
}

/** The uncompressed bytes of all members. A chunk may be overwritten once the next one is requested. */
export async function* gunzip(
  input: ByteReader,
  report: CompressionReport,
  reopen?: Reopen,
): AsyncGenerator<Uint8Array, void> {
  const small = new SmallInflate(SMALL_OUTPUT);
  // After a small member there may be another: then trying costs less.
  let smallBefore = false;
  for (;;) {
    const start = input.offset;
    const there = await input.fill(2);
    if (there === 0) return;
    if (there < 2 || !isGzip(input)) return yield* trailing(input, report);
    report.begins?.();
    const check = await header(input);
    if (check !== 'sound') return tell(report, check, `gzip header at ${start}`);
    let checksum: number;
    let given: number;
    if (smallBefore && small.inflate(input.peek(await input.fill(SMALL_MEMBER)))) {
      input.skip(small.used);
      given = small.length;
      const chunk = small.output.subarray(0, given);
      checksum = crc32(chunk);
      if (given > 0) yield chunk;
    } else {
      const member = new Member(start, input, report, reopen);
      yield* member.body();
      if (!member.whole) return;
      ({ checksum, given } = member);
      smallBefore = member.used <= SMALL_MEMBER && given <= SMALL_OUTPUT;
    }
    if ((await input.fill(8)) < 8) return tell(report, 'truncated', `gzip trailer at ${input.offset}`);
    if (input.uint32(0) !== checksum || input.uint32(4) !== given % 0x1_0000_0000)
      tell(report, 'corrupt', `gzip member at ${start}: checksum or length differs`);
    input.skip(8);
  }
}

/** A member that is decompressed by node:zlib. */
class Member {
  checksum = 0;
  /** Uncompressed bytes delivered. */
  given = 0;
  /** Compressed bytes of the body. */
  used = 0;
  /** The body has been decompressed to its end. */
  whole = false;
  private readonly start: number;
  private readonly input: ByteReader;
  private readonly report: CompressionReport;
  private readonly reopen: Reopen | undefined;

  constructor(start: number, input: ByteReader, report: CompressionReport, reopen: Reopen | undefined) {
    this.start = start;
    this.input = input;
    this.report = report;
    this.reopen = reopen;
  }

  async *body(): AsyncGenerator<Uint8Array, void> {
    const { start, input, report } = this;
    const begin = input.offset;
    const decompressor = new ZlibDecompressor('deflate');
    try {
      let fed = 0;
      while (decompressor.used === fed) {
        const from = input.offset;
        const piece = await input.piece(Math.min(PIECE, input.untilBorder));
        if (piece.length === 0) return tell(report, 'truncated', `gzip member at ${start} ends at ${from}`);
        fed += piece.length;
        for await (const chunk of decompressor.feed(piece)) {
          this.checksum = crc32(chunk, this.checksum);
          this.given += chunk.length;
          yield chunk;
        }
        if (decompressor.failure !== undefined) {
          const to = input.offset;
          if (this.reopen !== undefined) {
            const failed = { kind: 'deflate', reopen: this.reopen, begin, from, given: this.given, window: 0 } as const;
            yield* heldBack(failed, new Uint8Array(to - from).fill(1));
          }
          return tell(report, 'corrupt', `gzip member at ${start}, between ${from} and ${to}: ${decompressor.failure}`);
        }
      }
      this.used = decompressor.used;
      input.untake(fed - this.used);
      this.whole = true;
    } finally {
      decompressor.close();
    }
  }
}

/** Pass a member's header (RFC 1952, section 2.3). */
async function header(input: ByteReader): Promise<Check> {
  if ((await input.fill(10)) < 10) return 'truncated';
  const flags = input.byte(3);
  if (input.byte(2) !== 8 || (flags & RESERVED) !== 0) return 'corrupt';
  input.skip(10);
  if ((flags & EXTRA) !== 0) {
    if ((await input.fill(2)) < 2) return 'truncated';
    const length = input.byte(0) | (input.byte(1) << 8);
    input.skip(2);
    if ((await input.pass(length)) < length) return 'truncated';
  }
  for (const text of [NAME, COMMENT]) {
    for (let ended = (flags & text) === 0; !ended; ) {
      const slice = await input.take(Number.MAX_SAFE_INTEGER);
      if (slice.length === 0) return 'truncated';
      const end = slice.indexOf(0);
      ended = end >= 0;
      if (ended) input.untake(slice.length - end - 1);
    }
  }
  if ((flags & HEADER_CRC) !== 0 && (await input.pass(2)) < 2) return 'truncated';
  return 'sound';
}
