import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { AnomalyRow } from '../../shared/capture/anomaly.ts';
import { openResults } from '../../shared/query/results.ts';
import { formatCsv, formatJson, formatTable } from '../../shared/query/resulttext.ts';
import { ANOMALIES } from '../../shared/table/anomalies.ts';
import { exactPattern, sqlLiteral, sqlName } from '../../shared/table/parquet/sqltext.ts';
import { writeRows } from '../../shared/table/parquet/tablefile.ts';
import { writeSessions } from '../../shared/table/sessionsfile.ts';
import { TABLES } from '../../shared/table/tables.ts';
import { CONTEXT, randomSessions } from '../table/rows.ts';

const dir = mkdtempSync(join(tmpdir(), 'flowstitch-query-'));
after(() => rmSync(dir, { recursive: true }));

const NASTY = [
  "quo'te",
  'new\nline',
  'emoji😀',
  'per%cent',
  'st*r',
  '**',
  'q?m',
  'br[a]c',
  'cl]ose',
  'back\\slash',
  '{a,b}',
  ' space ',
  "';drop--",
  '"dq"',
  '$1',
  '~',
  'dt=2024-01-01/part-0',
  'uid=7/ts_ns=1',
];

const anomaly = (name: string): AnomalyRow => ({
  capture: 0,
  name: 'truncated_tail',
  us: 1_700_000_000_123_456,
  ns: 789,
  offset: 2 ** 53 - 1,
  detail: `'); DROP VIEW sessions; -- ${name}`,
  count: 1,
});

describe('SQL text', () => {
  test('a quote is doubled and nothing else changes', () => {
    assert.equal(sqlLiteral("a'b\\n\n😀%*[x]?"), "'a''b\\n\n😀%*[x]?'");
    assert.equal(sqlName('a"b'), '"a""b"');
  });
  test('U+0000 is refused', () => {
    assert.throws(() => sqlLiteral('a\0b'), RangeError);
    assert.throws(() => sqlName('a\0b'), RangeError);
  });
  test('wildcards are bracketed, a backslash beside them is refused', () => {
    assert.equal(exactPattern('/a*b?c[d]e'), '/a[*]b[?]c[[]d]e');
    assert.equal(exactPattern('/a\\b'), '/a\\b');
    assert.throws(() => exactPattern('/a\\b*'), RangeError);
  });
});

describe('files with awkward names', () => {
  const paths = NASTY.map((name) => join(dir, `${name}.parquet`));
  before(async () => {
    for (const [i, path] of paths.entries()) {
      mkdirSync(dirname(path), { recursive: true });
      await writeRows(path, ANOMALIES, [{ ...anomaly(NASTY[i]), captureName: NASTY[i] }]);
      // Written twice: a file that is there already takes another way in DuckDB.
      await writeRows(path, ANOMALIES, [{ ...anomaly(NASTY[i]), captureName: NASTY[i] }]);
    }
  });
  for (const [i, name] of NASTY.entries()) {
    test(`${JSON.stringify(name)} is written, and read alone`, async () => {
      const results = await openResults({ anomalies: [paths[i]] });
      const { rows } = await results.runQuery('SELECT capture, detail, "offset", ts_ns, ts FROM anomalies');
      results.close();
      const { detail } = anomaly(name);
      assert.deepEqual(rows, [[name, detail, 2n ** 53n - 1n, 1_700_000_000_123_456_789n, '2023-11-14 22:13:20.123']]);
    });
  }
  test('all at once are read in the order given', async () => {
    const results = await openResults({ anomalies: paths });
    const { rows } = await results.runQuery('SELECT capture FROM anomalies');
    results.close();
    assert.deepEqual(rows.flat(), NASTY);
  });
});

