/** Files that are fetched and kept: once, whole, within a bound, and never from under whoever reads them. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { cacheBytes, cacheFolder, FileCache } from '../../../cli/sql/filecache.ts';
import { FileLock } from '../../../shared/store/filelock.ts';
import { scratchFolder } from '../harness.ts';
import { content, file, nothing, Origin } from './origin.ts';

const WORKER = fileURLToPath(new URL('./filecacheworker.ts', import.meta.url));

const kept = (folder: string): number => readdirSync(join(folder, 'files')).length;

test('a file is fetched once, and again when its version is another', async (t) => {
  const folder = scratchFolder(t);
  const cache = new FileCache(folder, 1e6);
  const origin = new Origin();
  let bytes = 0;
  const held = await cache.hold([file('x', 25), file('y', 5)], origin.fetch, (more) => (bytes += more));
  assert.deepEqual([held.fetchedFiles, held.fetchedBytes, bytes], [2, 30, 30]);
  assert.deepEqual(readFileSync(held.paths[0]), content('x', '1', 25));
  assert.deepEqual(readFileSync(held.paths[1]), content('y', '1', 5));
  await held.release();
  assert.ok(!existsSync(held.paths[0]));
  const again = await cache.hold([file('y', 5), file('x', 25), file('x', 25, '2')], origin.fetch, nothing);
  assert.deepEqual(origin.asked, ['x', 'y', 'x']);
  assert.deepEqual(readFileSync(again.paths[2]), content('x', '2', 25));
  assert.deepEqual(readFileSync(again.paths[1]), content('x', '1', 25));
  await again.release();
  assert.deepEqual(readdirSync(join(folder, 'in-use')), []);
  assert.deepEqual(readdirSync(join(folder, 'unfinished')), []);
});

test('what was used longest ago goes first when room is needed', async (t) => {
  const folder = scratchFolder(t);
  const cache = new FileCache(folder, 100);
  const origin = new Origin();
  const use = async (name: string, at: number): Promise<void> => {
    const held = await cache.hold([file(name, 40)], origin.fetch, nothing);
    // File systems tell times in steps: the test says which is later.
    utimesSync(held.paths[0], at, at);
    await held.release();
  };
  await use('a', 1);
  await use('b', 2);
  await use('a', 3);
  await use('c', 4);
  assert.equal(kept(folder), 2);
  assert.deepEqual(origin.asked, ['a', 'b', 'c']);
  await use('a', 5);
  await use('c', 6);
  assert.deepEqual(origin.asked, ['a', 'b', 'c'], 'b was used longest ago');
});

test('more than the bound is fetched where one query needs it, and goes with the next', async (t) => {
  const folder = scratchFolder(t);
  const cache = new FileCache(folder, 50);
  const origin = new Origin();
  const large = await cache.hold([file('a', 40), file('b', 40)], origin.fetch, nothing);
  assert.equal(large.paths.filter(existsSync).length, 2);
  const small = await cache.hold([file('c', 40)], origin.fetch, nothing);
  assert.equal(kept(folder), 1);
  assert.deepEqual(readFileSync(large.paths[0]), content('a', '1', 40), 'whoever holds a file keeps it');
  await large.release();
  await small.release();
});

test('a file that is not whole, whatever the cause, is fetched anew', async (t) => {
  const folder = scratchFolder(t);
  const cache = new FileCache(folder, 1e6);
  const origin = new Origin();
  await (await cache.hold([file('a', 40)], origin.fetch, nothing)).release();
  writeFileSync(join(folder, 'files', readdirSync(join(folder, 'files'))[0]), 'short');
  const held = await cache.hold([file('a', 40)], origin.fetch, nothing);
  assert.deepEqual(readFileSync(held.paths[0]), content('a', '1', 40));
  await held.release();
});

test('a fetch that fails leaves nothing behind, and the next one fetches', async (t) => {
  const folder = scratchFolder(t);
  const cache = new FileCache(folder, 1e6);
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10);
    throw new Error('the connection broke');
  };
  await assert.rejects(cache.hold([file('a', 40)], failing, nothing), /the connection broke/);
  for (const name of ['files', 'unfinished', 'in-use']) assert.deepEqual(readdirSync(join(folder, name)), [], name);
  const held = await cache.hold([file('a', 40)], new Origin().fetch, nothing);
  assert.equal(statSync(held.paths[0]).size, 40);
  await held.release();
});

test('what dead processes left behind is cleared away, what living ones hold is not', async (t) => {
  const folder = scratchFolder(t);
  const host = encodeURIComponent(hostname());
  const dead = join(folder, 'in-use', `${host}@${2 ** 22 + 1}@x`);
  const living = join(folder, 'in-use', `${host}@${process.pid}@x`);
  const elsewhere = join(folder, 'in-use', `another@1@x`);
  for (const place of [dead, living, elsewhere]) mkdirSync(place, { recursive: true });
  mkdirSync(join(folder, 'unfinished'));
  for (const name of ['old', 'new']) writeFileSync(join(folder, 'unfinished', name), 'x');
  utimesSync(join(folder, 'unfinished/old'), new Date(0), new Date(Date.now() - 2 * 86_400_000));
  await (await new FileCache(folder, 1e6).hold([], new Origin().fetch, nothing)).release();
  assert.deepEqual([dead, living, elsewhere].map(existsSync), [false, true, true]);
  assert.deepEqual(readdirSync(join(folder, 'unfinished')), ['new']);
});

test('whether somebody lives is told by a lock, wherever they live', async (t) => {
  const folder = scratchFolder(t);
  const host = encodeURIComponent(hostname());
  // As seen from another PID namespace: a process that lives there is none here, and one that is dead has the number of one here.
  const living = join(folder, 'in-use', `${host}@${2 ** 22 + 1}@x`);
  const dead = join(folder, 'in-use', `${host}@${process.pid}@x`);
  for (const place of [living, dead]) mkdirSync(place, { recursive: true });
  const lock = FileLock.take(join(living, 'lock'));
  FileLock.take(join(dead, 'lock')).release();
  await (await new FileCache(folder, 1e6).hold([], new Origin().fetch, nothing)).release();
  assert.deepEqual([living, dead].map(existsSync), [true, false]);
  lock.release();
  await (await new FileCache(folder, 1e6).hold([], new Origin().fetch, nothing)).release();
  assert.deepEqual(readdirSync(join(folder, 'in-use')), []);
});

test('processes that use one folder at once, with too little room for them all, each get their files whole', async (t) => {
  const folder = scratchFolder(t);
  const workers = Array.from(
    { length: 3 },
    (_, i) =>
      new Promise<number | null>((resolve, reject) => {
        const child = fork(WORKER, [folder, String(i)], { execArgv: [] });
        child.on('error', reject).on('exit', resolve);
      }),
  );
  assert.deepEqual(await Promise.all(workers), [0, 0, 0]);
  assert.deepEqual(readdirSync(join(folder, 'in-use')), []);
  assert.ok(kept(folder) <= 6);
});

test('the folder is that of XDG, the bound can be set', () => {
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/x' }), join('/x', 'flowstitch'));
  assert.match(cacheFolder({}), /\.cache.flowstitch$/);
  assert.deepEqual([cacheBytes({}), cacheBytes({ FLOWSTITCH_CACHE_GB: '0.5' })], [10e9, 0.5e9]);
  assert.throws(() => cacheBytes({ FLOWSTITCH_CACHE_GB: 'much' }), /FLOWSTITCH_CACHE_GB is a number of gigabytes/);
});
