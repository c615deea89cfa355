/**
 * Object store in an S3 bucket, or below a prefix of one. Every call is one request or a few; the client retries
 * requests that fail for transient reasons.
 */
import { rm } from 'node:fs/promises';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type ByteRange, type ObjectHead, type ObjectStore, StoreError } from '../objectstore.ts';
import { backOff } from './awsclient.ts';
import { answerOf, READING, REMOVING, s3Url, storeError, WRITING } from './s3errors.ts';
import { listPages, plainEtag } from './s3pages.ts';
import { ObjectRead } from './s3read.ts';
import { uploadFile } from './s3upload.ts';

/** Most keys that one request removes. */
const REMOVED_AT_ONCE = 1000;
/** Most attempts at a conditional write that conflicts with another, or at keys that S3 could not remove. */
const MOST_CONFLICTS = 10;
/** Most times that an object is read again because it was overwritten while it was read. */
const MOST_OVERWRITES = 5;
/** Characters that XML cannot contain, not even escaped. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it matches control characters
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

export class S3Store implements ObjectStore {
  readonly bucket: string;
  readonly prefix: string;
  private readonly client: S3Client;

  /** @param prefix what every key of the store begins with in the bucket, with the '/' at its end */
  constructor(client: S3Client, bucket: string, prefix = '') {
    this.client = client;
    this.bucket = bucket;
    this.prefix = prefix;
  }

  /** An object's URL; for '' the store's own. */
  url(key: string): string {
    return s3Url(this.bucket, this.prefix + key);
  }

  async *list(prefix: string): AsyncIterable<ObjectHead> {
    for await (const page of listPages(this.client, this.bucket, this.prefix + prefix))
      for (const { key, size, version, modified } of page)
        yield { key: key.slice(this.prefix.length), size, version, modified };
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const where = { Bucket: this.bucket, Key: this.prefix + key };
    try {
      const { ContentLength, ETag, LastModified } = await this.client.send(new HeadObjectCommand(where));
      return { key, size: ContentLength ?? 0, version: plainEtag(ETag ?? ''), modified: LastModified?.getTime() };
    } catch (error) {
      if (answerOf(error).status === 404) return undefined;
      throw this.error(error, key, READING);
    }
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    if (range !== undefined && range.end <= range.start) return this.nothing(key);
    for (let failures = 1; ; failures++) {
      let bytes = new Uint8Array(0);
      let filled = 0;
      const read = new ObjectRead(this.client, { bucket: this.bucket, key: this.prefix + key, ...range });
      try {
        await read.into(
          (chunk) => {
            bytes.set(chunk, filled);
            filled += chunk.length;
          },
          (length) => {
            bytes = new Uint8Array(length);
          },
        );
        return bytes;
      } catch (error) {
        // The range begins after the object's last byte.
        if (error instanceof StoreError && answerOf(error.cause).status === 416) return new Uint8Array(0);
        const overwritten = error instanceof StoreError && error.reason === 'changed';
        if (!overwritten || failures >= MOST_OVERWRITES) throw this.error(error, key, READING);
      }
    }
  }

  /** An empty range of an object that must nevertheless exist. */
  private async nothing(key: string): Promise<Uint8Array> {
    if ((await this.head(key)) === undefined)
      throw new StoreError('missing', key, `there is no object ${this.url(key)}`);
    return new Uint8Array(0);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.client.send(new PutObjectCommand(this.input(key, bytes)));
    } catch (error) {
      throw this.error(error, key, WRITING);
    }
  }

  /**
   * As the interface says, with one exception: when the connection breaks after a write that won, the retry finds its
   * own object, and the winner gets false. True is never returned twice. A caller that gets false and needs to know
   * reads the object.
   */
  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    for (let failures = 1; ; failures++) {
      try {
        await this.client.send(new PutObjectCommand({ ...this.input(key, bytes), IfNoneMatch: '*' }));
        return true;
      } catch (error) {
        const { status } = answerOf(error);
        if (status === 412) return false;
        // Another write or removal of that key was in progress: neither won nor lost yet.
        if (status !== 409 || failures >= MOST_CONFLICTS) throw this.error(error, key, WRITING);
      }
      await backOff(failures);
    }
  }

  private input(key: string, bytes: Uint8Array): PutObjectCommandInput {
    return { Bucket: this.bucket, Key: this.prefix + key, Body: bytes };
  }

  async putFile(key: string, path: string): Promise<number> {
    try {
      const size = await uploadFile(this.client, this.bucket, this.prefix + key, path);
      await rm(path);
      return size;
    } catch (error) {
      throw this.error(error, key, WRITING);
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    const together: string[] = [];
    for (const key of new Set(keys))
      if (NOT_IN_XML.test(key)) await this.removeOne(key);
      else together.push(key);
    for (let from = 0; from < together.length; from += REMOVED_AT_ONCE)
      await this.removeSome(together.slice(from, from + REMOVED_AT_ONCE));
  }

  private async removeOne(key: string): Promise<void> {
    try {
      await this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: this.prefix + key }));
    } catch (error) {
      throw this.error(error, key, REMOVING);
    }
  }

  private async removeSome(keys: readonly string[]): Promise<void> {
    let left = keys;
    for (let failures = 1; ; failures++) {
      const Objects = left.map((key) => ({ Key: this.prefix + key }));
      const failed = await this.client
        .send(new DeleteObjectsCommand({ Bucket: this.bucket, Delete: { Objects, Quiet: true } }))
        .then(({ Errors }) => Errors ?? [])
        .catch((error) => {
          throw this.error(error, left[0], REMOVING);
        });
      if (failed.length === 0) return;
      const { Key = '', Code = 'Error', Message = '' } = failed[0];
      const passing = failed.every((each) => each.Code === 'InternalError' || each.Code === 'SlowDown');
      if (!passing || failures >= MOST_CONFLICTS) {
        const others = failed.length > 1 ? ` and ${failed.length - 1} more` : '';
        const needed = Code === 'AccessDenied' ? `; it needs ${REMOVING.permission} in the policy of the role` : '';
        throw new StoreError(
          passing ? 'io' : 'refused',
          Key.slice(this.prefix.length),
          `cannot remove ${s3Url(this.bucket, Key)}${others}: ${Code}: ${Message}${needed}`,
        );
      }
      left = failed.map(({ Key = '' }) => Key.slice(this.prefix.length));
      await backOff(failures);
    }
  }

  /** The error of a call for `key`, with the key as the caller knows it. */
  private error(error: unknown, key: string, doing: typeof READING): StoreError {
    const { reason, message } = storeError(error, this.bucket, this.prefix + key, doing);
    return new StoreError(reason, key, message, error instanceof StoreError ? error.cause : error);
  }
}
