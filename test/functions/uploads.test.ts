/** The uploads function: S3's events as they are, keys encoded; its own delayed messages; which messages come again. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { JobEntry } from '../../shared/control/start.ts';
import { inputsKey, jobsPrefix } from '../../shared/job/protocol/keys.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import { listRefusals } from '../../shared/upload/uploads.ts';
import { putWatchedPrefix } from '../../shared/upload/watchedprefixes.ts';
import { NASTY_KEYS } from '../store/nastykeys.ts';
import { CAPTURES, fakeS3, fakeSqs, invocation, sqsEvent, work } from './environment.ts';

const { decodedKey, handler } = await import('../../functions/uploads.ts');

beforeEach(() => {
  fakeS3.objects.clear();
  fakeS3.requests.length = 0;
  fakeSqs.queues.clear();
});

/** A key as S3 puts it into an event. */
const encoded = (key: string): string => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');

/** S3's notification of objects, as it comes through a queue. */
function created(...keys: string[]): object {
  const records = keys.map((key) => ({
    eventSource: 'aws:s3',
    eventName: 'ObjectCreated:Put',
    s3: { bucket: { name: CAPTURES }, object: { key: encoded(key), size: 7 } },
  }));
  return { Records: records };
}

/** Jobs that were asked for, each with its captures' names. */
async function jobs(): Promise<(JobEntry & { names: string[] })[]> {
  const found: (JobEntry & { names: string[] })[] = [];
  for await (const { key } of work.list('datasets/')) {
    if (!key.startsWith(jobsPrefix(key.split('/')[1]))) continue;
    const entry = (await getJson<JobEntry>(work, key))!;
    const captures = (await getJson<CaptureRef[]>(work, inputsKey(entry.job)))!;
    found.push({ ...entry, names: captures.map(({ name }) => name) });
  }
  return found;
}

test('keys are what they were before S3 encoded them', () => {
  for (const key of NASTY_KEYS) assert.equal(decodedKey(encoded(key)), key);
  // As S3 itself writes them, and not only as this test does.
  assert.equal(decodedKey('a+b%2Bc%25d/%F0%9F%A6%88%0A.pcap'), 'a b+c%d/🦈\n.pcap');
});

test('a marker under a prefix with blanks, plus, percent, newline and emoji starts a job over just what is there', async () => {
  const prefix = 'site +%2B\n🦈/';
  const names = ['a+b.pcap', '100%.pcap', 'new\nline.pcap'];
  for (const name of [...names, '_READY']) fakeS3.put(prefix + name, Buffer.from(name === '_READY' ? '' : 'packets'));
  fakeS3.put('site    /other.pcap', Buffer.from('packets'));
  const event = sqsEvent([created(`${prefix}_READY`)]);
  assert.deepEqual(await handler(event, invocation()), { batchItemFailures: [] });
  const [job, ...others] = await jobs();
  assert.deepEqual(others, []);
  assert.deepEqual(job.names.sort(), names.map((name) => `s3://${CAPTURES}/${prefix}${name}`).sort());
  assert.deepEqual(
    fakeSqs.take('plan').map(({ body }) => JSON.parse(body) as unknown),
    [{ job: job.job, stage: 'plan', task: 0, first: true }],
  );
});

test('through EventBridge a key comes as it is, percent signs and plus included; other events are ignored', async () => {
  const prefix = 'site +%2B🦈/';
  for (const name of ['a.pcap', '_READY']) fakeS3.put(prefix + name, Buffer.from(name === '_READY' ? '' : 'packets'));
  const event = (type: string): object => ({
    ...{ version: '0', id: 'x', source: 'aws.s3', account: '123456789012', 'detail-type': type },
    detail: {
      version: '0',
      bucket: { name: CAPTURES },
      object: { key: `${prefix}_READY`, size: 0 },
      reason: 'PutObject',
    },
  });
  await handler(sqsEvent([event('Object Deleted')]), invocation());
  assert.deepEqual(await jobs(), []);
  assert.deepEqual(await handler(sqsEvent([event('Object Created')]), invocation()), { batchItemFailures: [] });
  assert.deepEqual(
    (await jobs()).map(({ names }) => names),
    [[`s3://${CAPTURES}/${prefix}a.pcap`]],
  );
});

