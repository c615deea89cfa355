/**
 * Reading an object of S3 from front to back, over as many connections as it takes: a connection that breaks or
 * stalls is followed by another that begins at the byte where it ended, and asks for the very same bytes by ETag
 * and, in a bucket that keeps versions, by version.
 */
import type { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { StoreError } from '../objectstore.ts';
import { backOff } from './awsclient.ts';
import { answerOf, READING, s3Url, storeError } from './s3errors.ts';

export interface ReadTarget {
  bucket: string;
  key: string;
  /** First byte that is wanted, 0 unless said. */
  start?: number;
  /** The byte behind the last one; the object's end unless said, or when it lies beyond. */
  end?: number;
  /** ETag without quotes that the object must have. */
  etag?: string;
  requesterPays?: boolean;
}

/** Takes the next bytes; what it returns is waited for. Those bytes are its own. */
export type ByteSink = (bytes: Uint8Array) => void | Promise<void>;

/** Connections in a row that may break without progress. */
const MOST_FAILURES = 5;
/** Bytes that count as progress: one byte a connection would go on for ever. */
const PROGRESS_BYTES = 65_536;

export class ObjectRead {
  /** The byte behind the last one that will come; known when `begin` has been called. */
  end: number;
  /** Next byte to come. */
  at: number;
  private readonly client: S3Client;
  private readonly target: ReadTarget;
  private etag: string | undefined;
  private versionId: string | undefined;
  private opened = false;

  constructor(client: S3Client, target: ReadTarget) {
    this.client = client;
    this.target = target;
    this.at = target.start ?? 0;
    this.end = target.end ?? Number.POSITIVE_INFINITY;
    this.etag = target.etag === undefined ? undefined : `"${target.etag}"`;
  }

  /**
   * Reads all bytes into the sink.
   * @param begin called once, when the number of bytes to come is known and before the first of them
   * @param signal ends the reading, and the connection with it
   * @throws StoreError: 'changed' when the object was overwritten; 'io' when the connection breaks again and again
   */
  async into(sink: ByteSink, begin?: (length: number) => void, signal?: AbortSignal): Promise<void> {
    let failures = 0;
    for (;;) {
      const from = this.at;
      const first = !this.opened;
      const body = await this.open(signal);
      if (first) begin?.(this.end - this.at);
      let cause: unknown;
      try {
        for await (const bytes of body) {
          this.at += bytes.length;
          const pause = sink(bytes);
          if (pause !== undefined) await pause;
        }
        if (this.at >= this.end) return;
        cause = new Error('the answer ended early');
      } catch (error) {
        cause = error;
      }
      signal?.throwIfAborted();
      failures = this.at - from >= PROGRESS_BYTES ? 1 : failures + 1;
      if (failures > MOST_FAILURES) throw this.broken(failures, cause);
      await backOff(failures, undefined, signal);
    }
  }

  /** The answer's body from byte `at` on. */
  private async open(signal: AbortSignal | undefined): Promise<Readable> {
    let answer: GetObjectCommandOutput;
    try {
      answer = await this.get(signal);
    } catch (error) {
      signal?.throwIfAborted();
      // Not everybody who may read objects may read versions; If-Match alone notices that one was overwritten.
      if (this.versionId !== undefined && answerOf(error).status === 403) {
        this.versionId = undefined;
        return this.open(signal);
      }
      throw storeError(error, this.target.bucket, this.target.key, READING);
    }
    const body = answer.Body as Readable;
    const given = answer.ContentRange === undefined ? 0 : Number(/^bytes (\d+)-/.exec(answer.ContentRange)?.[1]);
    if (given !== this.at || answer.ContentLength === undefined) {
      body.destroy();
      const { bucket, key } = this.target;
      throw new StoreError(
        'io',
        key,
        `cannot read ${s3Url(bucket, key)}: bytes from ${this.at} on were asked for, others came`,
      );
    }
    this.opened = true;
    this.etag ??= answer.ETag;
    this.versionId ??= answer.VersionId;
    this.end = this.at + answer.ContentLength;
    return body;
  }

  private get(signal: AbortSignal | undefined): Promise<GetObjectCommandOutput> {
    const { bucket, key, requesterPays } = this.target;
    const whole = this.at === 0 && this.end === Number.POSITIVE_INFINITY;
    const last = this.end === Number.POSITIVE_INFINITY ? '' : this.end - 1;
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      IfMatch: this.etag,
      VersionId: this.versionId,
      RequestPayer: requesterPays ? 'requester' : undefined,
      Range: whole ? undefined : `bytes=${this.at}-${last}`,
    });
    return this.client.send(command, { abortSignal: signal });
  }

  private broken(failures: number, cause: unknown): StoreError {
    const { bucket, key } = this.target;
    const { code, message } = answerOf(cause);
    const where = `at byte ${this.at} of ${this.end}`;
    return new StoreError(
      'io',
      key,
      `cannot read ${s3Url(bucket, key)}: the connection broke ${failures} times in a row ${where} (${code}: ${message})`,
      cause,
    );
  }
}
