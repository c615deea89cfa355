/** The object store on S3: the contract, and faults that only a network has. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import { HEAVY } from '../heavy.ts';
import { storeContract } from './contract.ts';
import { FakeS3, type Seen } from './fakes3.ts';
import { isStoreError } from './storeerror.ts';

storeContract('S3 in memory', async () => {
  let close = (): void => {};
  const fake = await FakeS3.start({ after: (end) => void (close = end as () => void) });
  return { store: new S3Store(fake.client(), 'bucket', 'a prefix/'), remove: async () => close() };
});

const BYTES = randomBytes(400_000);
const isGet = ({ method, key }: Seen): boolean => method === 'GET' && key !== '';
const isPut = ({ method, query }: Seen): boolean => method === 'PUT' && !query.has('uploadId');
const SLOW_DOWN = { error: { status: 503, code: 'SlowDown', message: 'Reduce your request rate' } };

async function start(t: TestContext): Promise<{ fake: FakeS3; store: S3Store }> {
  const fake = await FakeS3.start(t);
  return { fake, store: new S3Store(fake.client(), 'bucket', 'p/') };
}

test('after a connection breaks in a get, another continues from that byte on, with the same version', async (t) => {
  const { fake, store } = await start(t);
  fake.versioned = true;
  const { etag, version } = fake.put('p/key', BYTES);
  fake.fail(isGet, { breakAfter: 100_000 }, { breakAfter: 50_000 });
  assert.deepEqual(Buffer.from(await store.get('key', { start: 1000, end: 300_000 })), BYTES.subarray(1000, 300_000));
  const gets = fake.requests.filter(isGet);
  assert.deepEqual(
    gets.map(({ headers }) => headers.range),
    ['bytes=1000-299999', 'bytes=101000-299999', 'bytes=151000-299999'],
  );
  assert.deepEqual(
    gets.map(({ headers, query }) => [headers['if-match'], query.get('versionId')]),
    [
      [undefined, null],
      [`"${etag}"`, version],
      [`"${etag}"`, version],
    ],
  );
});

test('an object that is overwritten while it is read is read again: old bytes or new, never both', async (t) => {
  const { fake, store } = await start(t);
  fake.put('p/key', BYTES);
  const newer = randomBytes(500_000);
  fake.fail(isGet, { breakAfter: 100_000 }, { before: () => fake.put('p/key', newer) });
  assert.deepEqual(Buffer.from(await store.get('key')), newer);
});

test('ranges after the end, and of no bytes, are empty if the object exists', async (t) => {
  const { fake, store } = await start(t);
  fake.put('p/key', BYTES);
  fake.put('p/empty', Buffer.alloc(0));
  assert.equal((await store.get('key', { start: 400_000, end: 400_001 })).length, 0);
  assert.equal((await store.get('empty', { start: 0, end: 10 })).length, 0);
  assert.equal((await store.get('key', { start: 7, end: 7 })).length, 0);
  await assert.rejects(store.get('none', { start: 7, end: 7 }), isStoreError('missing', 's3://bucket/p/none'));
});

test('SlowDown and internal errors of S3 are retried', async (t) => {
  const { fake, store } = await start(t);
  const internal = { error: { status: 500, code: 'InternalError' } };
  fake.fail(isPut, SLOW_DOWN, internal);
  await store.put('key', BYTES);
  assert.deepEqual(fake.objects.get('p/key')?.bytes, BYTES);
  assert.equal(fake.requests.length, 3);
  fake.fail(isGet, SLOW_DOWN, { breakAfter: 1000 }, SLOW_DOWN);
  assert.deepEqual(Buffer.from(await store.get('key')), BYTES);
});

test('a request without a response is sent again', async (t) => {
  const fake = await FakeS3.start(t);
  const store = new S3Store(fake.client({ stallMs: 300 }), 'bucket', 'p/');
  fake.fail(isPut, { silent: true });
  await store.put('key', BYTES);
  assert.deepEqual(fake.objects.get('p/key')?.bytes, BYTES);
});

test('when S3 does not recover, the error names object, attempts and reason', async (t) => {
  const fake = await FakeS3.start(t);
  const store = new S3Store(fake.client({ attempts: 2 }), 'bucket', 'p/');
  fake.fail(isPut, SLOW_DOWN, SLOW_DOWN);
  await assert.rejects(
    store.put('key', BYTES),
    isStoreError('io', 's3://bucket/p/key', '2 attempts', 'SlowDown: Reduce your request rate'),
  );
});

test('many requests that fail together each have their own attempts', async (t) => {
  const { fake } = await start(t);
  fake.put('p/key', BYTES.subarray(0, 1000));
  const faults = Array.from({ length: 128 }, () => ({ error: { status: 500, code: 'InternalError' } }));
  fake.fail(isGet, ...faults);
  const store = new S3Store(fake.client({ attempts: 9 }), 'bucket', 'p/');
  const all = await Promise.all(Array.from({ length: 64 }, () => store.get('key')));
  for (const bytes of all) assert.equal(bytes.length, 1000);
});

test('a conditional write that conflicts with another is retried; one that finds the key existing has lost', async (t) => {
  const { fake, store } = await start(t);
  const conflict = { error: { status: 409, code: 'ConditionalRequestConflict' } };
  fake.fail(isPut, conflict, conflict);
  assert.equal(await store.putIfAbsent('key', BYTES), true);
  assert.equal(fake.requests.length, 3);
  assert.equal(await store.putIfAbsent('key', Buffer.alloc(1)), false);
  fake.fail(isPut, conflict);
  assert.equal(await store.putIfAbsent('key', Buffer.alloc(1)), false);
  assert.deepEqual(fake.objects.get('p/key')?.bytes, BYTES);
  for (const { headers } of fake.requests) assert.equal(headers['if-none-match'], '*');
});

test('a conditional write whose response was lost returns false, and its bytes are stored', async (t) => {
  const { fake, store } = await start(t);
  fake.fail(isPut, { breakAfter: 0, before: () => fake.put('p/key', BYTES) });
  assert.equal(await store.putIfAbsent('key', BYTES), false);
  assert.deepEqual(Buffer.from(await store.get('key')), BYTES);
});

test('every write carries a checksum that S3 can verify', async (t) => {
  const { fake, store } = await start(t);
  await store.put('key', BYTES);
  await store.putIfAbsent('other', BYTES);
  for (const { headers } of fake.requests) assert.match(String(headers['x-amz-checksum-crc32']), /^[\w+/]{6}==$/);
  assert.equal(fake.connections, 1, 'connections are reused');
});

function fileOf(t: TestContext, bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-upload-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'file');
  writeFileSync(path, bytes);
  return path;
}

const isPart = ({ method, query }: Seen): boolean => method === 'PUT' && query.has('partNumber');

test('a large file is uploaded in parts, each retried when it fails', HEAVY, async (t) => {
  const { fake, store } = await start(t);
  const bytes = randomBytes((40 << 20) + 12_345);
  fake.fail(isPart, SLOW_DOWN, { breakAfter: 0 });
  const path = fileOf(t, bytes);
  assert.equal(await store.putFile('large', path), bytes.length);
  assert.ok(fake.objects.get('p/large')?.bytes.equals(bytes));
  assert.equal(existsSync(path), false);
  const parts = new Set(fake.requests.filter(isPart).map(({ query }) => query.get('partNumber')));
  assert.deepEqual([...parts].sort(), ['1', '2', '3', '4', '5', '6']);
});

test('an upload with a part that fails for good is aborted, and the local file stays', async (t) => {
  const { fake, store } = await start(t);
  const path = fileOf(t, Buffer.alloc(50 << 20));
  const isThird = (seen: Seen): boolean => isPart(seen) && seen.query.get('partNumber') === '3';
  fake.fail(isThird, { error: { status: 403, code: 'AccessDenied', message: 'User is not allowed' } });
  await assert.rejects(store.putFile('large', path), isStoreError('refused', 's3://bucket/p/large', 's3:PutObject'));
  assert.equal(fake.uploads.size, 0);
  assert.equal(fake.objects.size, 0);
  assert.ok(existsSync(path));
  const last = fake.requests.at(-1);
  assert.deepEqual([last?.method, last?.query.has('uploadId')], ['DELETE', true]);
});

test('where the parts cannot be removed either, the error is still that of the part', async (t) => {
  const { fake, store } = await start(t);
  fake.fail(isPart, { error: { status: 404, code: 'NoSuchBucket', message: 'gone' } });
  fake.fail(({ method, query }) => method === 'DELETE' && query.has('uploadId'), {
    error: { status: 403, code: 'AccessDenied', message: 'User is not allowed to abort' },
  });
  await assert.rejects(store.putFile('large', fileOf(t, Buffer.alloc(9 << 20))), /there is no bucket bucket/);
  assert.equal(fake.uploads.size, 1);
});

test('an upload that is gone before all parts are stored has failed, though an object of that size is there', async (t) => {
  const { fake, store } = await start(t);
  const older = Buffer.alloc(20 << 20, 1);
  await store.putFile('large', fileOf(t, older));
  const path = fileOf(t, Buffer.alloc(older.length, 2));
  const isSecond = (seen: Seen): boolean => isPart(seen) && seen.query.get('partNumber') === '2';
  fake.fail(isSecond, { error: { status: 404, code: 'NoSuchUpload', message: 'aborted by a lifecycle rule' } });
  await assert.rejects(store.putFile('large', path), /NoSuchUpload/);
  assert.ok(existsSync(path));
});

test('an upload whose last response was lost is stored', async (t) => {
  const { fake, store } = await start(t);
  const bytes = randomBytes(9 << 20);
  fake.fail(({ method, query }) => method === 'POST' && query.has('uploadId'), { breakAfter: 0 });
  assert.equal(await store.putFile('large', fileOf(t, bytes)), bytes.length);
  assert.ok(fake.objects.get('p/large')?.bytes.equals(bytes));
});

test('remove deletes by the thousand, retries transient failures, and names what remains', async (t) => {
  const { fake, store } = await start(t);
  const keys = Array.from({ length: 2500 }, (_, i) => `k${i}`);
  for (const key of keys) fake.put(`p/${key}`, Buffer.alloc(1));
  fake.stuck.set('p/k1700', 'InternalError');
  fake.fail(({ method, body }) => method === 'POST' && body.length < 500, { before: () => fake.stuck.clear() });
  await store.remove(keys);
  assert.equal(fake.objects.size, 0);
  assert.deepEqual(
    fake.requests.map(({ body }) => [...body.toString().matchAll(/<Key>/g)].length),
    [1000, 1000, 1, 500],
  );
  for (const key of ['a', 'b', 'c']) fake.put(`p/${key}`, Buffer.alloc(1));
  fake.stuck.set('p/b', 'AccessDenied');
  await assert.rejects(
    store.remove(['a', 'b', 'c']),
    isStoreError('refused', 's3://bucket/p/b', 'AccessDenied', 's3:DeleteObject'),
  );
  assert.deepEqual([...fake.objects.keys()], ['p/b']);
});

test('listings continue after the thousandth key', async (t) => {
  const { fake, store } = await start(t);
  for (let i = 0; i < 2345; i++) fake.put(`p/${i}`, Buffer.alloc(1));
  fake.put('other', Buffer.alloc(1));
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  assert.deepEqual(keys, Array.from({ length: 2345 }, (_, i) => String(i)).sort());
  assert.equal(fake.requests.length, 3);
});

test('errors of S3 name bucket, key and remedy', async (t) => {
  const { fake, store } = await start(t);
  const cases: [Parameters<FakeS3['fail']>[1]['error'], string[]][] = [
    [{ status: 403, code: 'AccessDenied' }, ['s3://bucket/p/key', 's3:GetObject', 'policy']],
    [
      { status: 403, code: 'AccessDenied', message: 'not authorized to perform: kms:Decrypt' },
      ['KMS', 'Allow kms:Decrypt'],
    ],
    [{ status: 400, code: 'KMS.DisabledException', message: 'arn:key is disabled' }, ['KMS', 'arn:key is disabled']],
    [{ status: 404, code: 'NoSuchBucket' }, ['there is no bucket bucket']],
    [
      { status: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'eu-west-1' } },
      ['eu-west-1', 'replicate'],
    ],
    [
      { status: 400, code: 'AuthorizationHeaderMalformed', more: '<Region>eu-west-3</Region>' },
      ['eu-west-3', 'replicate'],
    ],
    [{ status: 400, code: 'KeyTooLongError' }, ['KeyTooLongError']],
  ];
  for (const [error, words] of cases) {
    fake.fail(isGet, { error });
    await assert.rejects(store.get('key'), isStoreError('refused', ...words), error?.code);
  }
  fake.fail(isGet, { error: { status: 400, code: 'ExpiredToken' } });
  await assert.rejects(store.get('key'), isStoreError('io', 'credentials', 'AWS_PROFILE'));
});
