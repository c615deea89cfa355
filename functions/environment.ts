/** A function's environment: the pipeline's buckets and queues. Created once per process. */
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { RequestTotals } from '../shared/job/protocol/stageresults.ts';
import { SqsQueue, sqsClient } from '../shared/queue/sqs.ts';
import { countRequests, noRequests } from '../shared/store/aws/requests.ts';
import { S3Captures } from '../shared/store/aws/s3captures.ts';
import { s3Client } from '../shared/store/aws/s3client.ts';
import { S3Store } from '../shared/store/aws/s3store.ts';

/** A variable that the stack sets. @throws Error that names it when it is missing */
function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(`${name} is not set: deploy the function with the pipeline's stack`);
  return value;
}

/** URLs of queues by the name of their stage, and of `uploads`. */
export const queueUrls = JSON.parse(variable('FLOWSTITCH_QUEUES')) as Record<string, string>;
export const capturesBucket = variable('FLOWSTITCH_CAPTURES');

export const s3 = s3Client();
export const sqs = sqsClient();
const counts = noRequests();
countRequests(s3, counts);
countRequests(sqs, counts);

export const work = new S3Store(s3, variable('FLOWSTITCH_WORK'));
export const results = new S3Store(s3, variable('FLOWSTITCH_RESULTS'));
export const captures = new S3Captures(s3);
export const queue = new SqsQueue(sqs, queueUrls);

/** Requests of this process so far, by kind (`s3.get`, `sqs.send`), and the bytes they moved. */
export function requestTotals(): RequestTotals {
  const totals: RequestTotals = { bytesRead: counts.bytesRead, bytesWritten: counts.bytesWritten };
  for (const [kind, count] of Object.entries(counts.s3)) totals[`s3.${kind}`] = count;
  for (const [kind, count] of Object.entries(counts.sqs)) totals[`sqs.${kind}`] = count;
  return totals;
}

/** Sends a message to the uploads function, to be delivered after some seconds. */
export async function sendLater(message: unknown, delaySeconds: number): Promise<void> {
  const body = JSON.stringify(message);
  await sqs.send(
    new SendMessageCommand({ QueueUrl: queueUrls.uploads, MessageBody: body, DelaySeconds: delaySeconds }),
  );
}
