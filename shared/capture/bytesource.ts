/**
 * A cursor over the chunks of an asynchronous source: a few bytes at a time
 * for headers, slices without copying for bodies. Errors of the source pass
 * through as they are.
 */

const NOTHING = new Uint8Array(0);

/** Reads a source from front to back. */
export class ByteSource {
  /** Bytes passed so far. */
  offset = 0;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = NOTHING;
  private at = 0;
  private done = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  /** Make `count` bytes (a few: they may be copied) readable by `byte`; returns how many are, fewer only at the end of the source. */
  async fill(count: number): Promise<number> {
    while (this.chunk.length - this.at < count && !this.done) {
      const next = await this.chunks.next();
      if (next.done === true) {
        this.done = true;
      } else if (this.at === this.chunk.length) {
        this.chunk = next.value;
        this.at = 0;
      } else {
        const left = this.chunk.length - this.at;
        const joined = new Uint8Array(left + next.value.length);
        joined.set(this.chunk.subarray(this.at));
        joined.set(next.value, left);
        this.chunk = joined;
        this.at = 0;
      }
    }
    return Math.min(count, this.chunk.length - this.at);
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

  /** Pass over `count` bytes that `fill` has made readable. */
  skip(count: number): void {
    this.at += count;
    this.offset += count;
  }

  /** The next 1..max bytes, valid until the next call; an empty array at the end of the source. */
  async take(max: number): Promise<Uint8Array> {
    if ((await this.fill(1)) === 0) return NOTHING;
    const end = Math.min(this.chunk.length, this.at + max);
    const slice = this.chunk.subarray(this.at, end);
    this.skip(slice.length);
    return slice;
  }

  /** Step back over the last `count` bytes of the slice that `take` gave last. */
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

  /** Tell the source that no more is wanted. */
  async close(): Promise<void> {
    if (this.done) return;
    this.done = true;
    await this.chunks.return?.();
  }
}
