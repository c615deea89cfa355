/**
 * Errors of S3 as messages that a person can act on: which object, what happened, what helps. Codes are those of S3's
 * list of error responses.
 */
import { shellWord } from '../../text/shellword.ts';
import { StoreError } from '../objectstore.ts';

/** The operation that failed. */
export interface Doing {
  /** As in 'cannot read s3://...'. */
  verb: 'read' | 'write' | 'remove' | 'list';
  /** The permission that the caller's role needs. */
  permission: string;
  /** The permission that the role needs on the KMS key of an encrypted object. */
  kms?: string;
}

export const READING: Doing = { verb: 'read', permission: 's3:GetObject', kms: 'kms:Decrypt' };
/** Parts of an upload are encrypted one by one, and read again when they are joined. */
export const WRITING: Doing = { verb: 'write', permission: 's3:PutObject', kms: 'kms:GenerateDataKey and kms:Decrypt' };
export const REMOVING: Doing = { verb: 'remove', permission: 's3:DeleteObject' };
export const LISTING: Doing = { verb: 'list', permission: 's3:ListBucket' };

/** An object's name in messages and tables: the key as it is, nothing encoded. */
export function s3Url(bucket: string, key: string): string {
  return `s3://${bucket}/${key}`;
}

/** What an error of the SDK tells. */
export interface Answer {
  /** S3's code, or the system's, or the error's name. */
  code: string;
  message: string;
  /** HTTP status; undefined when there was no response. */
  status?: number;
  /** Region of the bucket, if the response has it. */
  region?: string;
  attempts: number;
}

interface SdkError extends Error {
  Code?: string;
  code?: string;
  Region?: string;
  $metadata?: { httpStatusCode?: number; attempts?: number };
  $response?: { headers?: Record<string, string> };
}

/** Reads an error of the SDK. A response without a body, as to HEAD, has only its status. */
export function answerOf(error: unknown): Answer {
  const { name, message, code, Region, $metadata, $response } = (error ?? {}) as SdkError;
  const status = $metadata?.httpStatusCode;
  const unnamed = name === undefined || name === 'Unknown' || name === 'Error';
  return {
    code: unnamed ? (code ?? (status === undefined ? 'Error' : `HTTP ${status}`)) : name,
    message: message ?? String(error),
    status,
    region: Region ?? $response?.headers?.['x-amz-bucket-region'],
    attempts: $metadata?.attempts ?? 1,
  };
}

/** Message for an object in an archived storage class. */
export function archivedDetail(bucket: string, key: string, storageClass: string): string {
  return (
    `${s3Url(bucket, key)} is archived (${storageClass}) and cannot be read as it is: restore it ` +
    `(aws s3api restore-object --bucket ${shellWord(bucket)} --key ${shellWord(key)} --restore-request Days=7) and, when that ` +
    'has ended, resume the job'
  );
}

/** Message for a bucket in another region. */
export function otherRegionDetail(bucket: string, region: string | undefined, own: string | undefined): string {
  const where = region === undefined ? 'in another region' : `in ${region}`;
  return (
    `bucket ${bucket} is ${where}${own === undefined ? '' : `, Flowstitch in ${own}`}: every byte would be billed as ` +
    `transfer between regions, and reads would be slow. Deploy Flowstitch ${region === undefined ? "in the bucket's region" : where}, or replicate the bucket`
  );
}

const NO_CREDENTIALS = new Set(['CredentialsProviderError', 'InvalidAccessKeyId', 'ExpiredToken', 'InvalidToken']);
const OTHER_REGION = new Set([
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]);

/**
 * An error of the SDK as a StoreError; one that is such an error already stays as it is.
 * @param key the object's; for a listing the prefix
 */
export function storeError(error: unknown, bucket: string, key: string, doing: Doing): StoreError {
  if (error instanceof StoreError) return error;
  const answer = answerOf(error);
  const { reason, detail } = explain(answer, bucket, key, doing, error);
  return new StoreError(reason, key, detail, error);
}

function explain(
  answer: Answer,
  bucket: string,
  key: string,
  doing: Doing,
  error: unknown,
): { reason: StoreError['reason']; detail: string } {
  const url = s3Url(bucket, key);
  const { code, message, status } = answer;
  const cannot = `cannot ${doing.verb} ${url}`;
  const refused = (detail: string) => ({ reason: 'refused' as const, detail });
  if (code === 'NoSuchBucket') return refused(`${cannot}: there is no bucket ${bucket}; check its name`);
  if (code === 'NoSuchKey' || code === 'NotFound' || code === 'NoSuchVersion')
    return { reason: 'missing', detail: `there is no object ${url}` };
  if (status === 412)
    return {
      reason: 'changed',
      detail: `${url} was overwritten after it was listed; start the job again when uploads to it have ended`,
    };
  if (code === 'InvalidObjectState') {
    const { StorageClass, AccessTier } = error as { StorageClass?: string; AccessTier?: string };
    return refused(archivedDetail(bucket, key, AccessTier ?? StorageClass ?? 'archived'));
  }
  if (OTHER_REGION.has(code) || status === 301)
    return refused(`${cannot}: ${otherRegionDetail(bucket, answer.region, undefined)}`);
  // 'io', not 'refused': credentials are renewed while a job runs, so a retry can succeed.
  if (NO_CREDENTIALS.has(code))
    return {
      reason: 'io',
      detail: `${cannot}: no valid AWS credentials (${code}: ${message}); sign in, or set AWS_PROFILE`,
    };
  if (message === 'Region is missing') return refused(`${cannot}: no region is set; set AWS_REGION`);
  if (/^KMS\./.test(code) || (status === 403 && /kms/i.test(message)))
    return refused(
      `${cannot}: it is encrypted with a KMS key that cannot be used (${message}). Allow ${doing.kms ?? 'kms:Decrypt'} ` +
        'with that key in the policy of the role and in that of the key',
    );
  if (status === 400 && /server.side encryption/i.test(message))
    return refused(
      `${cannot}: it is encrypted with a customer-provided key (SSE-C), which Flowstitch does not have. ` +
        'Copy it without SSE-C (aws s3 cp with --sse-c-copy-source), and use the copy',
    );
  if (status === 403)
    return refused(
      `${cannot}: access denied (${code}: ${message}). It needs ${doing.permission}, ` +
        `${doing.verb === 'read' ? 's3:ListBucket to distinguish missing objects, ' : ''}` +
        "in the policy of the role and, for another account's bucket, in the bucket policy too" +
        (doing.verb === 'read' || doing.verb === 'list'
          ? '; for a Requester Pays bucket, submit with --requester-pays'
          : ''),
    );
  if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 409 && status !== 429)
    return refused(`${cannot}: S3 refused (${code}: ${message})`);
  const tried = answer.attempts > 1 ? ` after ${answer.attempts} attempts` : '';
  return { reason: 'io', detail: `${cannot}${tried}: ${code}: ${message}` };
}
