/** Which files a query can need, as the planner sees it: no fewer than hold rows of its answer. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { neededDays } from '../../shared/query/neededfiles.ts';
import { openDuckDB } from '../../shared/table/parquet/duckdb.ts';
import { HEAVY } from '../heavy.ts';

/** Days of the month, as files lie under them. */
const DAYS = ['2026-02-28', '2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04'];

/** Tables and their days, as 'sessions 01 02'; null where nothing can be told. */
async function needed(query: string): Promise<string | null> {
  const tables = await neededDays(query, { sessions: DAYS, packets: DAYS, captures: [''], anomalies: [''] });
  if (tables === undefined) return null;
  const texts = [...tables].map(
    ([table, days]) =>
      `${table} ${[...days]
        .map((day) => day.slice(8))
        .sort()
        .join(' ')}`,
  );
  return texts
    .map((text) => text.trim())
    .sort()
    .join(', ');
}

const ALL = '01 02 03 04 28';
const cases: [what: string, query: string, expected: string | null][] = [
  ['a day', "select count(*) from sessions where dt = '2026-03-02'", 'sessions 02'],
  ['days between two', "from sessions where dt between '2026-03-02' and '2026-03-03'", 'sessions 02 03'],
  ['some days', "from packets where dt in ('2026-03-01', '2026-03-04') and is_orig", 'packets 01 04'],
  ['days like', "from sessions where dt like '2026-02-%'", 'sessions 28'],
  ['a view', "select count(*) from zeek_conn where dt > '2026-03-02'", 'sessions 03 04'],
  ['from a time on', "from sessions where ts >= '2026-03-02 10:00:00'", 'sessions 02 03 04'],
  ['before midnight', "from sessions where ts < '2026-03-02'", 'sessions 01 28'],
  ['up to midnight', "from sessions where ts <= '2026-03-02'", 'sessions 01 02 28'],
  ['a computed time', "from sessions where ts > timestamp '2026-03-01' + interval 3 day", 'sessions 04'],
  ['a date', "from sessions where ts::date = date '2026-03-02'", 'sessions 02'],
  ['a time no day has', "from sessions where ts > '2027-01-01'", ''],
  ['either or', "from sessions where dt = '2026-03-01' or resp_p = 53", `sessions ${ALL}`],
  [
    'a condition that nothing is known of',
    "from sessions where uid is null and orig_pkts < 0 and proto = ''",
    `sessions ${ALL}`,
  ],
  ['of packets the days of their sessions alone', "from packets where ts > '2026-03-03'", `packets ${ALL}`],
  ['a join', "from sessions join captures on capture = capture_first where dt = '2026-03-03'", 'captures, sessions 03'],
  [
    'a join by day',
    "from sessions a join packets b using (dt, uid) where a.dt = '2026-03-03'",
    'packets 03, sessions 03',
  ],
  ['a join with itself', "from sessions a, sessions b where a.dt = '2026-03-01'", `sessions ${ALL}`],
  [
    'a subquery beside',
    "from packets where dt = '2026-03-01' and uid in (select uid from sessions)",
    `packets 01, sessions ${ALL}`,
  ],
  ['a subquery for the day', 'from sessions where dt = (select max(dt) from sessions)', `sessions ${ALL}`],
  ['a common table', "with s as (from sessions where dt = '2026-03-01') select count(*) from s", 'sessions 01'],
  ['a common table in the place of one', 'with sessions as (select 1 as a) select * from sessions', ''],
  [
    'a union',
    "select uid from sessions where dt = '2026-03-01' union all select capture from captures",
    'captures, sessions 01',
  ],
  ['a table by name', "from query_table('ses' || 'sions') where dt = '2026-03-01'", 'sessions 01'],
  ['a query in text', "from query('from sess' || 'ions')", `sessions ${ALL}`],
  ['a table of its own', "create table t as from sessions where dt = '2026-03-01'", 'sessions 01'],
  ['EXPLAIN ANALYZE', "explain /* */ analyze select * from sessions where dt = '2026-03-01'", 'sessions 01'],
  ['columns', 'describe packets', ''],
  ['no table', 'select 1', ''],
  ['several statements', 'create table t as select max(dt) as dt from sessions; from sessions join t using (dt)', null],
];

for (const [what, query, expected] of cases)
  test(`${what}: ${expected ?? 'nothing can be told'}`, async () => assert.equal(await needed(query), expected, query));

test('what is wrong with a query is said before any file is there', async () => {
  await assert.rejects(needed('select nothing from sessions'), /Binder Error: .*"nothing" not found/);
  await assert.rejects(needed('install httpfs'), /^RefusedSql/);
  await assert.rejects(needed('select where'), /Parser Error/);
});

test('no condition leaves out the day of a row that it holds for', HEAVY, async () => {
  const times = ['2026-03-01', '2026-03-02 12:00:00', '2026-03-02 23:59:59.999', '2026-03-03 01:00:00+05:00'];
  const conditions = ['=', '<', '<=', '>', '>=', '<>'].flatMap((is) =>
    times.flatMap((time) => [`ts ${is} '${time}'`, `timestamp '${time}' ${is} ts`, `not ts ${is} '${time}'`]),
  );
  conditions.push(
    `ts between '2026-03-01 12:00' and date '2026-03-03'`,
    `ts between '2026-03-03' and '2026-03-01'`,
    `dayofweek(ts) = 1`,
    `date_trunc('month', ts) = date '2026-02-01'`,
    `ts + interval 36 hours > '2026-03-04'`,
    `strftime(ts, '%d') = '02'`,
    `ts > '2026-03-02' and dt < '2026-03-04'`,
  );
  const open = await openDuckDB();
  try {
    const rows = `range(timestamp '2026-02-28', timestamp '2026-03-05', interval 6 hours)`;
    const edges = `VALUES (timestamp '2026-03-01 23:59:59.999'), (timestamp '2026-03-02 23:59:59.999')`;
    await open.connection.run(
      `CREATE VIEW sessions AS SELECT range AS ts, strftime(range, '%Y-%m-%d') AS dt FROM (SELECT * FROM ${rows} UNION ALL ${edges})`,
    );
    for (const condition of conditions) {
      const sql = `SELECT DISTINCT dt FROM sessions WHERE ${condition}`;
      const found = (await open.connection.runAndReadAll(sql)).getRows().map(([day]) => String(day));
      const days = (await neededDays(sql, { sessions: DAYS }))?.get('sessions') ?? new Set();
      assert.deepEqual(
        found.filter((day) => !days.has(day)),
        [],
        condition,
      );
    }
  } finally {
    open.close();
  }
});
