/** flowstitch sql over results in S3: the same answers as over a folder, from no more files than are needed. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { SAVED_QUERIES, VIEWS } from '../../../shared/views/index.ts';
import { startFlowstitch } from '../harness.ts';
import { Bucket, DAYS, expected } from './bucket.ts';

// Files are fetched and kept here, whatever the tests' own environment says.
delete process.env.FLOWSTITCH_HTTPFS;

test('only tables that a query names are fetched, once; the answers are those over a folder', async (t) => {
  const bucket = await Bucket.start(t);
  const counting = 'select count(*) as n, sum(orig_pkts) as p from sessions';
  assert.deepEqual(await bucket.query(counting), await expected(counting));
  assert.deepEqual(
    bucket.read(),
    DAYS.map((day) => `sessions ${day}`),
  );
  await bucket.query(counting);
  assert.deepEqual(bucket.read(), [], 'they are kept');
  const joined = 'select capture, count(*) from packets join captures using (capture) group by all order by all';
  assert.deepEqual(await bucket.query(joined), await expected(joined));
  assert.deepEqual(bucket.read(), ['captures', ...DAYS.map((day) => `packets ${day}`)]);
  await bucket.query('select 1');
  assert.deepEqual(bucket.read(), []);
});

test('of the sessions only the days that a query can need are fetched, and the answer is the same', async (t) => {
  const bucket = await Bucket.start(t);
  const sql = "select orig_h from sessions where ts >= '2023-11-15' and ts < '2023-11-17' order by ts_ns";
  assert.deepEqual((await bucket.query(sql)).rows, [['10.0.0.2'], ['10.0.0.3']]);
  assert.deepEqual(bucket.read(), ['sessions 2023-11-15', 'sessions 2023-11-16']);
  const byDay = "select count(*) from zeek_conn where dt = '2023-11-17'";
  assert.deepEqual((await bucket.query(byDay)).rows, [[1n]]);
  assert.deepEqual(bucket.read(), ['sessions 2023-11-17']);
  const none = "select count(*) from sessions where ts < '2000-01-01'";
  assert.deepEqual(await bucket.query(none), await expected(none));
  assert.deepEqual(bucket.read(), []);
});

test('a table that a query names in hiding is fetched all the same', async (t) => {
  const bucket = await Bucket.start(t);
  const hidden = "select count(*) as n from query_table('pack' || 'ets')";
  assert.deepEqual((await bucket.query(hidden)).rows, [[40n]]);
  const filtered = "select count(*) as n from query('from sessi' || 'ons') where orig_p = 1";
  assert.deepEqual((await bucket.query(filtered)).rows, [[0n]]);
});

test('every view and every saved query answers as over a folder', async (t) => {
  const bucket = await Bucket.start(t);
  for (const sql of [...VIEWS.map(({ name }) => `from ${name}`), ...SAVED_QUERIES.map((query) => query.sql)])
    assert.deepEqual(await bucket.query(sql), await expected(sql), sql);
});

test('columns are described without a file', async (t) => {
  const bucket = await Bucket.start(t);
  const hidden = "select column_name from (describe from query_table('pack' || 'ets')) limit 1";
  assert.deepEqual((await bucket.query(hidden)).rows, [['ts']]);
  assert.deepEqual(bucket.read(), []);
});

test('a file that is gone, or that was overwritten in between, is named', async (t) => {
  const bucket = await Bucket.start(t);
  const key = [...bucket.fake.objects.keys()].find(
    (name) => name.includes('/captures/') || name.startsWith('a/captures'),
  )!;
  const { bytes } = bucket.fake.objects.get(key)!;
  bucket.fake.fail(({ method, key: asked }) => method === 'GET' && asked === key, {
    before: () => bucket.fake.put(key, new Uint8Array(bytes.length)),
  });
  await assert.rejects(bucket.query('from captures'), new RegExp(`s3://results/${key} was overwritten`));
  bucket.fake.objects.delete(key);
  await assert.rejects(
    bucket.query('from captures'),
    /-0\.parquet is gone: the results of job \w+ are no longer complete/,
  );
});

/** The command itself, on the fake S3. */
function sql(bucket: Bucket, args: string[]) {
  return startFlowstitch(['sql', ...args], undefined, {
    AWS_ENDPOINT_URL: bucket.fake.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    XDG_CACHE_HOME: bucket.cache,
  });
}

test('flowstitch sql --data s3://..., data sets chosen by name', async (t) => {
  const bucket = await Bucket.start(t);
  const query = 'select count(*) as n from sessions';
  const { code, stdout, stderr } = await sql(bucket, [query, '--data', 's3://results/a', '--csv']);
  assert.deepEqual([code, stdout, stderr], [0, 'n\n4\n', '']);
  assert.equal(readdirSync(join(bucket.cache, 'flowstitch/files')).length, 4);
  assert.deepEqual(readdirSync(join(bucket.cache, 'flowstitch/in-use')), []);
  bucket.fake.put('a/datasets/other/current.json', bucket.fake.objects.get('a/datasets/default/current.json')!.bytes);
  const several = await sql(bucket, [query, '--data', 's3://results/a/']);
  assert.match(
    several.stderr,
    /^flowstitch: s3:\/\/results\/a\/ has the data sets default, other: choose with --dataset\n$/,
  );
  const nothing = await sql(bucket, [query, '--data', 's3://results/b/']);
  assert.deepEqual([nothing.code, nothing.stdout], [1, '']);
  assert.match(
    nothing.stderr,
    /s3:\/\/results\/b\/ has no finished results yet: flowstitch submit s3:\/\/CAPTURES\/PREFIX\/ makes them/,
  );
  const wrong = await sql(bucket, [
    'select nothing from sessions',
    '--data',
    's3://results/a/',
    '--dataset',
    'default',
  ]);
  assert.match(wrong.stderr, /^flowstitch: Binder Error: .*nothing.* not found/);
});
