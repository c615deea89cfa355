/** Counts requests to S3 and SQS, which are billed by request. */
import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** Requests by kind. Each attempt counts, as each is billed. Deletes are free in S3. */
export interface RequestCounts {
  s3: {
    list: number;
    head: number;
    get: number;
    put: number;
    upload: number;
    part: number;
    delete: number;
    other: number;
  };
  sqs: { send: number; receive: number; delete: number; other: number };
  /** Bytes of objects received; listings and errors do not count. */
  bytesRead: number;
  /** Bytes of objects sent, those of failed attempts included. */
  bytesWritten: number;
}

/** No requests yet. */
export function noRequests(): RequestCounts {
  return {
    s3: { list: 0, head: 0, get: 0, put: 0, upload: 0, part: 0, delete: 0, other: 0 },
    sqs: { send: 0, receive: 0, delete: 0, other: 0 },
    bytesRead: 0,
    bytesWritten: 0,
  };
}

/** `upload` creates, completes or aborts a multipart upload. */
const S3_KINDS: Record<string, keyof RequestCounts['s3']> = {
  ListObjectsV2Command: 'list',
  HeadObjectCommand: 'head',
  HeadBucketCommand: 'head',
  GetObjectCommand: 'get',
  PutObjectCommand: 'put',
  CreateMultipartUploadCommand: 'upload',
  CompleteMultipartUploadCommand: 'upload',
  AbortMultipartUploadCommand: 'upload',
  UploadPartCommand: 'part',
  DeleteObjectCommand: 'delete',
  DeleteObjectsCommand: 'delete',
};

const SQS_KINDS: Record<string, keyof RequestCounts['sqs']> = {
  SendMessageCommand: 'send',
  SendMessageBatchCommand: 'send',
  ReceiveMessageCommand: 'receive',
  DeleteMessageCommand: 'delete',
  DeleteMessageBatchCommand: 'delete',
};

/** From now on every request of the client is counted into `counts`. */
export function countRequests(client: S3Client | SQSClient, counts: RequestCounts): void {
  // The two clients' stacks differ only in types that are not used here.
  const stack = client.middlewareStack as S3Client['middlewareStack'];
  stack.add(
    (next, { clientName, commandName = '' }) =>
      async (args) => {
        if (clientName === 'SQSClient') counts.sqs[SQS_KINDS[commandName] ?? 'other']++;
        else countS3(counts, S3_KINDS[commandName] ?? 'other', args.request);
        const answer = await next(args);
        if (commandName === 'GetObjectCommand') countTaken(counts, answer.response);
        return answer;
      },
    // The innermost middleware: runs for every attempt, before the response's body is read.
    { step: 'deserialize', priority: 'low', name: 'countRequests' },
  );
}

function countS3(counts: RequestCounts, kind: keyof RequestCounts['s3'], request: unknown): void {
  counts.s3[kind]++;
  if (kind !== 'put' && kind !== 'part') return;
  counts.bytesWritten += ((request as { body?: Uint8Array }).body ?? '').length;
}

function countTaken(counts: RequestCounts, response: unknown): void {
  const { statusCode, body } = response as { statusCode: number; body: Readable };
  if (statusCode >= 300) return;
  // A paused stream stays paused when a listener is added, and the listener sees what other readers take out of it.
  body.pause();
  body.on('data', (bytes: Uint8Array) => {
    counts.bytesRead += bytes.length;
  });
}
