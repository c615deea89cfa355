/** flowstitch sql: queries over the newest committed job, and over nothing else. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import {
  command,
  ENTRY,
  flowstitch,
  type Outcome,
  START_US,
  scratchFolder,
  udpCapture,
  writeFiles,
} from '../harness.ts';

const SECOND = 1e6;
let folder = '';

/** Two jobs in one folder of results: the second has one capture and one session more. */
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowstitch-sql-'));
  writeFiles(folder, { 'in/a.pcap': udpCapture(10) });
  assert.equal(flowstitch(['run', 'in', '--out', 'out', '--packets'], { cwd: folder }).code, 0);
  writeFiles(folder, { 'in/b.pcap': udpCapture(10, START_US + 100 * SECOND, 3) });
  assert.equal(flowstitch(['run', 'in', '--out', 'out'], { cwd: folder }).code, 0);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function sql(...args: string[]): Outcome {
  return flowstitch(['sql', ...args], { cwd: folder });
}

test('a query is answered as an aligned table', () => {
  const { code, stdout, stderr } = sql(
    'select orig_h, orig_p, orig_pkts from sessions order by ts_ns',
    '--data',
    'out',
  );
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(
    stdout,
    `orig_h    orig_p  orig_pkts
--------  ------  ---------
10.0.0.1    5000          5
10.0.0.3    5000          5
`,
  );
});

test('the newest job alone is seen, in every table', () => {
  const query = `select (select count(*) from sessions), (select count(*) from captures), (select count(*) from anomalies)`;
  const { stdout } = sql(query, '--data', 'out', '--csv');
  assert.equal(stdout.split('\n')[1], '2,2,0');
});

test('the table packets is empty without --packets in the newest job, and one is told why', () => {
  const { code, stdout, stderr } = sql('select count(*) as n from packets', '--data', 'out', '--csv');
  assert.deepEqual([code, stdout], [0, 'n\n0\n']);
  assert.equal(stderr, 'note: the table packets is empty; flowstitch run --packets fills it\n');
});

test('--csv and --json, with 64-bit numbers exact', () => {
  const query = 'select ts_ns, uid, service from sessions order by ts_ns limit 1';
  const csv = sql(query, '--data', 'out', '--csv').stdout;
  assert.match(csv, /^ts_ns,uid,service\n1700000000000000000,\w+,\n$/);
  const [row] = JSON.parse(sql(query, '--data', 'out', '--json').stdout) as Record<string, unknown>[];
  assert.deepEqual([row.ts_ns, row.service], ['1700000000000000000', null]);
});

