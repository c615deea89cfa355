/** The captures of a prefix, as S3 lists them. Names and times say nothing about their content. */
import { HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { hasCaptureEnding } from '../capturename.ts';
import type { CaptureRef } from '../capturesource.ts';
import { StoreError } from '../objectstore.ts';
import { answerOf, archivedDetail, LISTING, otherRegionDetail, s3Url, storeError } from './s3errors.ts';
import { type ListedObject, listPages } from './s3pages.ts';

/** Name, after the last slash, of the marker objects that start a job. */
export const READY_MARKER = '_READY';

export interface ListCapturesOptions {
  /** Key after which the listing begins: `next` of the listing before. */
  after?: string;
  requesterPays?: boolean;
  /** Time, in milliseconds since 1970, after which no further page is requested. One page is always read. */
  deadline?: number;
  /** Whether an object was written by a job, told by the names in its key. */
  isResult?: (names: readonly string[]) => boolean;
}

export interface ListedCaptures {
  /** In the order of their keys' UTF-8 bytes. */
  captures: CaptureRef[];
  /** Objects that are not captures: folder markers, empty objects, `_READY`, hidden ones, and results of jobs. */
  skipped: { folders: number; empty: number; markers: number; hidden: number; results: number };
  /** When the newest capture was written, milliseconds since 1970, in whole seconds; 0 when there is none. */
  newest: number;
  /** Where to continue, when the deadline came before the listing's end. */
  next?: string;
}

/**
 * Lists the captures whose keys begin with `prefix`, at any character: 'site' also matches 'site-b/'. Archived ones are
 * listed as refused. An object is hidden when a name in its path below the prefix begins with a dot, as in a local run;
 * but '.' and '..' are not folders in S3, and hide nothing.
 * @throws StoreError when the prefix cannot be listed
 */
export async function listCaptures(
  client: S3Client,
  bucket: string,
  prefix: string,
  options: ListCapturesOptions = {},
): Promise<ListedCaptures> {
  const found: ListedCaptures = {
    captures: [],
    skipped: { folders: 0, empty: 0, markers: 0, hidden: 0, results: 0 },
    newest: 0,
  };
  const { after, requesterPays, deadline = Number.POSITIVE_INFINITY, isResult = () => false } = options;
  const folder = prefix.lastIndexOf('/') + 1;
  let last: string | undefined;
  for await (const page of listPages(client, bucket, prefix, { after, requesterPays })) {
    // Only now is it known that there is another page.
    if (last !== undefined && Date.now() >= deadline) return { ...found, next: last };
    for (const object of page) {
      const skip =
        reasonToSkip(object, object.key.slice(folder)) ?? (isResult(object.key.split('/')) ? 'results' : undefined);
      if (skip !== undefined) found.skipped[skip]++;
      else {
        found.captures.push(captureOf(bucket, prefix, object, requesterPays));
        found.newest = Math.max(found.newest, object.modified);
      }
    }
    last = page.at(-1)?.key ?? last;
  }
  return found;
}

function reasonToSkip({ key, size }: ListedObject, below: string): keyof ListedCaptures['skipped'] | undefined {
  const names = below.split('/');
  const name = names.at(-1);
  if (key.endsWith('/') && size === 0) return 'folders';
  if (name === READY_MARKER) return 'markers';
  if (name?.startsWith('.') || names.some((each) => each.startsWith('.') && each !== '.' && each !== '..'))
    return 'hidden';
  return size === 0 ? 'empty' : undefined;
}

function captureOf(
  bucket: string,
  prefix: string,
  object: ListedObject,
  requesterPays: boolean | undefined,
): CaptureRef {
  const { key, size, version, archived } = object;
  const name = s3Url(bucket, key);
  const ref: CaptureRef = { name, location: name, size, version };
  if (key !== prefix && !hasCaptureEnding(key)) ref.incidental = true;
  if (requesterPays) ref.requesterPays = true;
  if (archived !== undefined)
    ref.refused = { reason: 'capture_archived', detail: archivedDetail(bucket, key, archived) };
  return ref;
}

/**
 * Checks that the bucket is in the client's region.
 * @throws StoreError 'refused': another region, no such bucket, no access
 */
export async function checkBucketRegion(client: S3Client, bucket: string): Promise<void> {
  const own = await client.config.region().catch((error) => {
    throw storeError(error, bucket, '', LISTING);
  });
  let region: string | undefined;
  try {
    region = (await client.send(new HeadBucketCommand({ Bucket: bucket }))).BucketRegion;
  } catch (error) {
    const answer = answerOf(error);
    if (answer.status === 404)
      throw new StoreError('refused', '', `there is no bucket ${bucket}; check its name`, error);
    region = answer.region;
    if (answer.status !== 301 && (region === undefined || region === own)) throw storeError(error, bucket, '', LISTING);
    throw new StoreError('refused', '', otherRegionDetail(bucket, region, own), error);
  }
  if (region !== undefined && region !== own)
    throw new StoreError('refused', '', otherRegionDetail(bucket, region, own));
}
