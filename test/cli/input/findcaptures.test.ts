/** Which files count as captures, and under which names. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import test from 'node:test';
import { findCaptures } from '../../../cli/input/findcaptures.ts';
import type { RunSummary } from '../../../cli/text/summarytext.ts';
import {
  ENTRY,
  flowstitch,
  NOBODY,
  notAsNobody,
  type Outcome,
  scratchFolder,
  udpCapture,
  writeFiles,
} from '../harness.ts';
import { folderWith, names } from './namesfound.ts';

const JOB = 'dataset=default/job=0123456789abcdef';

test('folders are read to their bottom, in order of names, hidden ones passed over', async (t) => {
  const folder = folderWith(t, 'b', 'a/2', 'a/1', 'a/deep/down/x', '.hidden', 'a/.git/config');
  assert.deepEqual(await names(folder, ['.']), ['a/1', 'a/2', 'a/deep/down/x', 'b']);
});

test('files, folders and globs may be mixed, and each file counts once', async (t) => {
  const folder = folderWith(t, 'a.pcap', 'b.pcap', 'c.txt', 'sub/d.pcap', 'sub/.e.pcap');
  assert.deepEqual(await names(folder, ['a.pcap', '.', '*.pcap']), ['a.pcap', 'b.pcap', 'c.txt', 'sub/d.pcap']);
  assert.deepEqual(await names(folder, ['**/*.pcap']), ['a.pcap', 'b.pcap', 'sub/d.pcap']);
  assert.deepEqual(await names(folder, ['{a,b}.pcap']), ['a.pcap', 'b.pcap']);
});

test('a file whose name looks like a glob is taken by its name', async (t) => {
  const folder = folderWith(t, 'a[1].pcap', 'a1.pcap', '*');
  assert.deepEqual(await names(folder, ['a[1].pcap']), ['a[1].pcap']);
  assert.deepEqual(await names(folder, ['*']), ['*']);
});

test('however an argument is spelled, the name of a capture is the same', async (t) => {
  const folder = folderWith(t, 'a/x');
  for (const arg of ['a', 'a/', './a', 'a/../a', 'a/x', './a//x', 'a/*'])
    assert.deepEqual(
      (await findCaptures([`${folder}/${arg}`], folder)).map(({ name }) => name),
      [`${folder}/a/x`],
      arg,
    );
});

test('links to files count once, under the file’s own name where that is read too; broken ones are passed over', async (t) => {
  const folder = folderWith(t, 'b/real', 'elsewhere/x');
  symlinkSync(join(folder, 'b/real'), join(folder, 'b/also'));
  symlinkSync(join(folder, 'nothing'), join(folder, 'b/broken'));
  symlinkSync('self', join(folder, 'b/self'));
  symlinkSync('../elsewhere/x', join(folder, 'b/there'));
  symlinkSync('there', join(folder, 'b/latest'));
  for (const arg of ['b', 'b/*']) assert.deepEqual(await names(folder, [arg]), ['b/latest', 'b/real'], arg);
  assert.deepEqual(await names(folder, ['b/also', 'b']), ['b/also', 'b/latest']);
  assert.deepEqual(await names(folder, ['.']), ['b/real', 'elsewhere/x']);
});

test('a link into the kernel’s own tree, which has no end, is passed over', {
  skip: !existsSync('/proc/self/task'),
}, async (t) => {
  const folder = folderWith(t, 'in/a', 'elsewhere/x');
  symlinkSync('/proc/self', join(folder, 'in/self'));
  symlinkSync('../elsewhere', join(folder, 'in/there'));
  const passed: string[] = [];
  const found = await findCaptures([join(folder, 'in')], join(folder, 'out'), ({ path, why }) =>
    passed.push(`${relative(folder, path)}: ${why}`),
  );
  assert.deepEqual(
    found.map(({ name }) => relative(folder, name)),
    ['in/a', 'in/there/x'],
  );
  assert.deepEqual(passed, ['in/self: a folder of the kernel (/proc, /sys), whose tree has no end']);
});

test('folders behind links are read once, by walk and by glob, under their own place where that is read too', async (t) => {
  const folder = folderWith(t, 'in/2026/a', 'in/own', 'store/mon/m', 'store/tue/t', 'store/tue/deep/d');
  symlinkSync('2026', join(folder, 'in/1st'));
  symlinkSync('../store/mon', join(folder, 'in/mon'));
  symlinkSync('../store', join(folder, 'in/all'));
  symlinkSync('mon', join(folder, 'store/latest'));
  const behind = ['in/all/mon/m', 'in/all/tue/deep/d', 'in/all/tue/t'];
  assert.deepEqual(await names(folder, ['in']), ['in/2026/a', ...behind, 'in/own']);
  assert.deepEqual(await names(folder, ['in/**/*']), ['in/2026/a', ...behind, 'in/own']);
  assert.deepEqual(await names(folder, ['in/mon']), ['in/mon/m']);
  assert.deepEqual(await names(folder, ['in', 'store']), ['in/2026/a', ...behind, 'in/own']);
});

