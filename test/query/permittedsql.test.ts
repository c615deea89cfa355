/** SQL that would write, reach out or end the process, each in all spellings: refused, and nothing of it happened. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openResults } from '../../shared/query/results.ts';
import { ANOMALIES } from '../../shared/table/anomalies.ts';
import { writeRows } from '../../shared/table/parquet/tablefile.ts';
import { command } from '../cli/harness.ts';
import { HEAVY } from '../heavy.ts';

const dir = mkdtempSync(join(tmpdir(), 'flowstitch-permitted-'));
const place = join(dir, 'place');
const file = join(place, 'anomalies.parquet');
const kept = join(dir, 'kept.parquet');
after(() => rmSync(dir, { recursive: true }));
before(async () => {
  mkdirSync(place);
  const row = { capture: 0, name: 'x', us: 1, ns: 1, offset: 1, detail: '', count: 1, captureName: 'a' };
  await writeRows(kept, ANOMALIES, [row]);
  copyFileSync(kept, file);
});

const copy = `COPY (SELECT 1 AS a, 2 AS b) TO '${file}'`;
const log = `enable_logging(storage='file', storage_path='${place}/log')`;
const REFUSED = [
  // Writes.
  copy,
  `${copy} (FORMAT parquet, USE_TMP_FILE false)`,
  `${copy} (FORMAT parquet, PARTITION_BY (a), OVERWRITE)`,
  `${copy} (FORMAT csv, USE_TMP_FILE false)`,
  `CREATE TABLE t AS SELECT 1 AS a; COPY t TO '${file}' (FORMAT csv, USE_TMP_FILE false)`,
  `COPY (SELECT 1) TO '${place}/x.csv'`,
  "COPY (SELECT 1) TO '/dev/stdout' (USE_TMP_FILE false)",
  `EXPLAIN ANALYZE ${copy} (USE_TMP_FILE false)`,
  `/* x */ explain -- y\n analyze /* z */ ${copy} (USE_TMP_FILE false)`,
  `EXPLAIN (ANALYZE, FORMAT json) ${copy} (USE_TMP_FILE false)`,
  // Comments nest, and those of a line end at CR too.
  `EXPLAIN ANALYZE /* /* */ SELECT */ ${copy} (USE_TMP_FILE false)`,
  `EXPLAIN ANALYZE --\r${copy} (USE_TMP_FILE false)\n SELECT 1`,
  `EXPLAIN ANALYZE SELECT 1; EXPLAIN ANALYZE ${copy} (USE_TMP_FILE false)`,
  `PREPARE p AS ${copy} (USE_TMP_FILE false); EXECUTE p`,
  `EXPORT DATABASE '${place}/e'`,
  `IMPORT DATABASE '${place}/e'`,
  'COPY FROM DATABASE memory TO temp',
  `ATTACH '${place}/x.db'`,
  `ATTACH '${file}'`,
  "ATTACH ':memory:' AS other",
  'CHECKPOINT',
  'FORCE CHECKPOINT',
  'VACUUM',
  "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
  "CREATE /* /* */ */ SECRET s (TYPE http, BEARER_TOKEN 'x')",
  "CREATE --x\r SECRET s (TYPE http, BEARER_TOKEN 'x')",
  "CREATE OR /* /**/ x */ REPLACE SECRET s (TYPE http, BEARER_TOKEN 'x')",
  'DROP /* /**/ x */ SECRET IF EXISTS s',
  // Logs and profiles, in files and on standard output.
  `CALL ${log}`,
  `SELECT * FROM ${log}; SELECT 1`,
  `SELECT * FROM "enable_logging"(storage='file', storage_path='${place}/log')`,
  `SELECT * FROM system.main.${log}`,
  `SELECT * FROM query('SELECT * FROM enable_' || 'logging(storage=''stdout'')')`,
  `SELECT * FROM query('SELECT * FROM system.main.enable_' || 'logging(storage=''stdout'')')`,
  `SELECT * FROM "query" /* x */ -- y\n ('SELECT * FROM system.main.ENABLE_' || 'LOGGING(storage=''stdout'')')`,
  `SELECT * FROM (SELECT * FROM query('SELECT * FROM system.enable_' || 'logging(storage=''stdout'')'))`,
  ...['/* /**/ */', '--\r', '\u200b', '\u2060\u3000'].map(
    (blank) => `SELECT * FROM query${blank}('SELECT * FROM system.main.enable_' || 'logging(storage=''stdout'')')`,
  ),
  `SELECT 1; SELECT * FROM query('SELECT 1')`,
  "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM enable_' || 'logging(storage=''stdout'')'))",
  `SELECT * FROM enable_profiling(format='json', save_location='${place}/profile.json'); SELECT 1`,
  'PRAGMA enable_profiling',
  `PRAGMA profiling_output='${place}/profile'`,
  `SET profiling_output='${place}/profile'`,
  `SET profile_output='${place}/profile'`,
  `SET log_query_path='${place}/log'`,
  `SET http_logging_output='${place}/log'`,
  `SET logging_storage='file'`,
  // The network, and code from elsewhere.
  'INSTALL httpfs',
  'FORCE INSTALL spatial',
  'INSTALL x FROM community',
  'LOAD httpfs',
  `LOAD '${place}/x.duckdb_extension'`,
  'UPDATE EXTENSIONS',
  "ATTACH 'https://example.invalid/x.db'",
  "ATTACH 'md:x'",
  "SELECT * FROM 'https://example.invalid/x.csv'",
  "SELECT * FROM 's3://example/x.parquet'",
  // Other files.
  "SELECT * FROM read_text('/etc/hostname')",
  "SELECT * FROM read_blob('/etc/hostname')",
  "SELECT * FROM read_csv('/dev/stdin')",
  "SELECT * FROM sniff_csv('/etc/hostname')",
  "SELECT * FROM glob('/*')",
  `SELECT * FROM parquet_kv_metadata('${kept}')`,
  `SELECT * FROM parquet_metadata('${kept}')`,
  `SELECT * FROM read_duckdb('${place}/x.db')`,
  "CREATE TABLE t(a VARCHAR); COPY t FROM '/etc/hostname'",
  // Settings.
  'SET enable_external_access = true',
  'SET lock_configuration = false',
  'RESET lock_configuration',
  "SET temp_directory = '/'",
  "SET allowed_directories = ['/']",
  'SET autoinstall_known_extensions = true',
  "SET secret_directory = '/'",
  'SET threads = 1',
  'PRAGMA threads = 9',
  // Ends of the process.
  "SELECT * FROM sql_auto_complete(repeat('(', 100000))",
  "SELECT * FROM query('SELECT * FROM sql_auto' || '_complete(repeat(''('', 100000))')",
  "SELECT * FROM check_peg_parser(repeat('(', 100000))",
  `SELECT ${'('.repeat(100_000)}1${')'.repeat(100_000)}`,
  `SELECT 1${'::INT'.repeat(100_000)}`,
];

test('is refused, and leaves files as they are', HEAVY, async () => {
  for (const sql of REFUSED) {
    const results = await openResults({ anomalies: [file] });
    await assert.rejects(results.runQuery(sql), sql.slice(0, 200));
    assert.equal((await results.runQuery('SELECT count(*) FROM anomalies')).rows[0][0], 1n);
    results.close();
    assert.deepEqual(readdirSync(place), ['anomalies.parquet'], sql);
    assert.deepEqual(readFileSync(file), readFileSync(kept), sql);
  }
});

test('what is refused says so, and nothing is asked for over the network', async () => {
  const results = await openResults({ anomalies: [file] });
  const says = (sql: string, message: RegExp): Promise<void> => assert.rejects(results.runQuery(sql), message);
  await says('INSTALL httpfs', /^RefusedSql: INSTALL or LOAD is not allowed: SQL may only read the results/);
  await says('CHECKPOINT', /^RefusedSql: CALL or CHECKPOINT is not allowed/);
  await says(`${'/* */ '.repeat(10_000)} INSTALL httpfs`, /^RefusedSql: INSTALL or LOAD/);
  for (const nothing of ['', ' ;; ', '-- a word', '/* two */ ; -- three\n'])
    await says(nothing, /^RefusedSql: there is no statement/);
  await says(`SELECT json_structure('[')`, /^RefusedSql: the function json_structure is not allowed/);
  await says('CREATE MACRO q(x) AS TABLE FROM query(x)', /^RefusedSql: the function query is allowed only in a query/);
  await says(`${copy} (USE_TMP_FILE false)`, /^RefusedSql: COPY is not allowed/);
  await says(`CALL ${log}`, /^RefusedSql: the function enable_logging is not allowed/);
  results.close();
});

test('tables, views and macros of the query itself are made and changed in memory', async () => {
  const results = await openResults({ anomalies: [file] });
  for (const [sql, value] of [
    [
      'CREATE TEMP TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (2); UPDATE t SET a = a + 1; DELETE FROM t WHERE a = 2; SELECT a FROM t',
      3,
    ],
    ['CREATE VIEW v AS SELECT name FROM anomalies; SELECT * FROM v', 'x'],
    ['CREATE MACRO f(x) AS x + 1; SELECT f(1)', 2],
    ['SET VARIABLE x = 1; SELECT getvariable($$x$$)', 1],
    ["SELECT * FROM query('SELECT name FROM ' || 'anomalies')", 'x'],
    ['SELECT name AS "query" FROM query_table(\'anomalies\')', 'x'],
    ['WITH query AS (SELECT 7 AS a) SELECT a FROM query', 7],
    ['EXPLAIN SELECT * FROM anomalies', 'physical_plan'],
    ['explain (analyze) -- how long\n WITH x AS (SELECT 1) FROM x', 'analyzed_plan'],
    ['DESCRIBE anomalies', 'ts'],
    ['SHOW TABLES', 'anomalies'],
    ['PRAGMA show_tables', 'anomalies'],
  ] as const)
    assert.equal((await results.runQuery(sql)).rows[0][0], value, sql);
  results.close();
});

test('flowstitch sql survives what made it abort', () => {
  const program = `import(${JSON.stringify(new URL('../../shared/query/results.ts', import.meta.url).href)}).then(async ({ openResults }) => {
    const results = await openResults({});
    await results.runQuery(${JSON.stringify(`SELECT * FROM ${log}; SELECT 1`)}).catch((error) => console.log(error.name));
    results.close();
  })`;
  const { code, stdout, stderr } = command(process.execPath, ['-e', program]);
  assert.deepEqual([code, stdout, stderr], [0, 'RefusedSql\n', '']);
});
