/** Whatever captures are called: their names reach the tables, and neither SQL nor any path. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sqlLiteral } from '../../../shared/table/parquet/sqltext.ts';
import { cli } from '../../engine/cli.ts';
import { byTime, demoCaptures, type Packet, readPackets, writePieces } from '../cutting.ts';
import { captureRefs, firstDifference, lines, plainConfig, runJob, temporaryFolder } from '../harness.ts';

/** Names that a file can have. */
const FILE_NAMES = [
  "it's",
  '"quoted"',
  "'; DROP TABLE sessions; --",
  "') UNION SELECT 1 --",
  '--version',
  '-x',
  'line\nbreak',
  'tab\tand \r return',
  'a..%2f..%2fetc%2fpasswd',
  '%2e%2e',
  '$(touch pwned)',
  '`touch pwned`',
  '*.pcap',
  '[a-z]{1,2}',
  'back\\slash',
  '{"json": [null]}',
  '\u{1f980} crab',
  '\u202etxt.pcap',
  'e\u0301 is not \u00e9',
  ' leading and trailing ',
  'sessions',
  'NULL',
  'x'.repeat(255),
  '\u00fc'.repeat(127),
];

/** What tables call those that hold characters which nobody sees: their bytes. */
const SPELLED: Readonly<Record<string, string>> = {
  'line\nbreak': 'line\\x0abreak',
  'tab\tand \r return': 'tab\\x09and \\x0d return',
  '\u202etxt.pcap': '\\xe2\\x80\\xaetxt.pcap',
};

/** And some that only a key in an object store, or a path, can have. */
const KEYS = [
  '../../../outside',
  '/etc/passwd',
  'a/../../b',
  'dt=2020-01-01/part-0.parquet',
  '_flowstitch/jobs/x',
  '',
  '.',
  '..',
  'x'.repeat(1024),
];

async function streamPieces(count: number): Promise<Packet[][]> {
  const packets: Packet[] = [];
  for (const path of demoCaptures().slice(0, 4)) packets.push(...(await readPackets(path)).packets);
  packets.sort(byTime);
  const length = Math.ceil(packets.length / count);
  return Array.from({ length: count }, (_, i) => packets.slice(i * length, (i + 1) * length));
}

/** Every path below a folder. */
const tree = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

test('tables hold the names exactly, whatever a key can be, and the job writes nowhere else', async () => {
  using folder = temporaryFolder();
  const names = [...FILE_NAMES, ...KEYS];
  const pieces = await streamPieces(names.length);
  const plain = names.map((_, i) => `plain-${i}`);
  const paths = writePieces(join(folder.path, 'in'), pieces, plain, () => 0.4);
  const refs = await captureRefs(paths);
  const before = tree(folder.path);
  const config = plainConfig({ packets: true, sizes: { taskBytes: 20_000 } });
  const expected = await runJob(join(folder.path, 'plain'), refs, config);
  const hostile = refs.map((ref, i) => ({ ...ref, name: names[i] }));
  const { tables } = await runJob(join(folder.path, 'out'), hostile, config);
  const outside = tree(folder.path).filter((path) => !path.startsWith('out') && !path.startsWith('plain'));
  assert.deepEqual(outside, before);

  assert.deepEqual(tables.captures.map(({ capture }) => capture).sort(), [...names].sort());
  // Everything but the names is as it is under plain names; and the names stand where those did.
  const byPlainName = new Map(plain.map((name, i) => [name, names[i]]));
  for (const [table, columns] of [
    ['sessions', ['capture_first', 'capture_last']],
    ['packets', ['capture']],
    ['captures', ['capture']],
  ] as const) {
    const renamed = expected.tables[table].map((row) => ({
      ...row,
      ...Object.fromEntries(columns.map((column) => [column, byPlainName.get(String(row[column]))!])),
    }));
    assert.equal(firstDifference(lines(tables[table]), lines(renamed)), null, table);
  }
});

test('a name that text columns cannot hold is the same text in every table, so that joins find it', async () => {
  using folder = temporaryFolder();
  const [ref] = await captureRefs(demoCaptures().slice(0, 1));
  for (const name of ['nul\u0000 in the middle', 'half a \ud83e pair']) {
    const config = plainConfig({ packets: true });
    const { tables } = await runJob(join(folder.path, String(name.length)), [{ ...ref, name }], config);
    const [{ capture }] = tables.captures;
    const told = [
      ...tables.sessions.flatMap(({ capture_first, capture_last }) => [capture_first, capture_last]),
      ...tables.packets.map((row) => row.capture),
    ];
    assert.deepEqual([...new Set(told)], [capture]);
  }
});

test('the command line takes files of any name, in folders of any name, and SQL finds them', async () => {
  using folder = temporaryFolder();
  const names = FILE_NAMES;
  const pieces = await streamPieces(names.length);
  const input = `in'; -- "captures"`;
  writePieces(join(folder.path, input), pieces, names, () => 0.4);
  const out = `o'ut; "results" [1]*`;
  const before = tree(folder.path);
  const run = await cli(['run', input, '--out', out, '--quiet'], folder.path);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(
    tree(folder.path).filter((path) => path !== out && !path.startsWith(`${out}/`)),
    before,
  );
  const all = await cli(['sql', 'select capture from captures', '--data', out, '--json'], folder.path);
  assert.equal(all.code, 0, all.stderr);
  const told = (JSON.parse(all.stdout) as { capture: string }[]).map(({ capture }) => capture);
  assert.deepEqual(told.sort(), names.map((name) => join(input, SPELLED[name] ?? name)).sort());
  const query = (name: string): string =>
    `select count(*) n from sessions where capture_first = ${sqlLiteral(join(input, name))}`;
  const one = await cli(['sql', query("'; DROP TABLE sessions; --"), '--data', out, '--csv'], folder.path);
  assert.equal(one.code, 0, one.stderr);
  assert.match(one.stdout, /^n\r?\n\d+\r?\n$/);
});

test('names that a terminal would obey are shown, not obeyed', async () => {
  using folder = temporaryFolder();
  const name = 'red \u001b[31m\u0007.pcap';
  const path = join(folder.path, name);
  copyFileSync(demoCaptures()[0], path);
  mkdirSync(join(folder.path, 'broken'));
  const damaged = join(folder.path, 'broken', name);
  copyFileSync(new URL(import.meta.url), damaged);
  const run = await cli(['run', path, damaged, '--out', 'out'], folder.path);
  assert.equal(run.code, 2, run.stderr);
  assert.match(run.stdout, /red \\x1b\[31m\\x07\.pcap/);
  for (const output of [run.stdout, run.stderr]) assert.equal(output.includes('\u001b'), false);
});
