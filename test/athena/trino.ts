/**
 * npm run test:athena: the result files, views and saved queries in Trino, the engine
 * that Athena is made of, each answer equal to DuckDB's. Over a folder; and over S3 when
 * FLOWSTITCH_LOCALSTACK names the endpoint of a LocalStack. Not part of npm test: it
 * needs a JDK, Maven and, the first time, the network.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { LOG_FOLDER } from '../../shared/catalog/log.ts';
import { showCurrent } from '../../shared/catalog/showcurrent.ts';
import { type OpenResults, openResults, type ResultFiles } from '../../shared/query/results.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { sqlName } from '../../shared/table/parquet/sqltext.ts';
import type { Table } from '../../shared/table/tablecolumn.ts';
import { TABLES, type TableName } from '../../shared/table/tables.ts';
import { catalogView, prestoView, tableView, trinoType } from '../../shared/views/athena.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { localStackEndpoint, SKIPPED } from '../localstack/running.ts';
import { buildTrinoProcess } from './build.ts';
import { commitUntil, rowsAfter } from './commits.ts';
import { leaves, plainRows, sorted } from './compare.ts';
import { createTables, createView, decodeView } from './metastore.ts';
import { type ResultKeys, runDemo, writeMadeResults } from './results.ts';
import { emptyBucket, fillBucket, s3Properties } from './s3.ts';
import { TrinoProcess } from './trinoprocess.ts';

const endpoint = await localStackEndpoint();
const DATASETS = ['demo', 'made'] as const;
type Dataset = (typeof DATASETS)[number];
type Database = Dataset | 'both';
const DATABASES: readonly Database[] = [...DATASETS, 'both'];

const build = buildTrinoProcess();
const scratch = mkdtempSync(join(tmpdir(), 'flowstitch-athena-'));
/** Results of each data set alone, to compare with DuckDB, which sees one; and of both, as in Athena. */
const folderOf = (database: Database): string => join(scratch, database);
const keys: Record<Dataset, ResultKeys> = { demo: {}, made: {} };
const duckdb = {} as Record<Dataset, OpenResults>;