test('links in circles end, and those to a folder around them are passed over by name', async (t) => {
  const folder = folderWith(t, 'in/a', 'in/x/b', 'y/c', 'beside');
  symlinkSync('.', join(folder, 'in/self'));
  symlinkSync('../..', join(folder, 'in/x/up'));
  symlinkSync('../../y', join(folder, 'in/x/y'));
  symlinkSync('../in', join(folder, 'y/back'));
  const found = ['in/a', 'in/x/b', 'in/x/y/c'];
  const over: string[] = [];
  const captures = await findCaptures([join(folder, 'in')], join(folder, 'out'), ({ path, why, lost }) =>
    over.push(`${relative(folder, path)}: ${why} ${lost}`),
  );
  assert.deepEqual(
    captures.map(({ name }) => relative(folder, name)),
    found,
  );
  assert.deepEqual(over, [
    'in/self: symbolic link to a folder around it false',
    'in/x/up: symbolic link to a folder around it false',
  ]);
  assert.deepEqual(await names(folder, ['in/**/*']), found);
  assert.deepEqual(await names(folder, ['in/**/[bc]']), found.slice(1));
});

test('the folder of results may lie among the captures: nothing of it is read', async (t) => {
  const folder = folderWith(t, 'a', 'out/_flowstitch/jobs/x', `out/sessions/${JOB}/part-0.parquet`, 'out/notes');
  assert.deepEqual(await names(folder, ['.']), ['a']);
  assert.deepEqual(await names(folder, ['**/*']), ['a', 'out/notes']);
});

test('captures may lie in the folder of results itself: what runs have written there is passed over', async (t) => {
  const folder = folderWith(
    t,
    'a',
    'captures/b',
    `captures/${JOB}/part-0.parquet`,
    `sessions/${JOB}/_SUCCESS`,
    'datasets/default/current.json',
    '_flowstitch/jobs/1/job.json',
  );
  assert.deepEqual(await names(folder, ['.'], '.'), ['a', 'captures/b']);
  assert.deepEqual(await names(folder, ['captures'], '.'), ['captures/b']);
  assert.deepEqual(await names(folder, ['**/*'], '.'), ['a', 'captures/b']);
});

test('results of other runs are known by their tree wherever they lie, behind a link too, and reported once', async (t) => {
  const results = [
    '_flowstitch/jobs/1/job.json',
    '_flowstitch/shards/1/x.arrow',
    '_flowstitch/datasets/default/dataset.json',
    'datasets/default/current.json',
    `sessions/${JOB}/dt=2026-11-30/part-0.parquet`,
    `packets/${JOB}/dt=2026-11-30/part-0.parquet`,
    `anomalies/${JOB}/part-0.parquet`,
  ];
  const folder = folderWith(
    t,
    'in/a',
    ...results.flatMap((path) => [`in/monday/${path}`, `in/deep/down/${path}`, `elsewhere/${path}`]),
    'in/monday/b',
  );
  symlinkSync('../elsewhere', join(folder, 'in/link'));
  const found = ['in/a', 'in/monday/b'];
  for (const input of ['in', 'in/**/*']) {
    const over: string[] = [];
    const captures = await findCaptures([join(folder, input)], join(folder, 'out'), ({ path, why, lost }) =>
      over.push(`${relative(folder, path)}: ${why} ${lost}`),
    );
    assert.deepEqual(
      captures.map(({ name }) => relative(folder, name)),
      found,
    );
    const places = ['elsewhere', 'in/deep/down', 'in/monday'];
    assert.deepEqual(
      over.sort(),
      places.map((place) => `${place}: the results of an earlier run that lie in it false`),
    );
  }
});

test('folders that are named like those of results and hold captures are read', async (t) => {
  const captures = [
    '_flowstitch/a.pcap',
    'captures/dataset=x/a.pcap',
    'datasets/current.json',
    'datasets/site/a.pcap',
    'datasets/site/deep/current.json',
    'sessions/dataset=x/job=7/a.pcap',
    'sessions/job=0123456789abcdef/a.pcap',
  ];
  const folder = folderWith(t, ...captures);
  assert.deepEqual(await names(folder, ['.']), captures);
});

test('the folder of results is known behind a link too', async (t) => {
  const folder = folderWith(t, 'a', 'real/_flowstitch/x');
  symlinkSync(join(folder, 'real'), join(folder, 'link'));
  assert.deepEqual(await names(folder, ['.'], 'link'), ['a']);
});

