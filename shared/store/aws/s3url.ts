/** Parses s3:// URLs. */
import { StoreError } from '../objectstore.ts';

/** Most bytes of a key. */
const KEY_BYTES = 1024;
/** Bucket names by today's rules, and the longer ones of the past. */
const BUCKET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;

/**
 * Bucket and key, or prefix, of 's3://bucket/key'. The key is taken literally: nothing in it is decoded.
 * @throws StoreError 'refused' that says what is wrong with the URL
 */
export function parseS3Url(url: string): { bucket: string; prefix: string } {
  const wrong = (why: string): StoreError =>
    new StoreError('refused', url, `'${url}' ${why}: write s3://BUCKET/PREFIX/`);
  if (!url.startsWith('s3://')) throw wrong(/^https?:/i.test(url) ? 'is a web address' : 'does not begin with s3://');
  const [bucket] = url.slice('s3://'.length).split('/', 1);
  if (bucket === '') throw wrong('has no bucket name');
  if (bucket.startsWith('arn:')) throw wrong("is an ARN; use the bucket's name, or an access point's alias");
  if (!BUCKET_NAME.test(bucket)) throw wrong(`has '${bucket}', which is not a valid bucket name`);
  const prefix = url.slice('s3://'.length + bucket.length + 1);
  if (Buffer.byteLength(prefix) > KEY_BYTES) throw wrong(`has a key of more than ${KEY_BYTES} bytes`);
  return { bucket, prefix };
}
