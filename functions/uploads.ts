/** The uploads function: checks uploaded objects, and starts jobs by a marker object or when a prefix has been quiet. */
import type { Context, S3Event, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { isResult } from '../shared/job/resultpath.ts';
import { listCaptures } from '../shared/store/aws/s3list.ts';
import { S3Store } from '../shared/store/aws/s3store.ts';
import { type LaterMessage, onLater, onUpload, type UploadContext } from '../shared/upload/uploads.ts';
import { listWatchedPrefixes, type WatchedPrefix } from '../shared/upload/watchedprefixes.ts';
import { capturesBucket, queue, s3, sendLater, work } from './environment.ts';
import { logger, publishMeasures } from './log.ts';

/** Time reserved for recording where a listing stopped, milliseconds. */
const SPARE_MS = 30_000;
/** Bytes of an object that are read: options in a marker are short, and of others the first bytes tell what they are. */
const FIRST_BYTES = 65_536;

export async function handler(event: SQSEvent, lambda: Context): Promise<SQSBatchResponse> {
  logger.addContext(lambda);
  let watched: Promise<WatchedPrefix[]> | undefined;
  const context: UploadContext = {
    store: work,
    queue,
    home: capturesBucket,
    watched: () => (watched ??= listWatchedPrefixes(work)),
    later: sendLater,
    list: (bucket, prefix, options) => listCaptures(s3, bucket, prefix, { ...options, isResult }),
    read: (bucket, key) => new S3Store(s3, bucket).get(key, { start: 0, end: FIRST_BYTES }),
    deadline: Date.now() + lambda.getRemainingTimeInMillis() - SPARE_MS,
    now: Date.now,
  };
  const failed: string[] = [];
  for (const record of event.Records) {
    try {
      await handle(context, record.body);
    } catch (error) {
      logger.error('failed', error as Error);
      failed.push(record.messageId);
    }
  }
  publishMeasures();
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}

/** An event of EventBridge about an object, whose key stands in it as it is. */
interface ObjectCreated {
  'detail-type': 'Object Created';
  detail: { bucket: { name: string }; object: { key: string } };
}

/**
 * S3's notification of objects, itself or through EventBridge, or a message that this function has sent to itself. Others,
 * like S3's test event, are ignored.
 */
async function handle(context: UploadContext, body: string): Promise<void> {
  const message = JSON.parse(body) as Partial<S3Event> | ObjectCreated | LaterMessage;
  if ('check' in message || 'list' in message) {
    logger.info('checked again', { ...(await onLater(context, message)) });
    return;
  }
  for (const { bucket, key } of objectsOf(message))
    logger.info('uploaded', { bucket, key, ...(await onUpload(context, bucket, key)) });
}

function objectsOf(message: Partial<S3Event> | ObjectCreated): { bucket: string; key: string }[] {
  if ('detail-type' in message) {
    const { bucket, object } = message.detail;
    return message['detail-type'] === 'Object Created' ? [{ bucket: bucket.name, key: object.key }] : [];
  }
  return (message.Records ?? []).map(({ s3: { bucket, object } }) => ({
    bucket: bucket.name,
    key: decodedKey(object.key),
  }));
}

/** A key as events carry it: percent-encoded, with '+' for a space. */
export function decodedKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '));
}
