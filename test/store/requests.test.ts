/** Requests are counted as they are billed: by kind, each attempt, and with the bytes of objects. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { countRequests, noRequests, type RequestCounts } from '../../shared/store/aws/requests.ts';
import { S3Captures } from '../../shared/store/aws/s3captures.ts';
import { checkBucketRegion, listCaptures } from '../../shared/store/aws/s3list.ts';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import { FakeS3, type Seen } from './fakes3.ts';

const BYTES = Buffer.alloc(1_000_000, 'x');
const MANY = (10 << 20) + 7;
const isGet = ({ method, key }: Seen): boolean => method === 'GET' && key !== '';

async function start(t: TestContext) {
  const fake = await FakeS3.start(t);
  const client = fake.client();
  const counts = noRequests();
  countRequests(client, counts);
  return { fake, client, counts, store: new S3Store(client, 'bucket') };
}

function expected(s3: Partial<RequestCounts['s3']>, bytes: { read?: number; written?: number }): RequestCounts {
  const none = noRequests();
  return { ...none, s3: { ...none.s3, ...s3 }, bytesRead: bytes.read ?? 0, bytesWritten: bytes.written ?? 0 };
}

test('every call is counted by its kind, and the bytes of objects with it', async (t) => {
  const { fake, client, counts, store } = await start(t);
  await store.put('a', BYTES);
  assert.equal(await store.putIfAbsent('a', BYTES), false);
  await store.get('a');
  await store.get('a', { start: 10, end: 110 });
  await store.head('a');
  await store.head('none');
  await assert.rejects(store.get('none'));
  for await (const { key } of store.list('')) assert.equal(key, 'a');
  await store.remove(['a', 'b']);
  await checkBucketRegion(client, 'bucket');
  await listCaptures(client, 'bucket', '');
  assert.deepEqual(
    counts,
    expected({ put: 2, get: 3, head: 3, list: 2, delete: 1 }, { read: 1_000_100, written: 2_000_000 }),
  );
  assert.equal(fake.requests.length, 11);
});

test('a multipart upload counts its parts and two more requests', async (t) => {
  const { counts, store } = await start(t);
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-requests-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'file');
  writeFileSync(path, Buffer.alloc(MANY));
  await store.putFile('large', path);
  assert.deepEqual(counts, expected({ upload: 2, part: 2 }, { written: MANY }));
});

test('each attempt counts, and the bytes received of a broken response', async (t) => {
  const { fake, counts, store } = await start(t);
  const slow = { error: { status: 503, code: 'SlowDown' } };
  fake.fail(({ method }) => method === 'PUT', slow);
  await store.put('a', BYTES);
  fake.fail(isGet, slow, { breakAfter: 300_000 });
  assert.deepEqual(Buffer.from(await store.get('a')), BYTES);
  assert.deepEqual(counts, expected({ put: 2, get: 3 }, { read: 1_000_000, written: 2_000_000 }));
  assert.equal(fake.requests.length, 5);
});

test('a capture counts the bytes that were read of it', async (t) => {
  const { fake, client, counts } = await start(t);
  const { etag } = fake.put('a', BYTES);
  const ref = { name: 'a', location: 's3://bucket/a', size: BYTES.length, version: etag };
  const captures = new S3Captures(client);
  for await (const _ of captures.stream(ref));
  assert.equal(counts.bytesRead, 1_000_000);
  for await (const _ of captures.stream(ref, 65_536));
  assert.equal(counts.bytesRead, 1_065_536);
  assert.equal(counts.s3.get, 2);
});