describe('open results', () => {
  test('tables without files are empty and have their columns', async () => {
    const results = await openResults({ sessions: [] });
    for (const [name, table] of Object.entries(TABLES)) {
      const { columns, rows } = await results.runQuery(`SELECT * FROM ${name}`);
      const ofFiles = table.columns.map((c) => ({ name: c.name, type: c.type }));
      const day = name === 'sessions' || name === 'packets' ? [{ name: 'dt', type: 'VARCHAR' }] : [];
      assert.deepEqual(columns, [...ofFiles, ...day]);
      assert.equal(rows.length, 0);
    }
    results.close();
  });

  test('queries reach the listed files and nothing else', async () => {
    const path = join(dir, 'sessions.parquet');
    const other = join(dir, 'other.parquet');
    await writeSessions(path, randomSessions(100, 5), CONTEXT);
    await writeSessions(other, randomSessions(100, 6), CONTEXT);
    const results = await openResults({ sessions: [path] });
    assert.deepEqual((await results.runQuery('SELECT count(*) FROM sessions')).rows, [[100n]]);
    const before = readFileSync(path);
    for (const sql of [
      `SELECT * FROM read_parquet(${sqlLiteral(other)})`,
      "SELECT * FROM read_text('/etc/hostname')",
      "SELECT * FROM glob('/etc/*')",
      `COPY (SELECT 1) TO ${sqlLiteral(join(dir, 'out.csv'))}`,
      `ATTACH ${sqlLiteral(join(dir, 'x.db'))}`,
      'SET enable_external_access = true',
      "SET temp_directory = '/'",
      'INSTALL httpfs',
      'LOAD httpfs',
      "SELECT * FROM read_csv('http://127.0.0.1:9/x')",
    ])
      await assert.rejects(results.runQuery(sql), sql);
    assert.deepEqual(readFileSync(path), before);
    results.close();
  });

  test('a query larger than memory spills to the temp directory', async () => {
    const results = await openResults({}, { memoryLimit: '40MB', threads: 1, tempDirectory: dir });
    const { rows } = await results.runQuery(
      "SELECT count(*), max(h) FROM (SELECT hash(i) AS h, i::VARCHAR || repeat('x', 40) AS t FROM range(1000000) r(i) ORDER BY h)",
    );
    results.close();
    assert.equal(rows[0][0], 1_000_000n);
  });

  test('files without a column of this version are an error that says how they are made anew', async () => {
    const path = join(dir, 'older.parquet');
    const older = { ...ANOMALIES, columns: ANOMALIES.columns.filter(({ name }) => name !== 'detail') };
    await writeRows(path, older, [{ ...anomaly('x'), captureName: 'x' }]);
    await assert.rejects(
      openResults({ anomalies: [path] }),
      /^Error: the table anomalies has no column detail: another version of Flowstitch wrote it; run the same job again/,
    );
  });

  test('a missing file is an error that names it', async () => {
    await assert.rejects(openResults({ sessions: [join(dir, 'nowhere.parquet')] }), /nowhere\.parquet/);
  });

  test('of several statements all queries answer, and the last statement where there is no query', async () => {
    const results = await openResults({});
    const answers = async (sql: string): Promise<unknown> => (await results.runQueries(sql)).map(({ rows }) => rows);
    assert.deepEqual(await answers("SELECT 1; CREATE TEMP TABLE t AS SELECT 2 AS a; SELECT 'x', a FROM t"), [
      [[1]],
      [['x', 2]],
    ]);
    assert.deepEqual(await answers('CREATE TEMP TABLE u AS SELECT 2 AS a; INSERT INTO u VALUES (3), (4)'), [[[2n]]]);
    await assert.rejects(results.runQueries('SELECT 1; SELECT nothing'), /nothing/);
    results.close();
  });

  test('a query reads the empty tables that it names itself or by way of a view, not columns and others of that name', async () => {
    const results = await openResults({});
    for (const [sql, reads] of [
      ['SELECT * FROM packets', true],
      ['SELECT 1 WHERE EXISTS (FROM captures JOIN main.packets p ON TRUE)', true],
      ['SELECT capture, packets FROM captures', false],
      ["SELECT 'from packets' FROM captures", false],
      ['WITH packets AS (SELECT 1) SELECT * FROM packets', false],
      ['SELECT * FROM (VALUES (1)) packets', false],
      ['SELECT nothing FROM', false],
    ] as const)
      assert.equal(results.readsEmpty(sql, 'packets'), reads, sql);
    assert.equal(results.readsEmpty('SELECT * FROM zeek_conn', 'sessions'), true);
    results.close();
  });

  test('of several statements the last one answers, and maxRows cuts', async () => {
    const results = await openResults({});
    const { rows, truncated } = await results.runQuery('SELECT 1; SELECT i FROM range(10000) r(i)', 5000);
    assert.equal(rows.length, 5000);
    assert.equal(truncated, true);
    assert.deepEqual((await results.runQuery('SELECT 1 AS x WHERE false')).columns, [{ name: 'x', type: 'INTEGER' }]);
    assert.equal((await results.runQuery('SELECT 1', 1)).truncated, false);
    await assert.rejects(results.runQuery('SELEC 1'), /SELEC/);
    results.close();
  });
});

