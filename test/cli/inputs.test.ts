/** Which files count as captures, and under which names. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import test, { type TestContext } from 'node:test';
import { findCaptures } from '../../cli/inputs.ts';
import { scratchFolder, writeFiles } from './harness.ts';

/** Names found, relative to the folder. */
async function names(folder: string, args: readonly string[], out = 'out'): Promise<string[]> {
  const captures = await findCaptures(
    args.map((arg) => (arg === '.' ? folder : `${folder}/${arg}`)),
    join(folder, out),
  );
  return captures.map(({ name }) => relative(folder, name));
}

function folderWith(t: TestContext, ...files: string[]): string {
  const folder = scratchFolder(t);
  writeFiles(folder, Object.fromEntries(files.map((name) => [name, name])));
  return folder;
}

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

test('links to files count once, under the first name; links to folders are not followed, broken ones passed over', async (t) => {
  const folder = folderWith(t, 'b/real', 'elsewhere/x');
  symlinkSync(join(folder, 'b/real'), join(folder, 'b/also'));
  symlinkSync(join(folder, 'nothing'), join(folder, 'b/broken'));
  symlinkSync(folder, join(folder, 'b/circle'));
  assert.deepEqual(await names(folder, ['b']), ['b/also']);
});

test('the folder of results may lie among the captures: nothing of it is read', async (t) => {
  const folder = folderWith(t, 'a', 'out/_flowstitch/jobs/x', 'out/sessions/dataset=d/part-0.parquet', 'out/notes');
  assert.deepEqual(await names(folder, ['.']), ['a']);
  assert.deepEqual(await names(folder, ['**/*']), ['a', 'out/notes']);
});

test('captures may lie in the folder of results itself: what runs have written there is passed over', async (t) => {
  const folder = folderWith(
    t,
    'a',
    'captures/b',
    'captures/dataset=default/job=1/part-0.parquet',
    'sessions/dataset=default/x',
    'datasets/default/current.json',
    '_flowstitch/jobs/1/job.json',
  );
  assert.deepEqual(await names(folder, ['.'], '.'), ['a', 'captures/b']);
  assert.deepEqual(await names(folder, ['captures'], '.'), ['captures/b']);
  assert.deepEqual(await names(folder, ['**/*'], '.'), ['a', 'captures/b']);
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
  await rejects('none', /no file, folder or glob '.*none': nothing there/);
  await rejects('*.pcap', /no file, folder or glob '.*\*\.pcap': nothing there/);
  await assert.rejects(names(folder, ['empty']), { name: 'UsageError', message: /^no captures found in / });
});

test('a pipe that is named is an error, one in a folder is passed over', async (t) => {
  const folder = folderWith(t, 'a');
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await assert.rejects(names(folder, ['pipe']), { name: 'UsageError', message: /pipe' is no regular file/ });
  assert.deepEqual(await names(folder, ['.']), ['a']);
});
