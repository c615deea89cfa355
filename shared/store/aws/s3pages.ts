/** Pages of a listing of S3, their keys decoded. */
import {
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type ObjectHead, StoreError } from '../objectstore.ts';
import { LISTING, s3Url, storeError } from './s3errors.ts';

export interface ListedObject extends ObjectHead {
  modified: number;
  /** Storage class of an object that must be restored before it can be read; undefined for all others. */
  archived?: string;
}

export interface ListOptions {
  /** The listing begins after this key. */
  after?: string;
  requesterPays?: boolean;
}

/**
 * Objects of a prefix in the order of their keys' UTF-8 bytes, up to 1,000 a page. `modified` is in whole seconds, as
 * in a HEAD response.
 * @throws StoreError when it cannot be listed, also where the store says that more objects follow and lists none: SDK
 *   and emulators would end there, and objects be missing without a word
 */
export async function* listPages(
  client: S3Client,
  bucket: string,
  prefix: string,
  options: ListOptions = {},
): AsyncGenerator<ListedObject[], void> {
  const request: ListObjectsV2CommandInput = {
    Bucket: bucket,
    Prefix: prefix,
    StartAfter: options.after,
    // Keys may contain characters that XML cannot.
    EncodingType: 'url',
    OptionalObjectAttributes: ['RestoreStatus'],
    RequestPayer: options.requesterPays ? 'requester' : undefined,
  };
  let token: string | undefined;
  let last = options.after;
  try {
    for await (const page of paginateListObjectsV2({ client }, request)) {
      const { Contents = [], IsTruncated, NextContinuationToken } = page;
      const stuck = IsTruncated && (!NextContinuationToken || NextContinuationToken === token);
      if (stuck || (!IsTruncated && token !== undefined && Contents.length === 0))
        throw incomplete(bucket, prefix, lastKey(Contents) ?? last);
      token = IsTruncated ? NextContinuationToken : undefined;
      last = lastKey(Contents) ?? last;
      yield Contents.map((entry) => listed(bucket, prefix, entry));
    }
  } catch (error) {
    throw storeError(error, bucket, prefix, LISTING);
  }
}

function lastKey(entries: readonly Entry[]): string | undefined {
  const key = entries.at(-1)?.Key;
  return key === undefined ? undefined : decodeKey(key);
}

function incomplete(bucket: string, prefix: string, last: string | undefined): StoreError {
  const where = last === undefined ? 'at its beginning' : `after ${s3Url(bucket, last)}`;
  return new StoreError(
    'io',
    prefix,
    `cannot list ${s3Url(bucket, prefix)}: ${where} the store of bucket ${bucket} says that more objects follow, and lists none. ` +
      'Try again; if that does not help, the store (an emulator?) does not list more than a page',
  );
}

type Entry = NonNullable<ListObjectsV2CommandOutput['Contents']>[number];

function listed(bucket: string, prefix: string, entry: Entry): ListedObject {
  const { Key, Size, ETag, LastModified } = entry;
  if (Key === undefined || Size === undefined || ETag === undefined || LastModified === undefined)
    throw new StoreError(
      'io',
      prefix,
      `cannot list ${s3Url(bucket, prefix)}: the listing has an entry without key, size, ETag or time`,
    );
  return {
    key: decodeKey(Key),
    size: Size,
    version: plainEtag(ETag),
    modified: Math.floor(LastModified.getTime() / 1000) * 1000,
    archived: archivedClass(entry),
  };
}

/** Decodes the key of a listing or an event: '+' is a space and the rest is percent-encoded UTF-8. */
export function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '));
}

/** An ETag without the quotes that HTTP puts around it. */
export function plainEtag(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}

/** A copy that was restored can be read until it expires. */
function archivedClass({ StorageClass, RestoreStatus }: Entry): string | undefined {
  if (StorageClass !== 'GLACIER' && StorageClass !== 'DEEP_ARCHIVE') return undefined;
  const restored = RestoreStatus?.IsRestoreInProgress !== true && RestoreStatus?.RestoreExpiryDate !== undefined;
  return restored && RestoreStatus.RestoreExpiryDate!.getTime() > Date.now() ? undefined : StorageClass;
}