test('an argument that names nothing is an error, and so is finding nothing at all', async (t) => {
  const folder = folderWith(t, 'a', 'empty/.hidden');
  const rejects = (arg: string, message: RegExp): Promise<void> =>
    assert.rejects(names(folder, ['a', arg]), { name: 'UsageError', message });
  await rejects('none', /'.*none': no such file or folder, and nothing matches it as a glob/);
  await rejects('*.pcap', /pcap': no such file or folder, and nothing matches it as a glob/);
  await assert.rejects(names(folder, ['empty']), { name: 'UsageError', message: /^no captures found in / });
});

test('a pipe that is named is an error, one in a folder is passed over', async (t) => {
  const folder = folderWith(t, 'a');
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await assert.rejects(names(folder, ['pipe']), { name: 'UsageError', message: /pipe' is not a regular file/ });
  await assert.rejects(findCaptures(['-'], folder), { name: 'UsageError', message: /^standard input is not read: / });
  assert.deepEqual(await names(folder, ['.']), ['a']);
});

test('what is passed over in a folder is named; what may have been a capture makes the exit code 2', (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { 'in/a.pcap': udpCapture(10), 'elsewhere/x.pcap': udpCapture(2) });
  execFileSync('mkfifo', [join(folder, 'in/pipe')]);
  symlinkSync('../in', join(folder, 'in/folder'));
  symlinkSync('pipe', join(folder, 'in/to-pipe'));
  const run = (): Outcome => flowstitch(['run', 'in', '--out', 'out', '--quiet'], { cwd: folder });
  const named = `skipped: in/folder, symbolic link to a folder around it
skipped: in/pipe, a pipe
skipped: in/to-pipe, symbolic link to a pipe
`;
  assert.deepEqual([run().code, run().stderr], [0, named]);
  symlinkSync('nowhere', join(folder, 'in/broken\x1b[2J'));
  const { code, stderr, stdout } = run();
  assert.deepEqual([code, stderr], [2, `skipped: in/broken\\x1b[2J, broken symbolic link\n${named}`]);
  assert.match(stdout, /captures {6}1, /);
  const many = scratchFolder(t);
  writeFiles(many, { 'in/a.pcap': udpCapture(10) });
  for (let i = 0; i < 30; i++) symlinkSync('nowhere', join(many, `in/b${i}`));
  assert.match(flowstitch(['run', 'in/*', '--out', 'out', '--quiet'], { cwd: many }).stderr, /skipped: 10 more\n$/);
});

test('what may not be read is named, costs itself alone and makes the exit code 2, by walk, glob and name', {
  skip: notAsNobody(),
}, (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, {
    'in/a.pcap': udpCapture(2),
    'in/closed.pcap': udpCapture(2),
    'in/listed/b.pcap': udpCapture(2),
    'in/secret/c.pcap': udpCapture(2),
    'in/secret/deep/d.pcap': udpCapture(2),
    'out/x': '',
  });
  symlinkSync('secret/c.pcap', join(folder, 'in/to-secret.pcap'));
  // Root may read every folder: it asks as somebody else.
  const nobody = process.getuid?.() === 0 ? NOBODY : undefined;
  for (const path of [folder, join(folder, 'out')]) chmodSync(path, 0o777);
  const modes = { 'in/closed.pcap': 0o000, 'in/secret': 0o000, 'in/listed': 0o444 };
  for (const [path, mode] of Object.entries(modes)) chmodSync(join(folder, path), mode);
  const run = (...inputs: string[]): Outcome => {
    rmSync(join(folder, 'out'), { recursive: true });
    mkdirSync(join(folder, 'out'));
    chmodSync(join(folder, 'out'), 0o777);
    const args = [ENTRY, 'run', ...inputs, '--out', 'out', '--json'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: folder,
      uid: nobody,
      encoding: 'utf8',
      env: { ...process.env, HOME: folder },
    });
    return { code: status, stdout, stderr };
  };
  const named = (outcome: Outcome): unknown => {
    assert.equal(outcome.code, 2, outcome.stderr);
    const { packets, damaged } = JSON.parse(outcome.stdout) as RunSummary;
    for (const { detail } of damaged) assert.match(detail, /permission denied/i);
    return [packets, damaged.map(({ capture, status }) => `${capture} ${status}`).sort()];
  };
  const all = ['closed.pcap', 'listed/b.pcap', 'secret', 'to-secret.pcap'].map((name) => `in/${name} unreadable`);
  try {
    assert.deepEqual(named(run('in')), [2, all]);
    assert.deepEqual(named(run('in/*')), [2, all]);
    const deep = [...all.slice(0, 2), 'in/secret/ unreadable', all[3]];
    assert.deepEqual(named(run('in/**/*.pcap')), [2, deep]);
    assert.deepEqual(named(run('in/a.pcap', 'in/s*/*')), [2, [deep[2]]]);
    assert.deepEqual(named(run('in/a.pcap', 'in/secret/c.pcap')), [2, ['in/secret/c.pcap unreadable']]);
    const { code, stderr } = run('in/secret');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^flowstitch: nothing in in\/secret can be read: in\/secret: permission denied \(EACCES\): make it readable, or leave it out/,
    );
  } finally {
    for (const path of Object.keys(modes)) chmodSync(join(folder, path), 0o700);
  }
});
