/**
 * zstd (RFC 8878): any number of frames in a row; skippable frames are skipped. Frames and blocks are parsed here and
 * not by node:zlib, whose zstd stream stops silently after the first frame and accepts a truncated one as complete.
 * What is fed at once depends on the compressed bytes alone, so that a fault loses the same bytes with any chunks.
 */

import type { ByteReader } from './bytereader.ts';
import { type CompressionReport, type Reopen, tell, trailing } from './detect.ts';
import { heldBack } from './heldback.ts';
import { ZlibDecompressor } from './nodezlib.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

const BLOCK_LIMIT = 128 * 1024;
/** Bytes fed at once when blocks are smaller: a call costs as much as decompressing some of them. */
const BATCH = 4096;
/** Bytes of the longest frame header. */
const LONGEST_HEADER = 18;

/**
 * Number of frames that may have any size, and the average compressed bytes required of a frame beyond it: each frame
 * costs as much as some kilobytes.
 */
const FREE_FRAMES = 10_000;
const LEAST_FRAME = 128;

/** True if a little-endian number begins a zstd frame, a skippable one too. */
export function isZstd(magic: number): boolean {
  return magic === MAGIC || isSkippable(magic);
}

function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === SKIPPABLE;
}

/** How a frame ended: why it is not sound, and where. */
interface FrameEnd {
  check: 'sound' | 'truncated' | 'corrupt' | 'window';
  at: number;
  detail?: string;
}

/**
 * The uncompressed bytes of all frames. A chunk may be overwritten once the next one is requested.
 *
 * @param window largest window of a frame in bytes
 */
export async function* unzstd(
  input: ByteReader,
  report: CompressionReport,
  window: number,
  reopen?: Reopen,
): AsyncGenerator<Uint8Array, void> {
  // One decompressor for all frames: after each it is ready for the next.
  const decompressor = new ZlibDecompressor('zstd', window);
  try {
    for (let frames = 0; ; ) {
      const start = input.offset;
      const there = await input.fill(4);
      if (there === 0) return;
      const magic = there === 4 ? input.uint32(0) : 0;
      if (isSkippable(magic)) {
        if ((await input.fill(8)) < 8) return tell(report, 'truncated', `zstd skippable frame at ${start}`);
        const size = input.uint32(4);
        input.skip(8);
        if ((await input.pass(size)) < size) return tell(report, 'truncated', `zstd skippable frame at ${start}`);
      } else if (magic === MAGIC) {
        if (++frames > FREE_FRAMES && start < frames * LEAST_FRAME) {
          const detail = `${frames} frames up to ${start}; 'zstd -d' gives the capture itself, which is read`;
          return report.fault('zstd_frames_too_small', detail);
        }
        report.begins?.();
        const frame = new Frame(input, decompressor, window, reopen);
        const { check, at, detail } = yield* frame.read();
        if (check === 'window') return report.fault('zstd_window_too_large', `zstd frame at ${start}: ${detail}`);
        if (check !== 'sound')
          return tell(report, check, `zstd frame at ${start}, at ${at}${detail === undefined ? '' : `: ${detail}`}`);
      } else return yield* trailing(input, report);
    }
  } finally {
    decompressor.close();
  }
}

/** One frame (section 3.1.1). */
class Frame {
  private readonly input: ByteReader;
  private readonly decompressor: ZlibDecompressor;
  private readonly window: number;
  private readonly reopen: Reopen | undefined;
  private readonly begin: number;
  private given = 0;
  /** Bytes that are fed next, and those of the blocks among them. */
  private pending = 0;
  private sizes: number[] = [];

  constructor(input: ByteReader, decompressor: ZlibDecompressor, window: number, reopen: Reopen | undefined) {
    this.input = input;
    this.decompressor = decompressor;
    this.window = window;
    this.reopen = reopen;
    this.begin = input.offset;
  }

  async *read(): AsyncGenerator<Uint8Array, FrameEnd> {
    const { input } = this;
    const there = await input.fill(LONGEST_HEADER);
    if (there < 5) return { check: 'truncated', at: input.offset };
    const descriptor = input.byte(4);
    const singleSegment = (descriptor & 0x20) !== 0;
    const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6];
    const sizeAt = 5 + (singleSegment ? 0 : 1) + [0, 1, 2, 4][descriptor & 3];
    if (there >= sizeAt + sizeBytes) {
      const asked = singleSegment ? this.contentSize(sizeAt, sizeBytes) : this.asked(input.byte(5));
      if (asked > this.window) {
        const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
        const detail = `its window is ${mebibytes(asked)}, at most ${mebibytes(this.window)} are given; --max-zstd-window gives more`;
        return { check: 'window', at: input.offset, detail };
      }
    }
    this.add(sizeAt + sizeBytes);
    for (let last = false; !last; ) {
      const end = this.pending + 3;
      if ((await input.fill(end)) < end) return yield* this.feed('truncated');
      const at = this.pending;
      const header = input.byte(at) | (input.byte(at + 1) << 8) | (input.byte(at + 2) << 16);
      last = (header & 1) !== 0;
      const type = (header >>> 1) & 3;
      const size = header >>> 3;
      if (type === 3 || size > BLOCK_LIMIT) return yield* this.feed('corrupt');
      // A run-length block has one byte, whatever its size.
      const bytes = 3 + (type === 1 ? 1 : size);
      if (this.pending > 0 && this.pending + bytes > BATCH) {
        const fed = yield* this.feed('sound');
        if (fed.check !== 'sound') return fed;
      }
      this.add(bytes);
      if (this.pending < BATCH || last) continue;
      const fed = yield* this.feed('sound');
      if (fed.check !== 'sound') return fed;
    }
    if ((descriptor & 4) !== 0) this.add(4);
    return yield* this.feed('sound');
  }

  private add(bytes: number): void {
    this.pending += bytes;
    this.sizes.push(bytes);
  }

  /** The window size in a descriptor (section 3.1.1.1.2). */
  private asked(descriptor: number): number {
    const base = 2 ** (10 + (descriptor >>> 3));
    return base + (base / 8) * (descriptor & 7);
  }

  /** The size of a frame that is its own window (section 3.1.1.1.4). */
  private contentSize(at: number, bytes: number): number {
    let size = bytes === 2 ? 256 : 0;
    for (let i = 0; i < bytes; i++) size += this.input.byte(at + i) * 256 ** i;
    return size;
  }

  /** Feed what is pending. @param otherwise result of the frame if that can be decompressed */
  private async *feed(otherwise: FrameEnd['check']): AsyncGenerator<Uint8Array, FrameEnd> {
    const { input, decompressor, pending, sizes } = this;
    const from = input.offset;
    this.pending = 0;
    this.sizes = [];
    for (let left = pending; left > 0 && decompressor.failure === undefined; ) {
      const piece = await input.piece(Math.min(left, input.untilBorder));
      if (piece.length === 0) return { check: 'truncated', at: input.offset };
      left -= piece.length;
      for await (const chunk of decompressor.feed(piece)) {
        this.given += chunk.length;
        yield chunk;
      }
    }
    const detail = decompressor.failure;
    if (detail === undefined) return { check: otherwise, at: input.offset };
    let at = input.offset;
    if (this.reopen !== undefined && sizes.length > 1) {
      const { reopen, begin, given, window } = this;
      at = yield* heldBack({ kind: 'zstd', reopen, begin, from, given, window }, sizes);
    }
    return { check: 'corrupt', at, detail };
  }
}
