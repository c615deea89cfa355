/**
 * npm run test:athena: the result files, views and saved queries in Trino, the engine
 * that Athena is made of, each answer equal to DuckDB's. Over a folder; and over S3 when
 * FLOWSTITCH_LOCALSTACK names the endpoint of a LocalStack. Not part of npm test: it
 * needs a JDK, Maven and, the first time, the network.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type OpenResults, openResults, type ResultFiles } from '../../shared/query/results.ts';
import { sqlName } from '../../shared/table/parquet/sqltext.ts';
import { athenaType, type Table } from '../../shared/table/tablecolumn.ts';
import { TABLES, type TableName } from '../../shared/table/tables.ts';
import { prestoView } from '../../shared/views/athena.ts';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { localStackEndpoint, SKIPPED } from '../localstack/running.ts';
import { buildTrinoProcess } from './build.ts';
import { leaves, plainRows, sorted } from './compare.ts';
import { createTables, createView, ddlType, decodeView, readRecord, registerPartitions } from './hive.ts';
import { type ResultKeys, runDemo, writeMadeResults } from './results.ts';
import { emptyBucket, fillBucket, s3Properties } from './s3.ts';
import { TrinoProcess } from './trinoprocess.ts';

const endpoint = await localStackEndpoint();
const DATASETS = ['demo', 'made'] as const;
type Dataset = (typeof DATASETS)[number];

const build = buildTrinoProcess();
const scratch = mkdtempSync(join(tmpdir(), 'flowstitch-athena-'));
const folder = join(scratch, 'results');
const keys: Record<Dataset, ResultKeys> = { demo: {}, made: {} };
const duckdb = {} as Record<Dataset, OpenResults>;

before(async () => {
  if ('missing' in build) return;
  keys.demo = runDemo(folder);
  keys.made = await writeMadeResults(folder);
  for (const dataset of DATASETS) {
    const files = Object.entries(keys[dataset]).map(([table, list]) => [table, list.map((key) => join(folder, key))]);
    duckdb[dataset] = await openResults(Object.fromEntries(files) as ResultFiles);
  }
});
after(() => {
  for (const open of Object.values(duckdb)) open.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** A type of a view's JSON as DESCRIBE shows it. */
function displayed(type: string): string {
  return type.replaceAll('"', '').replaceAll(',', ', ');
}

/** The tests over results at a place, a URI that ends in '/'. */
function overResults(
  name: string,
  start: (classpath: string, metastore: string) => Promise<[TrinoProcess, string]>,
): void {
  const metastore = join(scratch, `metastore-${name}`);
  let trino: TrinoProcess;
  let results: string;

  before(async () => {
    if ('missing' in build) return;
    mkdirSync(metastore);
    [trino, results] = await start(build.classpath, metastore);
    // A database a data set, to compare with DuckDB, which sees one; and one with both, as in Athena.
    for (const [database, datasets] of [...DATASETS.map((d) => [d, [d]] as const), ['both', DATASETS] as const]) {
      const tables = Object.keys(TABLES) as TableName[];
      const filled = tables.filter((table) => datasets.some((d) => keys[d][table] !== undefined));
      await createTables(trino, database, results, filled);
      for (const dataset of datasets)
        for (const [table, list] of Object.entries(keys[dataset]))
          await registerPartitions(trino, database, results, table as TableName, list);
    }
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
    test(`table ${table}: the catalog's types, and every row`, async () => {
      let compared = 0;
      for (const dataset of DATASETS.filter((d) => keys[d][table as TableName] !== undefined)) {
        const { dataColumns } = readRecord(metastore, dataset, table);
        assert.deepEqual(
          dataColumns.map(({ name, type }) => ({ name, type })),
          columns.map(({ name, type }) => ({ name, type: athenaType(type) })),
        );
        const { rows } = await trino.query(dataset, `DESCRIBE ${table}`);
        const types = rows.slice(0, columns.length).map(([name, type]) => [name, type]);
        assert.deepEqual(
          types,
          columns.map(({ name, type }) => [name, ddlType(type)]),
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
        const own = await createView(trino, metastore, dataset, view);
        const { columns } = decodeView(prestoView(view, { database: dataset }).originalText);
        assert.deepEqual(
          columns,
          own.columns.map(({ name, type }) => ({ name, type })),
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
    await createView(trino, metastore, 'both', zeek);
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
  overResults('folder', async (classpath, metastore) => [new TrinoProcess(classpath, metastore), `file://${folder}/`]);
});

const noS3 = endpoint === null && SKIPPED;
describe('Trino over S3', { skip: missing || noS3 }, () => {
  let bucket: string | undefined;
  overResults('s3', async (classpath, metastore) => {
    bucket = await fillBucket(
      endpoint!,
      folder,
      Object.values(keys).flatMap((tables) => Object.values(tables).flat()),
    );
    return [new TrinoProcess(classpath, metastore, s3Properties(endpoint!)), `s3://${bucket}/`];
  });
  after(async () => bucket !== undefined && emptyBucket(endpoint!, bucket));
});