test('uploads to an automatic prefix send one check for all of them, and the check begins the job when it is due', async () => {
  await putWatchedPrefix(work, {
    dataset: 'site-a',
    bucket: CAPTURES,
    prefix: 'site a/',
    quietSeconds: 1,
    options: {},
  });
  for (const name of ['1.pcap', '2.pcap']) fakeS3.put(`site a/${name}`, Buffer.from('packets'), { modified: 1.7e12 });
  const bodies = [created('site a/1.pcap', 'site a/2.pcap'), created('site a/2.pcap'), created('elsewhere/3.pcap')];
  assert.deepEqual(await handler(sqsEvent(bodies), invocation()), { batchItemFailures: [] });
  const checks = fakeSqs.take('uploads');
  // The clock may have gone on to the next second meanwhile.
  assert.ok(checks.length >= 1 && checks.length <= 2, `${checks.length} checks`);
  assert.ok(checks.every(({ delaySeconds }) => delaySeconds >= 1 && delaySeconds <= 3));
  assert.deepEqual(await jobs(), []);
  const { check } = JSON.parse(checks[0].body) as { check: { dataset: string; due: number } };
  assert.equal(check.dataset, 'site-a');
  await handler(sqsEvent([{ check: { ...check, due: Date.now() } }]), invocation());
  const [job] = await jobs();
  assert.deepEqual([job.dataset, job.captures, job.source.by], ['site-a', 2, 'quiet']);
});

test('a listing for which no time is left goes on in another invocation', async () => {
  for (let number = 0; number < 2100; number++) fakeS3.put(`many/${number}.pcap`, Buffer.from('packets'));
  fakeS3.put('many/_READY', Buffer.from(''));
  let bodies: (string | object)[] = [created('many/_READY')];
  let invocations = 0;
  for (; bodies.length > 0 && invocations < 10; invocations++) {
    // 30 s of it are to be left: each has time for the page that is always read.
    assert.deepEqual(await handler(sqsEvent(bodies), invocation(30_000)), { batchItemFailures: [] });
    bodies = fakeSqs.take('uploads').map(({ body }) => body);
  }
  const [job] = await jobs();
  assert.equal(job.captures, 2100);
  assert.ok(invocations >= 2, `${invocations} invocations`);
});

test("a marker's refusal is kept and its message is done with; what failed for the moment comes again", async () => {
  fakeS3.put('a/_READY', Buffer.from('{"packets": 7}'));
  fakeS3.put('b/_READY', Buffer.from(''));
  fakeS3.put('b/x.pcap', Buffer.from('packets'));
  const denied = { error: { status: 403, code: 'AccessDenied' } };
  fakeS3.fail(({ method, key }) => method === 'GET' && key === 'b/_READY', denied);
  fakeS3.put('c/_READY', Buffer.from(''));
  fakeS3.put('c/x.pcap', Buffer.from('packets'));
  const invalid = { error: { status: 403, code: 'ExpiredToken' } };
  fakeS3.fail(({ method, key }) => method === 'GET' && key === 'c/_READY', invalid);
  const bodies = [created('a/_READY'), created('b/_READY'), created('c/_READY'), 'no JSON', { Event: 's3:TestEvent' }];
  const { batchItemFailures } = await handler(sqsEvent(bodies), invocation());
  assert.deepEqual(
    batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    ['message-2', 'message-3'],
  );
  const refusals = await listRefusals(work);
  assert.deepEqual(refusals.map(({ object }) => object).sort(), [
    's3://captures-bucket/a/_READY',
    's3://captures-bucket/b/_READY',
  ]);
  await handler(sqsEvent([created('c/_READY')]), invocation());
  assert.deepEqual(
    (await jobs()).map(({ dataset }) => dataset),
    ['c'],
  );
});

test('of a marker as large as a capture only the beginning is read', async () => {
  fakeS3.put('a/_READY', Buffer.alloc(5_000_000, ' '));
  await handler(sqsEvent([created('a/_READY')]), invocation());
  const [get] = fakeS3.requests.filter(({ method, key }) => method === 'GET' && key === 'a/_READY');
  assert.equal(get.headers.range, 'bytes=0-65535');
});