describe('text of a result', () => {
  const result = {
    columns: [
      { name: 'n', type: 'BIGINT' },
      { name: 't', type: 'VARCHAR' },
      { name: 't', type: 'VARCHAR' },
    ],
    rows: [
      [1n, 'a"b,c', null],
      [2n ** 63n - 1n, '', 'x\r\ny\x1b[31m'],
      [null, 'é😀', 'z'.repeat(100)],
    ],
    truncated: false,
  };

  test('CSV quotes what needs it and keeps NULL and the empty text apart', () => {
    assert.equal(
      formatCsv(result),
      `n,t,t\n1,"a""b,c",\n9223372036854775807,"","x\r\ny\x1b[31m"\n,é😀,${'z'.repeat(100)}\n`,
    );
  });

  test('JSON has numbers while they are exact and strings beyond', () => {
    const rows = JSON.parse(formatJson(result));
    assert.deepEqual(rows[0], { n: 1, t: 'a"b,c', t_2: null });
    assert.deepEqual(rows[1], { n: '9223372036854775807', t: '', t_2: 'x\r\ny\x1b[31m' });
    const edge = (n: bigint | number): unknown =>
      JSON.parse(formatJson({ columns: [{ name: 'x', type: '' }], rows: [[n]], truncated: false }))[0].x;
    assert.equal(edge(2n ** 53n - 1n), 2 ** 53 - 1);
    assert.equal(edge(2n ** 53n), '9007199254740992');
    assert.equal(edge(-(2n ** 53n)), '-9007199254740992');
    assert.equal(edge(Number.POSITIVE_INFINITY), 'Infinity');
    assert.equal(formatJson({ ...result, rows: [] }), '[]\n');
  });

  test('a DECIMAL is a JSON number up to 15 digits, without places up to 2^53 - 1, and text beyond', async () => {
    const results = await openResults({});
    const sql = `SELECT 12.50::DECIMAL(4, 2) AS a, -0.001::DECIMAL(9, 3) AS b, 0.1::DECIMAL(38, 30) AS c,
      1234567890.12345::DECIMAL(15, 5) AS d, 12345678901.12345::DECIMAL(16, 5) AS e, sum(7::DECIMAL(38, 0)) AS f,
      9007199254740991::DECIMAL(38, 0) AS g, 9007199254740992::DECIMAL(38, 0) AS h, [1.5, 2.5]::DECIMAL(9, 1)[] AS i,
      0.00::DECIMAL(4, 2) AS j, 123456789012340.0::DECIMAL(16, 1) AS k`;
    const result = await results.runQuery(sql);
    results.close();
    assert.equal(
      formatJson(result),
      '[\n{"a":12.50,"b":-0.001,"c":0.100000000000000000000000000000,"d":1234567890.12345,"e":"12345678901.12345","f":7,' +
        '"g":9007199254740991,"h":"9007199254740992","i":[1.5,2.5],"j":0.00,"k":123456789012340.0}\n]\n',
    );
    assert.match(formatCsv(result), /\n12\.50,-0\.001,/);
    assert.match(formatTable(result), /^12\.50 {2}-0\.001 /m);
  });

  test('nested values are objects and arrays in JSON, at every depth, and text in CSV', async () => {
    const results = await openResults({});
    const nested = await results.runQuery(
      `SELECT {'a b': 1, 'list': [{'n': 9007199254740992::BIGINT, 'at': TIMESTAMP '2023-11-14 22:13:20'}, NULL]} AS row,
         MAP {'__proto__': 'x"y', 'k': NULL} AS map, [[1.5, 'inf'::DOUBLE], []] AS lists, array_value(1, 2) AS two,
         NULL::STRUCT(n INTEGER) AS nothing`,
    );
    results.close();
    assert.equal(
      formatJson(nested),
      `[\n{"row":{"a b":1,"list":[{"n":"9007199254740992","at":"2023-11-14 22:13:20"},null]},` +
        `"map":{"__proto__":"x\\"y","k":null},"lists":[[1.5,"Infinity"],[]],"two":[1,2],"nothing":null}\n]\n`,
    );
    const csv = formatCsv(nested).split('\n');
    assert.equal(csv.length, 3);
    assert.match(csv[1], /^"\{'a b': 1, 'list': \[\{'n': 9007199254740992, .*,"\[1, 2\]",$/);
    assert.match(formatTable(nested).split('\n')[2], /^\{'a b': 1, /);
  });

  test('the table is aligned, one line a row, and cannot steer the terminal', () => {
    const lines = formatTable(result).trimEnd().split('\n');
    assert.equal(lines.length, 5);
    assert.equal(lines[2], '                  1  a"b,c  -');
    assert.equal(lines[3], '9223372036854775807         x\\x0d\\x0ay\\x1b[31m');
    assert.equal(lines[4], `                  -  é😀     ${'z'.repeat(26)}…${'z'.repeat(53)}`);
  });

  test('long names that differ at their ends stay apart, and so do those that differ where they would be cut', () => {
    const named = (...texts: string[]) =>
      formatTable({
        columns: [{ name: 'capture', type: 'VARCHAR' }],
        rows: texts.map((text) => [text]),
        truncated: false,
      })
        .trimEnd()
        .split('\n')
        .slice(2);
    const folder = `sensors/${'deep/'.repeat(20)}`;
    const [first, second] = named(`${folder}mon.pcap`, `${folder}tue.pcap`);
    assert.deepEqual([first.length, second.length], [80, 80]);
    assert.match(first, /^sensors\/deep\/.*….*deep\/mon\.pcap$/);
    assert.match(second, /^sensors\/deep\/.*….*deep\/tue\.pcap$/);
    const middles = ['x', 'y'].map((middle) => `${'a'.repeat(40)}${middle}${'b'.repeat(60)}`);
    assert.deepEqual(named(...middles), middles);
  });
});
