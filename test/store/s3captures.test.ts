/** Captures in S3: complete, in order, once, and of one version, with any connection faults. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientOptions } from '../../shared/store/aws/awsclient.ts';
import { S3Captures } from '../../shared/store/aws/s3captures.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { FakeS3, type Seen } from './fakes3.ts';
import { isStoreError } from './storeerror.ts';

const BYTES = randomBytes(3_000_000);
const isGet = ({ method, key }: Seen): boolean => method === 'GET' && key !== '';

async function start(t: TestContext, bytes: Uint8Array = BYTES, options: ClientOptions = {}) {
  const key = 'a/b.pcap';
  const fake = await FakeS3.start(t);
  fake.versioned = true;
  const { etag, version } = fake.put(key, bytes);
  const location = `s3://captures/${key}`;
  const ref: CaptureRef = { name: location, location, size: bytes.length, version: etag };
  return { fake, ref, version, captures: new S3Captures(fake.client(options)) };
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const chunk of chunks) copies.push(Buffer.from(chunk));
  return Buffer.concat(copies);
}

test('a capture is one request, and is delivered in chunks of a quarter of a MiB', async (t) => {
  const { fake, ref, captures } = await start(t);
  const sizes: number[] = [];
  const copies: Buffer[] = [];
  for await (const chunk of captures.stream(ref)) {
    sizes.push(chunk.length);
    copies.push(Buffer.from(chunk));
  }
  assert.deepEqual(Buffer.concat(copies), BYTES);
  assert.deepEqual(new Set(sizes.slice(0, -1)), new Set([1 << 18]));
  assert.equal(fake.requests.length, 1);
  assert.equal(fake.requests[0].headers.range, undefined);
  assert.equal(fake.requests[0].headers['if-match'], `"${ref.version}"`);
});

test('a chunk stays unchanged until the second one after it is requested', async (t) => {
  const { ref, captures } = await start(t);
  const held: { chunk: Uint8Array; copy: Buffer }[] = [];
  for await (const chunk of captures.stream(ref)) {
    held.push({ chunk, copy: Buffer.from(chunk) });
    // Time to read ahead into every free buffer.
    await delay(10);
    for (const { chunk, copy } of held.slice(-2)) assert.ok(copy.equals(chunk));
  }
  assert.deepEqual(Buffer.concat(held.map(({ copy }) => copy)), BYTES);
});

test('after a connection breaks, another continues at the byte where it ended, with the same version', async (t) => {
  const { fake, ref, version, captures } = await start(t);
  fake.fail(isGet, { breakAfter: 1_000_001 }, { breakAfter: 0 }, { breakAfter: 1_500_000 });
  assert.deepEqual(await readAll(captures.stream(ref)), BYTES);
  assert.deepEqual(
    fake.requests.map(({ headers, query }) => [headers.range, headers['if-match'], query.get('versionId')]),
    [
      [undefined, `"${ref.version}"`, null],
      ['bytes=1000001-2999999', `"${ref.version}"`, version],
      ['bytes=1000001-2999999', `"${ref.version}"`, version],
      ['bytes=2500001-2999999', `"${ref.version}"`, version],
    ],
  );
});

test('a stalled connection is closed, and another continues', async (t) => {
  const { fake, ref, captures } = await start(t, BYTES, { stallMs: 300 });
  fake.fail(isGet, { stallAfter: 700_000 });
  assert.deepEqual(await readAll(captures.stream(ref)), BYTES);
  assert.equal(fake.requests[1].headers.range, 'bytes=700000-2999999');
});

test('a connection that keeps breaking without progress ends in an error that says where', async (t) => {
  const { fake, ref, captures } = await start(t);
  fake.fail(isGet, { breakAfter: 1_000_000 }, ...Array.from({ length: 5 }, () => ({ breakAfter: 10 })));
  await assert.rejects(readAll(captures.stream(ref)), isStoreError('io', ref.location, '6 times', 'of 3000000'));
  assert.equal(fake.requests.length, 6);
});

test('connections may break any number of times as long as each makes progress', async (t) => {
  const { fake, ref, captures } = await start(t);
  fake.fail(isGet, ...Array.from({ length: 14 }, () => ({ breakAfter: 200_000 })));
  assert.deepEqual(await readAll(captures.stream(ref)), BYTES);
  assert.equal(fake.requests.length, 15);
});

test('a capture that was overwritten is detected, before it is read and while it is read', async (t) => {
  const { fake, ref, captures } = await start(t);
  fake.versioned = false;
  fake.put('a/b.pcap', BYTES);
  fake.fail(isGet, { breakAfter: 500_000 }, { before: () => fake.put('a/b.pcap', randomBytes(100)) });
  const overwritten = isStoreError('changed', ref.location, 'overwritten');
  await assert.rejects(readAll(captures.stream(ref)), overwritten);
  await assert.rejects(readAll(captures.stream(ref)), overwritten);
  fake.objects.clear();
  await assert.rejects(readAll(captures.stream(ref)), isStoreError('missing', ref.location));
});

test('in a versioned bucket, a capture that is overwritten while it is read is read to its end', async (t) => {
  const { fake, ref, captures } = await start(t);
  fake.fail(isGet, { breakAfter: 500_000 }, { before: () => fake.put('a/b.pcap', randomBytes(100)) });
  assert.deepEqual(await readAll(captures.stream(ref)), BYTES);
});

test('a role that may read objects but not versions can resume too', async (t) => {
  const { fake, ref, captures } = await start(t);
  const denied = { error: { status: 403, code: 'AccessDenied' } };
  fake.fail(isGet, { breakAfter: 500_000 });
  fake.fail(({ query }) => query.has('versionId'), denied);
  assert.deepEqual(await readAll(captures.stream(ref)), BYTES);
  assert.equal(fake.requests.at(-1)?.headers['if-match'], `"${ref.version}"`);
});

test('a limit becomes a range; a small capture is read whole', async (t) => {
  const { fake, ref, captures } = await start(t);
  assert.deepEqual(await readAll(captures.stream(ref, 65_536)), BYTES.subarray(0, 65_536));
  assert.equal(fake.requests[0].headers.range, 'bytes=0-65535');
  assert.deepEqual(await readAll(captures.stream(ref, 5_000_000)), BYTES);
  assert.equal(fake.requests[1].headers.range, undefined);
  assert.equal((await readAll(captures.stream(ref, 0))).length, 0);
  assert.equal(fake.requests.length, 2);
});

test('an empty capture is read as empty', async (t) => {
  const { ref, captures } = await start(t, new Uint8Array(0));
  assert.equal((await readAll(captures.stream(ref))).length, 0);
});

test('a reader that stops early closes the connection, and does not read the rest', async (t) => {
  const { fake, ref, captures } = await start(t, Buffer.alloc(64 << 20));
  for await (const chunk of captures.stream(ref)) {
    assert.equal(chunk.length, 1 << 18);
    break;
  }
  for (let turn = 0; turn < 100 && fake.connections > 0; turn++) await delay(10);
  assert.equal(fake.connections, 0);
});

test('a reader that stops near the end leaves a connection that is reused', async (t) => {
  const { fake, ref, captures } = await start(t);
  for (let i = 0; i < 20; i++)
    for await (const chunk of captures.stream(ref, 65_536)) {
      assert.ok(chunk.length > 0);
      break;
    }
  assert.equal(fake.connections, 1);
  assert.equal(fake.requests.length, 20);
});

test('read-ahead is bounded while the reader waits', async (t) => {
  const { fake, ref, captures } = await start(t, Buffer.alloc(64 << 20));
  const before = process.memoryUsage().arrayBuffers;
  const chunks = captures.stream(ref);
  await chunks.next();
  await delay(200);
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 << 20);
  await chunks.return();
  assert.equal(fake.requests.length, 1);
});

test('a reader that waits longer than a connection may be silent gets every byte', async (t) => {
  const { fake, ref, captures } = await start(t, randomBytes(20 << 20), { stallMs: 300 });
  let bytes = 0;
  for await (const chunk of captures.stream(ref)) {
    if (bytes === 0) await delay(700);
    bytes += chunk.length;
  }
  assert.equal(bytes, ref.size);
  assert.ok(fake.requests.length > 1);
});

test('a capture that no retry can read is refused with the remedy', async (t) => {
  const { fake, ref, captures } = await start(t);
  const archived = { status: 403, code: 'InvalidObjectState', more: '<StorageClass>DEEP_ARCHIVE</StorageClass>' };
  const tiered = { status: 403, code: 'InvalidObjectState', more: '<AccessTier>ARCHIVE_ACCESS</AccessTier>' };
  const message = 'The object was stored using a form of Server Side Encryption.';
  const cases: [NonNullable<Parameters<FakeS3['fail']>[1]['error']>, string[]][] = [
    [archived, ['archived (DEEP_ARCHIVE)', '--bucket captures --key a/b.pcap', 'resume the job']],
    [tiered, ['archived (ARCHIVE_ACCESS)', 'restore-object']],
    [{ status: 400, code: 'InvalidRequest', message }, ['SSE-C', 'aws s3 cp']],
    [{ status: 403, code: 'AccessDenied' }, ['s3:GetObject', '--requester-pays']],
  ];
  for (const [error, words] of cases) {
    fake.fail(isGet, { error });
    await assert.rejects(readAll(captures.stream(ref)), isStoreError('refused', ref.location, ...words), error.code);
  }
});

test('requester pays is set in every request', async (t) => {
  const { fake, ref, captures } = await start(t);
  fake.fail(isGet, { breakAfter: 1_000_000 });
  await readAll(captures.stream({ ...ref, requesterPays: true }));
  assert.deepEqual(
    fake.requests.map(({ headers }) => headers['x-amz-request-payer']),
    ['requester', 'requester'],
  );
});
