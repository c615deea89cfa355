/** Reads pieces of a shard, which follow each other and may share a batch at their borders, with few large reads. */
import type { ReadRange } from '../../shard/segment.ts';

const NOTHING = new Uint8Array(0);

export class ShardCursor {
  private readonly read: ReadRange;
  private readonly endByte: number;
  private readonly readBytes: number;
  /** Bytes [from, from + bytes.length) of the shard. */
  private bytes: Uint8Array = NOTHING;
  private from = 0;

  /**
   * @param endByte nothing behind it is asked for
   * @param readBytes bytes of a read, where a piece is not longer
   */
  constructor(read: ReadRange, endByte: number, readBytes: number) {
    this.read = read;
    this.endByte = endByte;
    this.readBytes = readBytes;
  }

  /** Bytes [start, end), as many of them as there are; `start` is not before that of the piece before. */
  async piece(start: number, end: number): Promise<Uint8Array> {
    const have = this.from + this.bytes.length;
    if (end > have || start < this.from) {
      const kept = start >= this.from && start < have ? this.bytes.subarray(start - this.from) : NOTHING;
      const begin = start + kept.length;
      const more = await this.read(begin, Math.min(this.endByte, Math.max(end, begin + this.readBytes)));
      this.bytes = kept.length === 0 ? more : Buffer.concat([kept, more]);
      this.from = start;
    }
    return this.bytes.subarray(start - this.from, end - this.from);
  }
}