before(async () => {
  if ('missing' in build) return;
  keys.demo = runDemo(folderOf('demo'));
  keys.made = await writeMadeResults(folderOf('made'));
  const both = new DirectoryStore(folderOf('both'));
  for (const dataset of DATASETS) {
    const folder = folderOf(dataset);
    cpSync(folder, both.root, { recursive: true, filter: (path) => basename(path) !== LOG_FOLDER });
    await showCurrent(both, dataset);
    const files = Object.entries(keys[dataset]).map(([table, list]) => [table, list.map((key) => join(folder, key))]);
    duckdb[dataset] = await openResults(Object.fromEntries(files) as ResultFiles);
  }
});
after(() => {
  for (const open of Object.values(duckdb)) open.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** A type without the precision of its times: a view that casts to TIMESTAMP has milliseconds, and is declared with more. */
function ofMilliseconds(type: string): string {
  return type.replaceAll('timestamp(6)', 'timestamp(3)');
}

/** A type of a view's JSON as DESCRIBE shows it. */
function displayed(type: string): string {
  return type.replaceAll('"', '').replaceAll(',', ', ');
}

type Built = Exclude<typeof build, { missing: string }>;

/** The tests over results at places, URIs that end in '/'. */
function overResults(
  name: string,
  start: (build: Built, metastore: string) => Promise<[TrinoProcess, (database: Database) => string]>,
): void {
  const metastore = join(scratch, `metastore-${name}`);
  let trino: TrinoProcess;
  let locationOf: (database: Database) => string;

  before(async () => {
    if ('missing' in build) return;
    mkdirSync(metastore);
    [trino, locationOf] = await start(build, metastore);
    for (const database of DATABASES) await createTables(trino, metastore, database, locationOf(database));
  });
  after(async () => trino?.close());

  /** Asks both engines the same; the rows of each. */
  async function ask(dataset: Dataset, sql: string) {
    const expected = await duckdb[dataset].runQuery(sql);
    const answer = await trino.query(dataset, sql);
    assert.deepEqual(
      answer.columns.map((column) => column.name),
      expected.columns.map((column) => column.name),
    );
    return { expected: plainRows(answer.columns, expected.rows), actual: plainRows(answer.columns, answer.rows) };
  }

  for (const [table, { columns }] of Object.entries<Table>(TABLES))
    test(`table ${table}: the types of its view, and every row`, async () => {
      let compared = 0;
      for (const dataset of DATASETS.filter((d) => keys[d][table as TableName] !== undefined)) {
        const view = tableView(table as TableName);
        const { rows } = await trino.query(dataset, `DESCRIBE ${table}`);
        assert.deepEqual(
          rows.map(([name, type]) => [name, type]),
          view.columns.map((column) => [column.name, trinoType(column)]),
        );
        const list = columns.map((column) => sqlName(column.name)).join(', ');
        const { expected, actual } = await ask(dataset, `SELECT ${list} FROM ${table}`);
        assert.deepEqual(sorted(actual), sorted(expected));
        compared += expected.length;
      }
      assert.ok(compared > 0);
    });

  for (const view of VIEWS)
    test(`view ${view.name}: by the text in the Glue catalog, with the types declared there, and every row`, async () => {
      for (const dataset of DATASETS) {
        const own = await createView(trino, metastore, dataset, catalogView(view));
        const { columns } = decodeView(prestoView(catalogView(view), { database: dataset }).originalText);
        assert.deepEqual(
          columns.map(({ name, type }) => ({ name, type: ofMilliseconds(type) })),
          own.columns.map(({ name, type }) => ({ name, type: ofMilliseconds(type) })),
        );
        const described = await trino.query(dataset, `DESCRIBE ${view.name}`);
        assert.deepEqual(
          described.rows.map(([name, type]) => ({ name, type })),
          columns.map(({ name, type }) => ({ name, type: displayed(type) })),
        );
        const { expected, actual } = await ask(dataset, `SELECT ${leaves(view.columns).join(', ')} FROM ${view.name}`);
        assert.ok(expected.length > 0);
        assert.deepEqual(sorted(actual), sorted(expected));
        // The text without partition columns is SQL for Trino too.
        const [[count]] = (await trino.query(dataset, `SELECT count(*) FROM (${view.sql}) AS plain`)).rows;
        assert.equal(count, String(expected.length));
      }
    });

  for (const { name, sql } of SAVED_QUERIES)
    test(`saved query ${name}: every row, in its order`, async () => {
      for (const dataset of DATASETS) {
        const { expected, actual } = await ask(dataset, sql);
        assert.deepEqual(actual, expected);
      }
    });

  test('names with dots are those of fields, without quotes, wherever a query has them', async () => {
    for (const query of [
      `SELECT id.orig_h, id.resp_p, count(*) AS n FROM zeek_conn WHERE id.orig_p > 0
       GROUP BY id.orig_h, id.resp_p ORDER BY id.orig_h, id.resp_p`,
      `SELECT timestamp, event.id, event.start, event."end", ecs.version, source.ip, source.port, destination.bytes,
         network.transport, network.vlan.id AS vlan, network."inner".vlan.id AS inner_vlan, zeek.connection.state
       FROM ecs WHERE source.ip <> destination.ip ORDER BY timestamp, event.id`,
      `SELECT e.source.ip, z.id.resp_h FROM ecs AS e JOIN zeek_conn AS z ON e.event.id = z.uid ORDER BY z.uid`,
    ])
      for (const dataset of DATASETS) {
        const { expected, actual } = await ask(dataset, query);
        assert.ok(expected.length > 0);
        assert.deepEqual(actual, expected);
      }
  });

  test('data sets in one table are told apart, in views too, and days are left unread', async () => {
    const [zeek] = VIEWS;
    await createView(trino, metastore, 'both', catalogView(zeek));
    const counts = 'GROUP BY dataset ORDER BY dataset';
    const sessions = (dataset: Dataset) => duckdb[dataset].runQuery('SELECT count(*) FROM sessions');
    const expected = await Promise.all(DATASETS.map(async (d) => [d, String((await sessions(d)).rows[0][0])]));
    for (const from of ['sessions', 'zeek_conn']) {
      const { rows } = await trino.query('both', `SELECT dataset, count(*) FROM ${from} ${counts}`);
      assert.deepEqual(rows, expected, from);
    }
    const oneDay = await trino.query(
      'both',
      "SELECT count(*) FROM zeek_conn WHERE dataset = 'made' AND dt = '2100-01-01'",
    );
    assert.deepEqual(oneDay.rows, [['1']]);
    const plan = await trino.query('both', "EXPLAIN (TYPE IO) SELECT uid FROM zeek_conn WHERE dt = '2100-01-01'");
    assert.match(String(plan.rows[0][0]), /"columnName" : "dt",.*"2100-01-01"/s);
  });
}

const missing = 'missing' in build && build.missing;
describe('Trino over a folder', { skip: missing }, () => {
  overResults('folder', async (built, metastore) => [
    new TrinoProcess(built, scratch, metastore),
    (database) => `local:///${database}/`,
  ]);
});

const noS3 = endpoint === null && SKIPPED;
describe('Trino over S3', { skip: missing || noS3 }, () => {
  const buckets: string[] = [];
  overResults('s3', async (built, metastore) => {
    for (const database of DATABASES) buckets.push(await fillBucket(endpoint!, folderOf(database)));
    return [
      new TrinoProcess(built, scratch, metastore, s3Properties(endpoint!)),
      (database) => `s3://${buckets[DATABASES.indexOf(database)]}/`,
    ];
  });
  after(async () => {
    for (const bucket of buckets) await emptyBucket(endpoint!, bucket);
  });
});

test('while jobs are committed, each query sees one state in all tables, and later queries no older one', {
  skip: missing,
}, async () => {
  const metastore = join(scratch, 'metastore-growing');
  mkdirSync(metastore);
  const trino = new TrinoProcess(build as Built, scratch, metastore);
  let over = false;
  const committing = commitUntil(join(scratch, 'growing'), () => over);
  try {
    while (!existsSync(join(scratch, 'growing', LOG_FOLDER))) await setTimeout(50);
    await createTables(trino, metastore, 'growing', 'local:///growing/');
    const seen: number[] = [];
    while (seen.length < 25) {
      const count = (table: string): string =>
        `SELECT count(*) AS n, count(DISTINCT uid) AS different, max(try_cast(regexp_extract(uid, '^open(\\d+)', 1) AS integer)) AS state FROM ${table}`;
      const { rows } = await trino.query(
        'growing',
        `SELECT s.n, s.different, s.state, p.n, p.different, p.state, (SELECT count(*) FROM sessions JOIN packets USING (uid))
         FROM (${count('sessions')}) AS s CROSS JOIN (${count('packets')}) AS p`,
      );
      const state = Number(rows[0][2]);
      const n = String(rowsAfter(state));
      assert.deepEqual(rows[0].map(String), [n, n, String(state), n, n, String(state), n]);
      assert.ok(state >= (seen.at(-1) ?? 0), `state ${state} after ${seen.at(-1)}`);
      seen.push(state);
    }
    assert.ok(new Set(seen).size > 5, `only the states ${seen.join()} were seen`);
  } finally {
    over = true;
    await committing;
    await trino.close();
  }
});
