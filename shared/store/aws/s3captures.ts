/**
 * Captures in S3, as they were uploaded: each is read from start to end, and only as long as it is the object that was
 * listed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import type { CaptureRef, CaptureSource } from '../capturesource.ts';
import { ObjectRead } from './s3read.ts';
import { parseS3Url } from './s3url.ts';

/** Bytes of a chunk: a connection delivers a few KiB at a time, and passing each of them on would be slow. */
const CHUNK_BYTES = 1 << 18;
/**
 * Buffers used in turn: two that the reader may hold (the last chunk and the one before), the others to fill while it
 * decodes or waits for its own writes.
 */
const BUFFERS = 6;
/**
 * When the reader stops this close to the end, the rest is read and discarded, so that the connection can be reused.
 */
const LINGER_BYTES = 1 << 17;
const LINGER_MS = 500;

export class S3Captures implements CaptureSource {
  private readonly client: S3Client;

  constructor(client: S3Client) {
    this.client = client;
  }

  /**
   * @throws StoreError: 'missing'; 'changed' when the object is not, or no longer, that of `ref`; 'refused' when no
   *   retry can help (archived, SSE-C, no access), with the remedy; 'io' when S3 did not respond in all attempts
   */
  async *stream(ref: CaptureRef, limit = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array, void> {
    if (limit <= 0) return;
    const { bucket, prefix: key } = parseS3Url(ref.location);
    const { version: etag, requesterPays } = ref;
    // S3 rejects a range of an empty object.
    const end = limit < ref.size ? limit : undefined;
    const read = new ObjectRead(this.client, { bucket, key, end, etag, requesterPays });
    const ahead = new ReadAhead(read, Math.max(1, Math.min(CHUNK_BYTES, limit, ref.size)));
    try {
      for (let chunk = await ahead.next(); chunk !== undefined; chunk = await ahead.next()) yield chunk;
    } finally {
      await ahead.close();
    }
  }
}

/** Reads ahead of its reader, into a few buffers that are reused. */
class ReadAhead {
  private readonly read: ObjectRead;
  private readonly chunkBytes: number;
  private readonly buffers: Uint8Array[] = [];
  private readonly stop = new AbortController();
  private readonly ended: Promise<void>;
  /** Full chunks, and bytes in the one after them. */
  private filled = 0;
  private partial = 0;
  /** Chunks asked for. */
  private asked = 0;
  private over = false;
  private closed = false;
  private wakeReader: (() => void) | undefined;
  private wakeWriter: (() => void) | undefined;

  constructor(read: ObjectRead, chunkBytes: number) {
    this.read = read;
    this.chunkBytes = chunkBytes;
    this.ended = read
      .into((bytes) => this.take(bytes), undefined, this.stop.signal)
      .finally(() => {
        this.over = true;
        this.wakeReader?.();
      });
    // The next call of `next` gets the error; until then it must not count as unhandled.
    this.ended.catch(() => {});
  }

  /** The next chunk, undefined at the end. It stays as it is until the second one after it is asked for. */
  async next(): Promise<Uint8Array | undefined> {
    const number = this.asked++;
    this.wakeWriter?.();
    while (this.filled <= number && !this.over)
      await new Promise<void>((resolve) => {
        this.wakeReader = resolve;
      });
    const buffer = this.buffers[number % BUFFERS];
    if (number < this.filled) return buffer;
    await this.ended;
    // The last chunk: no other is filled after it.
    const last = number === this.filled ? this.partial : 0;
    return last === 0 ? undefined : buffer.subarray(0, last);
  }

  /** Stops reading. */
  async close(): Promise<void> {
    this.closed = true;
    this.wakeWriter?.();
    const { read, stop } = this;
    if (!this.over && read.end - read.at <= LINGER_BYTES)
      await Promise.race([this.ended, delay(LINGER_MS, undefined, { ref: false })]).catch(() => {});
    stop.abort();
    await this.ended.catch(() => {});
  }

  private take(bytes: Uint8Array): void | Promise<void> {
    if (this.closed) return;
    const room = this.buffer();
    if (room === undefined) return this.takeLater(bytes);
    const fits = Math.min(bytes.length, this.chunkBytes - this.partial);
    room.set(fits === bytes.length ? bytes : bytes.subarray(0, fits), this.partial);
    this.partial += fits;
    if (this.partial === this.chunkBytes) {
      this.filled++;
      this.partial = 0;
      this.wakeReader?.();
    }
    if (fits < bytes.length) return this.take(bytes.subarray(fits));
  }

  private async takeLater(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wakeWriter = resolve;
    });
    return this.take(bytes);
  }

  /** The buffer to fill, undefined while the reader may still look at what is in it. */
  private buffer(): Uint8Array | undefined {
    const { filled } = this;
    if (filled < BUFFERS) return (this.buffers[filled] ??= new Uint8Array(this.chunkBytes));
    return filled - BUFFERS < this.asked - 2 ? this.buffers[filled % BUFFERS] : undefined;
  }
}