test('a mistake in the SQL is one readable message that shows the place, exit code 1, no stack', () => {
  const { code, stdout, stderr } = sql('select nothing from sessions', '--data', 'out');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^flowstitch: Binder Error: .*nothing.* not found/);
  assert.match(stderr, /LINE 1: select nothing from sessions\n/);
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test('SQL reaches no other file', () => {
  writeFileSync(join(folder, 'secret.csv'), 'a\n1\n');
  for (const query of [
    `select * from read_csv('${folder}/secret.csv')`,
    `copy (select 1) to '${folder}/written.csv'`,
    `select * from read_parquet('${folder}/out/sessions/*/*/*/*.parquet')`,
  ]) {
    const { code, stderr } = sql(query, '--data', 'out');
    assert.equal(code, 1, query);
    assert.match(stderr, /Permission Error/, query);
  }
});

test('names from captures do not steer the terminal', (t) => {
  const own = scratchFolder(t);
  writeFiles(own, { 'in/\x1b[2Jx.pcap': udpCapture(2) });
  assert.equal(flowstitch(['run', 'in', '--out', 'out'], { cwd: own }).code, 0);
  const { stdout } = flowstitch(['sql', 'select capture from captures', '--data', 'out'], { cwd: own });
  assert.ok(!stdout.includes('\x1b'));
  assert.match(stdout, /in\/\\x1b\[2Jx\.pcap/);
});

const noScript = command('sh', ['-c', 'command -v script']).code === 0 ? false : 'no script(1) here';
test('CSV is raw to a pipe, and escaped to a terminal; JSON is escaped by its own means', { skip: noScript }, () => {
  const query = "select 'a' || chr(27) || '[2J' || chr(1564) || chr(8238) || chr(10) || 'b' as x";
  const args = [query, '--data', 'out'];
  assert.equal(sql(...args, '--csv').stdout, 'x\n"a\x1b[2J\u061c\u202e\nb"\n');
  const onTerminal = (format: string): string =>
    command('script', ['-qec', `"${process.execPath}" "${ENTRY}" sql "${query}" --data out ${format}`, '/dev/null'], {
      cwd: folder,
    }).stdout.replaceAll('\r\n', '\n');
  assert.equal(onTerminal('--csv'), 'x\na\\x1b[2J\\x61c\\x202e\\x0ab\n');
  assert.match(onTerminal(''), /\na\\x1b\[2J\\x61c\\x202e\\x0ab\n$/);
  const json = sql(...args, '--json').stdout;
  assert.match(json, /^\[\n\{"x":"a\\u001b\[2J\\u061c\\u202e\\nb"\}\n\]\n$/);
});

test('without results there is a sentence that says what makes them', (t) => {
  const own = scratchFolder(t);
  const asked = (): Outcome => flowstitch(['sql', 'select 1', '--data', 'my results'], { cwd: own });
  assert.match(asked().stderr, /^flowstitch: there is no folder my results\n$/);
  mkdirSync(join(own, 'my results'));
  const { code, stderr } = asked();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^flowstitch: my results has no finished results yet: flowstitch run CAPTURES --out 'my results' makes them\n$/,
  );
  // A job that has begun and not ended.
  writeFiles(own, { 'my results/_flowstitch/jobs/1/job.json': '{}', 'my results/datasets/.DS_Store': '' });
  assert.match(asked().stderr, /has no finished results yet/);
});

test('of several data sets one is chosen by name', (t) => {
  const own = scratchFolder(t);
  writeFiles(own, { 'a.pcap': udpCapture(2), 'b.pcap': udpCapture(4) });
  for (const name of ['a', 'b'])
    assert.equal(flowstitch(['run', `${name}.pcap`, '--out', 'out', '--dataset', name], { cwd: own }).code, 0);
  const query = 'select sum(orig_pkts + resp_pkts) as n from sessions';
  const asked = (...args: string[]): Outcome =>
    flowstitch(['sql', query, '--data', 'out', '--csv', ...args], { cwd: own });
  assert.match(asked().stderr, /out has the data sets a, b: choose with --dataset/);
  assert.equal(asked('--dataset', 'b').stdout, 'n\n4\n');
  assert.match(asked('--dataset', 'c').stderr, /out has no finished results of a data set 'c'; it has a, b/);
  assert.match(asked('--dataset', '../x').stderr, /out has no finished results of a data set '\.\.\/x'/);
});

test('a query comes from standard input, with - or where there is none', () => {
  const fed = (input: string, ...args: string[]): string =>
    command('sh', ['-c', `printf '${input}' | "$0" "$@"`, process.execPath, ENTRY, 'sql', ...args], { cwd: folder })
      .stdout;
  assert.equal(fed('select\\n 3 as n;', '--data', 'out', '--csv'), 'n\n3\n');
  assert.equal(fed('select 4 as n', '-', '--data', 'out', '--csv'), 'n\n4\n');
});

test('a query may begin with a comment', () => {
  assert.equal(sql('-- all of them\nselect 3 as n', '--data', 'out', '--csv').stdout, 'n\n3\n');
});

test('all queries of several statements are printed, in every format', () => {
  const asked = (...args: string[]): string => sql('select 1 as a; select 2 as b', '--data', 'out', ...args).stdout;
  assert.equal(asked(), 'a\n-\n1\n\nb\n-\n2\n');
  assert.equal(asked('--csv'), 'a\n1\n\nb\n2\n');
  assert.equal(asked('--json'), '[\n{"a":1}\n]\n[\n{"b":2}\n]\n');
});

test('a query with the column packets gets no note on the table packets', () => {
  assert.equal(sql('select capture, packets from captures', '--data', 'out').stderr, '');
});

test('answers are those of UTC and the Gregorian calendar in every time zone and locale', () => {
  const query = `select ts::timestamptz = to_timestamp(ts_ns / 1e9) as same, ts::timestamptz as at, [ts::timestamptz] as list,
    year(ts::timestamptz) as year, current_date = now()::date and abs(epoch(now()) - epoch(now()::timestamp)) < 1 as today
    from sessions order by ts_ns limit 1`;
  for (const [TZ, LC_ALL] of [
    ['UTC', 'C'],
    ['America/New_York', 'th_TH.UTF-8'],
    ['Asia/Kolkata', 'fa_IR.UTF-8'],
  ]) {
    const asked = flowstitch(['sql', query, '--data', 'out', '--csv'], { cwd: folder, env: { TZ, LC_ALL } });
    assert.equal(
      asked.stdout,
      'same,at,list,year,today\ntrue,2023-11-14 22:13:20+00,[2023-11-14 22:13:20+00],2023,true\n',
      `${TZ} ${LC_ALL} ${asked.stderr}`,
    );
  }
});

test('mistakes in the call get one sentence each', () => {
  const cases: [string[], RegExp][] = [
    [[], /sql: no results given: name their folder or bucket with --data/],
    [['--data', 'out'], /sql: standard input is empty, give one query/],
    [['', '--data', 'out'], /sql: the query is empty/],
    [
      ['--query', 'scan', '--data', 'out'],
      /sql: there is no saved query 'scan', did you mean scans\?; flowstitch sql --queries lists/,
    ],
    [
      ['select 1', '--query', 'scans', '--data', 'out'],
      /sql: give one query, in quotes, with --query or on standard input/,
    ],
    [['select', '1', '--data', 'out'], /sql: give one query, in quotes/],
    [['select 1'], /sql: no results given: name their folder or bucket with --data/],
    [['select 1', '--data', 'out', '--csv', '--json'], /sql: --csv or --json, not both/],
    [
      ['select 1', '--data', 'out', '--tsv'],
      /sql: unknown option --tsv(, did you mean --csv\?)?; flowstitch sql --help lists/,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = sql(...args);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
});

test('running an older job again makes it the newest', () => {
  rmSync(join(folder, 'in/b.pcap'));
  const again = flowstitch(['run', 'in', '--out', 'out', '--packets'], { cwd: folder });
  assert.equal(again.code, 0);
  assert.match(again.stdout, /captures {6}1, /);
  assert.equal(sql('select count(*) as n from captures', '--data', 'out', '--csv').stdout, 'n\n1\n');
});
