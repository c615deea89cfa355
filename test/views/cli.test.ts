/** flowstitch sql: views by their names, and saved queries by theirs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { SAVED_QUERIES, VIEWS } from '../../shared/views/index.ts';
import { flowstitch, type Outcome, udpCapture, writeFiles } from '../cli/harness.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowstitch-views-'));
  writeFiles(folder, { 'in/a.pcap': udpCapture(10) });
  assert.equal(flowstitch(['run', 'in', '--out', 'out'], { cwd: folder }).code, 0);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function sql(...args: string[]): Outcome {
  return flowstitch(['sql', ...args], { cwd: folder });
}

test('a view is queried like a table', () => {
  const query = 'select id.orig_h, proto, orig_pkts from zeek_conn';
  assert.equal(sql(query, '--data', 'out', '--csv').stdout, 'orig_h,proto,orig_pkts\n10.0.0.1,udp,5\n');
});

test('a ROW of a view is an object in JSON', () => {
  const { stdout } = sql('select id, proto from zeek_conn', '--data', 'out', '--json');
  const id = { orig_h: '10.0.0.1', orig_p: 5000, resp_h: '10.0.0.2', resp_p: 9000 };
  assert.deepEqual(JSON.parse(stdout), [{ id, proto: 'udp' }]);
});

test('a saved query runs by its name', () => {
  const { code, stdout } = sql('--query', 'by_protocol', '--data', 'out', '--csv');
  assert.equal(code, 0);
  assert.match(stdout, /^proto,ip_proto,service,sessions,packets,.*\nudp,17,,1,10,/);
});

test('the saved queries are listed, the views are in the help', () => {
  const { stdout } = sql('--queries');
  const lines = stdout.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    SAVED_QUERIES.map(({ name }) => name),
  );
  for (const [i, { description }] of SAVED_QUERIES.entries()) assert.ok(lines[i].endsWith(`  ${description}`));
  const help = sql('--help').stdout;
  for (const { name } of VIEWS) assert.ok(help.includes(name), name);
});

test('mistakes with saved queries get one sentence each', () => {
  const unknown = sql('--query', 'scan', '--data', 'out');
  assert.equal(unknown.code, 1);
  assert.match(
    unknown.stderr,
    /^flowstitch: sql: there is no saved query 'scan', did you mean scans\?; flowstitch sql --queries lists them\n$/,
  );
  assert.match(
    sql('select 1', '--query', 'scans', '--data', 'out').stderr,
    /give one query, in quotes, with --query or on standard input/,
  );
  assert.match(sql('--query', 'scans').stderr, /no results given/);
});
