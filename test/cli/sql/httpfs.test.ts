/**
 * flowstitch sql over results in S3 that DuckDB reads by itself: the same answers, from ranges of the files that are
 * needed, and nothing else within reach. For this the environment names DuckDB's own extension, for the version of
 * @duckdb/node-api: FLOWSTITCH_HTTPFS=.../httpfs.duckdb_extension. The package duckdb-extension-httpfs on PyPI carries
 * the file too; DuckDB loads it only with its makers' signature.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { RefusedSql } from '../../../shared/query/permittedsql.ts';
import { SAVED_QUERIES, VIEWS } from '../../../shared/views/index.ts';
import { Bucket, DAYS, expected } from './bucket.ts';

const extension = process.env.FLOWSTITCH_HTTPFS;
const skip = extension ? false : "FLOWSTITCH_HTTPFS does not name DuckDB's extension httpfs";
/** What the extension would take from the environment by itself. */
const SECRETS = {
  AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT',
  AWS_SECRET_ACCESS_KEY: 'environment-secret',
  AWS_SESSION_TOKEN: 'environment-token',
};

describe('DuckDB reads results in S3', { skip }, () => {
  async function start(t: TestContext): Promise<Bucket> {
    const before = { ...process.env };
    Object.assign(process.env, SECRETS);
    t.after(() => {
      for (const name of Object.keys(SECRETS)) delete process.env[name];
      Object.assign(process.env, before);
    });
    const bucket = await Bucket.start(t);
    bucket.fake.put(
      'outside.parquet',
      [...bucket.fake.objects.values()].find(({ bytes }) => bytes.toString('latin1', 0, 4) === 'PAR1')!.bytes,
    );
    return bucket;
  }

  test('every view and every saved query answers as over a folder, and nothing is kept', async (t) => {
    const bucket = await start(t);
    for (const sql of [...VIEWS.map(({ name }) => `from ${name}`), ...SAVED_QUERIES.map((query) => query.sql)])
      assert.deepEqual(await bucket.query(sql), await expected(sql), sql);
    assert.deepEqual(readdirSync(bucket.cache), []);
  });

  test('of days that a query does not need nothing is read', async (t) => {
    const bucket = await start(t);
    const sql = `select orig_h from sessions where dt = '${DAYS[2]}'`;
    assert.deepEqual((await bucket.query(sql)).rows, [['10.0.0.3']]);
    assert.deepEqual(bucket.read(), [`sessions ${DAYS[2]}`]);
    await bucket.query('select 1');
    assert.deepEqual(bucket.read(), []);
  });

  test('nothing but the files of the job is asked for', async (t) => {
    const bucket = await start(t);
    const { host } = new URL(bucket.fake.endpoint);
    const key = [...bucket.fake.objects.keys()].find((name) => name.startsWith('a/sessions'))!;
    for (const sql of [
      "from read_parquet('s3://results/outside.parquet')",
      `from read_parquet('s3://results/${key}.other')`,
      `from read_parquet('s3://results/${key.replace('/sessions/', '/sessions/../sessions/')}')`,
      `from read_parquet('s3://results/${key}?s3_endpoint=localhost:9')`,
      `from read_parquet('s3a://results/${key}')`,
      `from read_parquet('http://${host}/results/outside.parquet')`,
      "from read_parquet('s3://results/a/**')",
      "from glob('s3://results/**')",
      "from read_text('/etc/hostname')",
      `copy (select 1) to 's3://results/${key}'`,
      `attach 's3://results/${key}'`,
      `create secret t (type s3, endpoint 'localhost:9', scope 's3://results/${key}')`,
      `create /* */ or replace temp secret results (type s3, endpoint '${host}')`,
      'drop secret results',
      "set s3_endpoint = 'localhost:9'",
      'load httpfs',
    ]) {
      bucket.fake.requests.length = 0;
      await assert.rejects(bucket.query(sql), sql);
      const asked = bucket.fake.requests.map((request) => request.key);
      assert.deepEqual(
        asked.filter((name) => name.includes('outside') || name.includes('other')),
        [],
        sql,
      );
      assert.deepEqual(
        bucket.fake.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD'),
        [],
        sql,
      );
    }
  });

  test('with whose credentials it reads no query can see', async (t) => {
    const bucket = await start(t);
    for (const sql of ['from duckdb_secrets()', "from which_secret('s3://results/a/x', 's3')"])
      await assert.rejects(bucket.query(sql), RefusedSql);
    const hidden = await bucket.query("from query('from duckdb_' || 'settings()')");
    const shown = JSON.stringify(hidden, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    assert.match(shown, /s3_secret_access_key/);
    for (const secret of Object.values(SECRETS)) assert.doesNotMatch(shown, new RegExp(secret));
    for (const setting of ['s3_access_key_id', 's3_secret_access_key', 's3_session_token']) {
      const { rows } = await bucket
        .query(`select coalesce(current_setting('${setting}'), '')`)
        .catch(() => ({ rows: [['']] }));
      assert.deepEqual(rows, [['']], setting);
    }
  });

  test('a file that is gone is named; an extension that is none is an error', async (t) => {
    const bucket = await start(t);
    const key = [...bucket.fake.objects.keys()].find((name) => name.startsWith('a/captures/'))!;
    bucket.fake.objects.delete(key);
    await assert.rejects(bucket.query('from captures'), (error: Error) => error.message.includes(key.slice(2)));
    t.after(() => Object.assign(process.env, { FLOWSTITCH_HTTPFS: extension }));
    process.env.FLOWSTITCH_HTTPFS = import.meta.filename;
    await assert.rejects(bucket.query('from sessions'), /extension/i);
    process.env.FLOWSTITCH_HTTPFS = '/no/where';
    await assert.rejects(bucket.query('from sessions'), /there is no file \/no\/where, which FLOWSTITCH_HTTPFS names/);
  });
});
