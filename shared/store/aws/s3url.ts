/** Places in S3 as people write them. */
import { StoreError } from '../objectstore.ts';

/** Bytes of a key at most. */
const KEY_BYTES = 1024;
/** Bucket names as they are given today, and the longer ones of old. */
const BUCKET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;

/**
 * Bucket and key, or prefix, of 's3://bucket/key'. The key is taken as it stands: nothing in it is decoded.
 * @throws StoreError 'refused' that says what is wrong with the URL
 */
export function parseS3Url(url: string): { bucket: string; prefix: string } {
  const wrong = (why: string): StoreError =>
    new StoreError('refused', url, `'${url}' ${why}: write s3://BUCKET/PREFIX/`);
  if (!url.startsWith('s3://'))
    throw wrong(/^https?:/i.test(url) ? 'is the address of a web page' : 'does not begin with s3://');
  const [bucket] = url.slice('s3://'.length).split('/', 1);
  if (bucket === '') throw wrong('names no bucket');
  if (bucket.startsWith('arn:')) throw wrong("names a resource by ARN; an access point's alias can stand for a bucket");
  if (!BUCKET_NAME.test(bucket)) throw wrong(`has '${bucket}' where a bucket's name belongs`);
  const prefix = url.slice('s3://'.length + bucket.length + 1);
  if (Buffer.byteLength(prefix) > KEY_BYTES) throw wrong(`has a key of more than ${KEY_BYTES} bytes`);
  return { bucket, prefix };
}
