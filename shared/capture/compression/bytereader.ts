/**
 * Reads the chunks of an asynchronous source: a few bytes at a time for headers, pieces of a given size for
 * decompressors. Where pieces begin and end does not depend on the source's chunks; a piece within one chunk is not
 * copied. Errors of the source are passed on.
 */

const NOTHING = new Uint8Array(0);
const BORDER = 256 * 1024;

/** Bytes of a source, from start to end. */
export class ByteReader {
  /** Bytes passed so far. */
  offset = 0;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = NOTHING;
  private at = 0;
  /** Bytes already received after `chunk`. */
  private behind: Uint8Array = NOTHING;
  private done = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  /** Make `count` bytes (they may be copied) readable by `byte`; returns how many are, fewer only at the end of the source. */
  async fill(count: number): Promise<number> {
    if (this.chunk.length - this.at >= count) return count;
    if (this.at === this.chunk.length && (await this.advance()) && this.chunk.length >= count) return count;
    const left = this.chunk.subarray(this.at);
    if (left.length === 0 || (this.done && this.behind.length === 0)) return left.length;
    const joined = new Uint8Array(count);
    joined.set(left);
    let held = left.length;
    while (held < count && (await this.advance())) {
      const used = Math.min(count - held, this.chunk.length);
      joined.set(used < this.chunk.length ? this.chunk.subarray(0, used) : this.chunk, held);
      held += used;
      // The rest of it follows the joined bytes.
      this.behind = this.chunk.subarray(used);
    }
    this.chunk = held < count ? joined.subarray(0, held) : joined;
    this.at = 0;
    return held;
  }

  /** The byte `index` places ahead, which `fill` has made readable. */
  byte(index: number): number {
    return this.chunk[this.at + index];
  }

  /** The little-endian 32-bit number `index` bytes ahead, which `fill` has made readable. */
  uint32(index: number): number {
    const at = this.at + index;
    const c = this.chunk;
    return (c[at] | (c[at + 1] << 8) | (c[at + 2] << 16) | (c[at + 3] << 24)) >>> 0;
  }

  /** The next `count` bytes, which `fill` has made readable, without passing them. */
  peek(count: number): Uint8Array {
    return this.chunk.subarray(this.at, this.at + count);
  }

  /**
   * Bytes up to the next piece boundary, which does not depend on the source's chunks. Chunks of files end there too,
   * so that few pieces are copied.
   */
  get untilBorder(): number {
    return BORDER - (this.offset % BORDER);
  }

  /** Pass over `count` bytes that `fill` has made readable. */
  skip(count: number): void {
    this.at += count;
    this.offset += count;
  }

  /** The next `count` bytes, fewer only at the end of the source, valid until the next call. */
  async piece(count: number): Promise<Uint8Array> {
    const piece = this.peek(await this.fill(count));
    this.skip(piece.length);
    return piece;
  }

  /** The next 1..max bytes, as the source has them, valid until the next call; an empty array at the end of the source. */
  async take(max: number): Promise<Uint8Array> {
    if ((await this.fill(1)) === 0) return NOTHING;
    const slice = this.peek(Math.min(max, this.chunk.length - this.at));
    this.skip(slice.length);
    return slice;
  }

  /** Step back over the last `count` bytes that `piece` or `take` returned. */
  untake(count: number): void {
    this.at -= count;
    this.offset -= count;
  }

  /** Pass over up to `count` bytes; returns how many there were. */
  async pass(count: number): Promise<number> {
    let passed = 0;
    while (passed < count) {
      const slice = await this.take(count - passed);
      if (slice.length === 0) break;
      passed += slice.length;
    }
    return passed;
  }

  /** The rest of the source, chunk by chunk. */
  async *rest(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const slice = await this.take(Number.MAX_SAFE_INTEGER);
      if (slice.length === 0) return;
      yield slice;
    }
  }

  /** Close the source. */
  async close(): Promise<void> {
    if (this.done) return;
    this.done = true;
    await this.chunks.return?.();
  }

  /** Go to the next chunk that has bytes; false at the end of the source. */
  private async advance(): Promise<boolean> {
    let next = this.behind;
    this.behind = NOTHING;
    while (next.length === 0 && !this.done) {
      const { done, value } = await this.chunks.next();
      if (done === true) this.done = true;
      else next = value;
    }
    if (next.length === 0) return false;
    this.chunk = next;
    this.at = 0;
    return true;
  }
}
