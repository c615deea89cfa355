/** Which days a query can need: where it can be told, and that all others narrow nothing. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { daysOf } from '../../../cli/sql/querydays.ts';
import { mentionedTables } from '../../../cli/sql/s3results.ts';
import { openDuckDB } from '../../../shared/table/parquet/duckdb.ts';
import { HEAVY } from '../../heavy.ts';

const cases: [what: string, query: string, first?: string, last?: string][] = [
  ['from a time on', "select * from sessions where ts >= '2026-03-02 10:00:00'", '2026-03-02'],
  ['after a time', "select * from sessions where ts > timestamp '2026-03-02'", '2026-03-02'],
  ['before midnight', "select * from sessions where ts < '2026-03-02'", undefined, '2026-03-01'],
  ['before noon', "select * from sessions where ts < '2026-03-02 12:00:00'", undefined, '2026-03-02'],
  ['up to midnight', "select * from sessions where ts <= '2026-03-02'", undefined, '2026-03-02'],
  ['between', "select * from sessions where ts between '2026-03-01' and date '2026-03-02'", '2026-03-01', '2026-03-02'],
  ['at', "select * from sessions where ts = '2026-03-02 10:00:00'", '2026-03-02', '2026-03-02'],
  [
    'sides exchanged',
    "select 1 from sessions where '2026-03-02' > ts and '2026-02-01' <= ts",
    '2026-02-01',
    '2026-03-01',
  ],
  [
    'the narrowest of several',
    "from sessions where ts > '2026-01-01' and ts > '2026-02-01' and ts < '2026-03-01 01:00' and ts < '2026-04-01'",
    '2026-02-01',
    '2026-03-01',
  ],
  [
    'with other conditions',
    "select orig_h, count(*) from sessions where (ts > '2026-01-01' and resp_p = 53) and lower(proto) = 'udp' group by all order by 2 desc limit 5",
    '2026-01-01',
  ],
  ['with an alias of the table', "select s.uid from memory.main.Sessions s where S.TS >= '2026-01-01'", '2026-01-01'],
  ['not after', "select * from sessions where not ts > '2026-03-02'", undefined, '2026-03-02'],
  [
    'with an offset, which DuckDB does not take into account',
    "select 1 from sessions where ts >= '2026-03-02 01:00:00+02:00'",
    '2026-03-02',
  ],

  ['either or', "select * from sessions where ts > '2026-01-01' or resp_p = 53"],
  ['not between', "select * from sessions where ts not between '2026-01-01' and '2026-02-01'"],
  ['of the column alone', 'select max(ts) from sessions where resp_p = 53'],
  ['computed times', "select * from sessions where ts > timestamp '2026-01-01' + interval 1 day and ts < now()"],
  ['a zone of the session', "select * from sessions where ts > timestamptz '2026-01-01'"],
  ['a computed column', "select * from sessions where ts + interval 1 day > '2026-01-01'"],
  ['another column ts', "select ts_ns as ts from sessions where ts > '2026-01-01'"],
  ['renamed columns', "select * from sessions s(ts) where ts > '2026-01-01'"],
  ['a join', "select * from sessions join captures on capture = capture_first where ts > '2026-01-01'"],
  ['a join with itself', "select * from sessions a, sessions b where a.ts > '2026-01-01'"],
  ['a subquery beside', "select * from sessions where ts > '2026-01-01' and resp_h in (select orig_h from sessions)"],
  ['a subquery within', "select * from (select * from sessions) where ts > '2026-01-01'"],
  [
    'a common table',
    "with sessions as (select timestamp '2020-01-01' as ts) select * from sessions where ts > '2026-01-01'",
  ],
  ['a union', "select uid from sessions where ts > '2026-01-01' union all select uid from sessions"],
  ['a sample', "select * from sessions where ts > '2026-01-01' using sample 10"],
  ['another table', "select * from packets where ts > '2026-01-01'"],
  ['a view', "select * from zeek_conn where ts > '2026-01-01'"],
  ['a table by name', "select * from query_table('sessions') where ts > '2026-01-01'"],
  ['several statements', "select 1; select * from sessions where ts > '2026-01-01'"],
  ['no query', "describe sessions -- ts > '2026-01-01'"],
  ['no SQL', "select where ts > '2026-01-01'"],
  ['no time', "select * from sessions where ts > 'yesterday'"],
  ['a time without end', "select * from sessions where ts > '-infinity' and ts < 'infinity'"],
  ['years beyond four digits', "select * from sessions where ts < '12026-01-01'"],
  ['nothing', 'select * from sessions where ts > null'],
  ['a parameter', 'select * from sessions where ts > $1'],
];

for (const [what, query, first, last] of cases)
  test(`${what}: ${first === undefined && last === undefined ? 'all days' : `${first ?? ''} .. ${last ?? ''}`}`, async () => {
    const days = await daysOf(query);
    assert.deepEqual([days.first, days.last], [first, last], query);
  });

test('no condition leaves out the day of a row that it holds for', HEAVY, async () => {
  const times = ['2026-03-01', '2026-03-02 12:00:00', '2026-03-02 23:59:59.999', '2026-03-03 01:00:00+05:00'];
  const conditions = ['=', '<', '<=', '>', '>=', '<>'].flatMap((is) =>
    times.flatMap((time) => [`ts ${is} '${time}'`, `timestamp '${time}' ${is} ts`, `not ts ${is} '${time}'`]),
  );
  conditions.push(`ts between '2026-03-01 12:00' and date '2026-03-03'`, `ts between '2026-03-03' and '2026-03-01'`);
  const open = await openDuckDB();
  try {
    const rows = `range(timestamp '2026-02-28', timestamp '2026-03-05', interval 6 hours)`;
    const edges = `VALUES (timestamp '2026-03-01 23:59:59.999'), (timestamp '2026-03-02 23:59:59.999')`;
    await open.connection.run(`CREATE VIEW sessions AS SELECT range AS ts FROM ${rows} UNION ALL ${edges}`);
    for (const condition of conditions) {
      const sql = `SELECT strftime(ts, '%Y-%m-%d') FROM sessions WHERE ${condition}`;
      const found = (await open.connection.runAndReadAll(sql)).getRows().map(([day]) => String(day));
      const { first = '', last = '9' } = await daysOf(sql);
      assert.deepEqual(
        found.filter((day) => day < first || day > last),
        [],
        condition,
      );
    }
  } finally {
    open.close();
  }
});

test('tables are those that are named, and those that named views need', () => {
  assert.deepEqual(mentionedTables('select * from SESSIONS'), ['sessions']);
  assert.deepEqual(mentionedTables('select * from "packets" join captures using (capture)'), ['packets', 'captures']);
  assert.deepEqual(mentionedTables('select * from zeek_conn'), ['sessions']);
  assert.deepEqual(mentionedTables('select 1'), []);
  assert.deepEqual(mentionedTables('select * from sessions_of_mine'), []);
});
