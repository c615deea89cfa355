/**
 * Reads an object of S3 from start to end, over as many connections as it takes: after a connection breaks or stalls,
 * another continues at the byte where it ended, and requests the same object by ETag and, in a versioned bucket, by
 * version.
 */
import type { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { StoreError } from '../objectstore.ts';
import { backOff } from './awsclient.ts';
import { answerOf, READING, s3Url, storeError } from './s3errors.ts';

export interface ReadTarget {
  bucket: string;
  key: string;
  /** First byte to read, 0 by default. */
  start?: number;
  /** The byte after the last one; by default, and at most, the object's end. */
  end?: number;
  /** ETag without quotes that the object must have. */
  etag?: string;
  requesterPays?: boolean;
}

/** Takes the next bytes, and owns them; what it returns is awaited. */
export type ByteSink = (bytes: Uint8Array) => void | Promise<void>;

/** Most connections in a row that may break without progress. */
const MOST_FAILURES = 5;
/** Bytes that count as progress: with one byte a connection, reading would never end. */
const PROGRESS_BYTES = 65_536;

export class ObjectRead {
  /** The byte after the last one to be read; known when `begin` has been called. */
  end: number;
  /** Next byte to read. */
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
   * @param begin called once with the number of bytes, before the first of them
   * @param signal ends the reading, and the connection with it
   * @throws StoreError: 'changed' when the object was overwritten; 'io' when the connection keeps breaking
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
        cause = new Error('the response ended early');
      } catch (error) {
        cause = error;
      }
      signal?.throwIfAborted();
      failures = this.at - from >= PROGRESS_BYTES ? 1 : failures + 1;
      if (failures > MOST_FAILURES) throw this.broken(failures, cause);
      await backOff(failures, undefined, signal);
    }
  }

  /** The response's body from byte `at` on. */
  private async open(signal: AbortSignal | undefined): Promise<Readable> {
    let answer: GetObjectCommandOutput;
    try {
      answer = await this.get(signal);
    } catch (error) {
      signal?.throwIfAborted();
      // The role may be allowed to read objects but not versions; If-Match alone detects an overwritten object.
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
        `cannot read ${s3Url(bucket, key)}: S3 sent other bytes than those requested, from ${this.at} on`,
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
