/** Captures as a bucket lists them, with keys of any kind; a bucket's region; URLs. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { isResult } from '../../shared/job/resultpath.ts';
import { S3Captures } from '../../shared/store/aws/s3captures.ts';
import { checkBucketRegion, listCaptures } from '../../shared/store/aws/s3list.ts';
import { parseS3Url } from '../../shared/store/aws/s3url.ts';
import { FakeS3, type Seen } from './fakes3.ts';
import { NASTY_KEYS } from './nastykeys.ts';
import { isStoreError } from './storeerror.ts';

const ONE = Buffer.from('x');

test('folders, empty objects, markers and hidden objects are not captures, and are counted', async (t) => {
  const fake = await FakeS3.start(t);
  for (const key of ['s/', 's/deep/', 's/e.pcap', 's/deep/e'] as const) fake.put(key, Buffer.alloc(0));
  for (const key of ['s/_READY', 's/deep/_READY', 's/.part', 's/.trash/a.pcap', 's/deep/.x/y/z']) fake.put(key, ONE);
  const captures = ['s/../a.pcap', 's/./b', 's/READY', 's/_READY.pcap', 's/_READY/c', 's/a', 's/full/', 's/x..y'];
  for (const key of [...captures, 't/a']) fake.put(key, ONE);
  const found = await listCaptures(fake.client(), 'bucket', 's/');
  assert.deepEqual(
    found.captures.map(({ name }) => name),
    captures.map((key) => `s3://bucket/${key}`),
  );
  assert.deepEqual(found.skipped, { folders: 2, empty: 2, markers: 2, hidden: 3, results: 0 });
  assert.equal(found.next, undefined);
});

test('results of a job that lie among captures are not captures, and are counted', async (t) => {
  const fake = await FakeS3.start(t);
  const job = 'job=0123456789abcdef';
  const results = ['_flowstitch/jobs/x', 'datasets/default/current.json', `sessions/dataset=d/${job}/part-0.parquet`];
  for (const key of results) fake.put(`s/monday/${key}`, ONE);
  for (const key of ['s/a.pcap', 's/sessions/b.pcap', 's/datasets/c.pcap']) fake.put(key, ONE);
  const { captures, skipped } = await listCaptures(fake.client(), 'bucket', 's/', { isResult });
  assert.deepEqual(
    captures.map(({ name }) => name.slice('s3://bucket/'.length)),
    ['s/a.pcap', 's/datasets/c.pcap', 's/sessions/b.pcap'],
  );
  assert.equal(skipped.results, results.length);
});

test('what is not named like a capture may turn out to be none, unless it is the object that was named', async (t) => {
  const fake = await FakeS3.start(t);
  const named = [
    'a.pcap',
    'b.PCAPNG',
    'c.cap0001',
    'd.pcap.3',
    'e.pcap-20261130.gz',
    'f.dmp.xz',
    'g.pcap.zst',
    'h.snoop',
  ];
  const other = ['README.txt', 'i.pcap.md5', 'j.pcapx', 'k', 'l.zst', 'pcap', 'sums.csv', 'x.cap/y'];
  for (const key of [...named, ...other]) fake.put(`s/${key}`, ONE);
  const { captures } = await listCaptures(fake.client(), 'bucket', 's/');
  const incidental = captures.filter((capture) => capture.incidental).map(({ name }) => name);
  assert.deepEqual(
    incidental,
    other.map((key) => `s3://bucket/s/${key}`),
  );
  const [itself] = (await listCaptures(fake.client(), 'bucket', 's/README.txt')).captures;
  assert.equal(itself.incidental, undefined);
});

test('a prefix may be below a hidden folder, which was named on purpose', async (t) => {
  const fake = await FakeS3.start(t);
  for (const key of ['.old/a', '.old/b/.c', '.old/b/d']) fake.put(key, ONE);
  const { captures } = await listCaptures(fake.client(), 'bucket', '.old/');
  assert.deepEqual(
    captures.map(({ location }) => location),
    ['s3://bucket/.old/a', 's3://bucket/.old/b/d'],
  );
});

test('a listed capture has size and ETag, and the time of the newest is in whole seconds', async (t) => {
  const fake = await FakeS3.start(t);
  const at = Date.UTC(2026, 4, 1, 12, 30, 15);
  const { etag } = fake.put('a', Buffer.from('four'), { modified: at + 900 });
  fake.put('b', ONE, { modified: at - 1000 });
  fake.put('_READY', ONE, { modified: at + 60_000 });
  const { captures, newest } = await listCaptures(fake.client(), 'bucket', '');
  const name = 's3://bucket/a';
  assert.deepEqual(captures[0], { name, location: name, size: 4, version: etag, incidental: true });
  assert.equal(newest, at);
  assert.equal((await listCaptures(fake.client(), 'bucket', 'none/')).newest, 0);
});

test('archived captures are refused with the remedy, unless a restored copy is there', async (t) => {
  const fake = await FakeS3.start(t);
  const restored = (expires: number, going: boolean): string =>
    `<IsRestoreInProgress>${going}</IsRestoreInProgress>` +
    (going ? '' : `<RestoreExpiryDate>${new Date(expires).toISOString()}</RestoreExpiryDate>`);
  const hour = 3_600_000;
  fake.put('deep', ONE, { storageClass: 'DEEP_ARCHIVE' });
  fake.put("it's cold", ONE, { storageClass: 'GLACIER', restore: restored(0, true) });
  fake.put('late', ONE, { storageClass: 'GLACIER', restore: restored(Date.now() - hour, false) });
  fake.put('ready', ONE, { storageClass: 'GLACIER', restore: restored(Date.now() + hour, false) });
  fake.put('instant', ONE, { storageClass: 'GLACIER_IR' });
  const { captures } = await listCaptures(fake.client(), 'bucket', '');
  const refused = Object.fromEntries(captures.map(({ name, refused }) => [name.slice(12), refused]));
  assert.deepEqual(Object.keys(refused), ['deep', 'instant', "it's cold", 'late', 'ready']);
  assert.equal(refused.ready, undefined);
  assert.equal(refused.instant, undefined);
  assert.equal(refused.deep?.reason, 'capture_archived');
  assert.match(refused.deep?.detail ?? '', /s3:\/\/bucket\/deep is archived \(DEEP_ARCHIVE\).*restore-object.*resume/);
  assert.match(refused["it's cold"]?.detail ?? '', /--key 'it'\\''s cold' /);
  assert.equal(refused.late?.reason, 'capture_archived');
});

test('a listing that reaches its deadline continues after the last key it saw, and none is lost or listed twice', async (t) => {
  const fake = await FakeS3.start(t);
  const keys = Array.from({ length: 3500 }, (_, i) => `s/${String(i).padStart(5, '0')}+ä %41`);
  for (const key of keys) fake.put(key, ONE);
  const client = fake.client();
  const names: string[] = [];
  let after: string | undefined;
  let turns = 0;
  do {
    const part = await listCaptures(client, 'bucket', 's/', { after, deadline: 0 });
    names.push(...part.captures.map(({ name }) => name));
    after = part.next;
    turns++;
  } while (after !== undefined && turns < 10);
  assert.equal(turns, 4);
  assert.deepEqual(
    names,
    keys.map((key) => `s3://bucket/${key}`),
  );
  const whole = await listCaptures(client, 'bucket', 's/', { deadline: Date.now() + 60_000 });
  assert.equal(whole.captures.length, 3500);
});

test('requester pays is noted in every capture', async (t) => {
  const fake = await FakeS3.start(t);
  fake.put('a', ONE);
  const { captures } = await listCaptures(fake.client(), 'bucket', '', { requesterPays: true });
  assert.equal(captures[0].requesterPays, true);
  assert.equal(fake.requests[0].headers['x-amz-request-payer'], 'requester');
});

test('the error of a bucket that cannot be listed says what is needed', async (t) => {
  const fake = await FakeS3.start(t);
  fake.fail(
    () => true,
    { error: { status: 403, code: 'AccessDenied' } },
    { error: { status: 404, code: 'NoSuchBucket' } },
  );
  const list = () => listCaptures(fake.client(), 'bucket', 's/');
  await assert.rejects(list(), isStoreError('refused', 's3://bucket/s/', 's3:ListBucket'));
  await assert.rejects(list(), isStoreError('refused', 'there is no bucket bucket'));
});

test('keys of every kind are listed and read under their own names', async (t) => {
  const fake = await FakeS3.start(t);
  for (const key of NASTY_KEYS) fake.put(key, Buffer.from(key));
  const client = fake.client();
  const { captures } = await listCaptures(client, 'bucket', '');
  assert.deepEqual(
    new Set(captures.map(({ location }) => location)),
    new Set(NASTY_KEYS.map((key) => `s3://bucket/${key}`)),
  );
  const source = new S3Captures(client);
  for (const ref of captures) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.stream(ref)) chunks.push(Buffer.from(chunk));
    assert.equal(`s3://bucket/${Buffer.concat(chunks)}`, ref.name);
  }
});

test('a bucket in the same region passes; in another region, missing or without access it is refused', async (t) => {
  const fake = await FakeS3.start(t);
  const check = (status: number, region?: string): Promise<void> => {
    const headers: Record<string, string> = region === undefined ? {} : { 'x-amz-bucket-region': region };
    fake.fail(() => true, { error: { status, code: '', headers } });
    return checkBucketRegion(fake.client(), 'bucket');
  };
  await checkBucketRegion(fake.client(), 'bucket');
  const elsewhere = isStoreError('refused', 'bucket bucket is in eu-west-1', 'us-east-1', 'Deploy', 'replicate');
  await assert.rejects(
    checkBucketRegion(fake.client({ region: 'eu-west-1' }), 'bucket'),
    isStoreError('refused', 'in us-east-1'),
  );
  await assert.rejects(check(301, 'eu-west-1'), elsewhere);
  await assert.rejects(check(403, 'eu-west-1'), elsewhere);
  await assert.rejects(check(403, 'us-east-1'), isStoreError('refused', 'access denied', 's3:ListBucket'));
  await assert.rejects(check(404), isStoreError('refused', 'there is no bucket bucket'));
});

test('URLs are taken literally, and invalid ones are refused', () => {
  assert.deepEqual(parseS3Url('s3://my-bucket'), { bucket: 'my-bucket', prefix: '' });
  assert.deepEqual(parseS3Url('s3://my-bucket/'), { bucket: 'my-bucket', prefix: '' });
  assert.deepEqual(parseS3Url('s3://my.bucket/a/b c%20+/'), { bucket: 'my.bucket', prefix: 'a/b c%20+/' });
  assert.deepEqual(parseS3Url('s3://bucket//a?b#c'), { bucket: 'bucket', prefix: '/a?b#c' });
  const wrong: [string, string][] = [
    ['captures/', 'does not begin with s3://'],
    ['s3:/bucket/x', 'does not begin with s3://'],
    ['https://bucket.s3.amazonaws.com/x', 'web address'],
    ['s3://', 'has no bucket name'],
    ['s3:///x', 'has no bucket name'],
    ['s3://a/x', "'a', which is not a valid bucket name"],
    ['s3://my bucket/x', "'my bucket', which"],
    ['s3://arn:aws:s3:eu-west-1:1:accesspoint/x', 'alias'],
    [`s3://bucket/${'é'.repeat(513)}`, 'more than 1024 bytes'],
  ];
  for (const [url, words] of wrong)
    assert.throws(() => parseS3Url(url), isStoreError('refused', url, words, 's3://BUCKET/PREFIX/'), url);
});

test('a listing that says more follows and ends there is an error that names the bucket, not an end', async (t) => {
  const fake = await FakeS3.start(t);
  for (let i = 0; i < 1500; i++) fake.put(`s/${i} é`, ONE);
  const isList = ({ key, method }: Seen): boolean => key === '' && method === 'GET';
  const isSecond = (seen: Seen): boolean => isList(seen) && seen.query.has('continuation-token');
  const entry = `<Contents><Key>s/0+%C3%A9</Key><Size>1</Size><ETag>x</ETag><LastModified>2026-11-30T00:00:00.000Z</LastModified></Contents>`;
  const page = (more: boolean, content: string): string =>
    `<ListBucketResult><IsTruncated>${more}</IsTruncated>${content}</ListBucketResult>`;
  const token = '<NextContinuationToken>t</NextContinuationToken>';
  const fails = async (...words: string[]): Promise<void> => {
    await assert.rejects(listCaptures(fake.client(), 'bucket', 's/'), isStoreError('io', ...words));
  };
  // Empty after a truncated one.
  fake.fail(isSecond, { xml: page(false, '') });
  await fails('cannot list s3://bucket/s/: after s3://bucket/s/', ' é the store of bucket bucket says that more');
  // Truncated without a token.
  fake.fail(isList, { xml: page(true, entry) });
  await fails(': after s3://bucket/s/0 é the store');
  fake.fail(isList, { xml: page(true, '') });
  await fails(': at its beginning the store');
  // The same token again.
  fake.fail(isList, { xml: page(true, entry + token) }, { xml: page(true, entry + token) });
  await fails('says that more objects follow');
  // A page may be empty where the next one is not, and a prefix have no objects.
  fake.fail(isSecond, { xml: page(true, '<NextContinuationToken>s/0</NextContinuationToken>') });
  const { captures } = await listCaptures(fake.client(), 'bucket', 's/');
  assert.ok(captures.length > 1000);
  assert.deepEqual((await listCaptures(fake.client(), 'bucket', 'none/')).captures, []);
});
