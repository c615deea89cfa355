/**
 * What the functions' code finds around it: buckets, queues and Lambda's side of an invocation, all in this process.
 * To be imported before any module of functions/, which read their environment when they are loaded.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import { FakeS3 } from '../store/fakes3.ts';
import { FakeEvents } from './fakeevents.ts';
import { FakeSqs } from './fakesqs.ts';

export const CAPTURES = 'captures-bucket';
/** Seconds of a lease in these tests. */
export const LEASE_SECONDS = 0.3;

// Its buckets are one: the keys of captures, work and results differ.
export const fakeS3 = await FakeS3.start({ after: (end) => after(end as () => void) });
export const fakeSqs = await FakeSqs.start();
export const fakeEvents = await FakeEvents.start();
after(() => {
  fakeSqs.close();
  fakeEvents.close();
});

// A function's /tmp is its own.
const temporary = mkdtempSync(join(tmpdir(), 'flowstitch-functions-'));
after(() => rmSync(temporary, { recursive: true, force: true }));

Object.assign(process.env, {
  TMPDIR: temporary,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_ENDPOINT_URL_S3: fakeS3.endpoint,
  AWS_ENDPOINT_URL_SQS: fakeSqs.endpoint,
  AWS_ENDPOINT_URL_EVENTBRIDGE: fakeEvents.endpoint,
  FLOWSTITCH_STACK: 'test-pipeline',
  FLOWSTITCH_WORK: 'work-bucket',
  FLOWSTITCH_RESULTS: 'results-bucket',
  FLOWSTITCH_CAPTURES: CAPTURES,
  FLOWSTITCH_QUEUES: JSON.stringify(
    Object.fromEntries([...STAGE_ORDER, 'uploads'].map((name) => [name, fakeSqs.url(name)])),
  ),
  FLOWSTITCH_LEASE_SECONDS: String(LEASE_SECONDS),
  POWERTOOLS_LOG_LEVEL: 'SILENT',
  POWERTOOLS_METRICS_DISABLED: 'true',
  POWERTOOLS_METRICS_NAMESPACE: 'Flowstitch',
  POWERTOOLS_SERVICE_NAME: 'flowstitch',
});
delete process.env.AWS_ENDPOINT_URL;

/** The pipeline's own files, as a test looks at them. */
export const work = new S3Store(fakeS3.client(), 'work-bucket');

/** Lambda's side of an invocation that has so many milliseconds. */
export function invocation(milliseconds = 300_000): Context {
  const end = Date.now() + milliseconds;
  return {
    functionName: 'flowstitch-test',
    functionVersion: '1',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:flowstitch-test',
    memoryLimitInMB: '1024',
    awsRequestId: 'request',
    getRemainingTimeInMillis: () => end - Date.now(),
  } as Context;
}

/** An event of SQS with these messages. @param receives times that each has been given out */
export function sqsEvent(bodies: readonly (string | object)[], receives = 1): SQSEvent {
  const records = bodies.map((body, number) => ({
    messageId: `message-${number}`,
    receiptHandle: `receipt-${number}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    attributes: { ApproximateReceiveCount: String(receives) },
  }));
  return { Records: records as SQSRecord[] };
}
