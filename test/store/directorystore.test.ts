/** The object store in a directory: the contract, and faults that only a directory has. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { StoreError } from '../../shared/store/objectstore.ts';
import { storeContract } from './contract.ts';
import { ForgetfulFiles } from './faultyfiles.ts';

function freshFolder(): string {
  return mkdtempSync(join(tmpdir(), 'flowstitch-store-'));
}

storeContract('directory', async () => {
  const folder = freshFolder();
  return {
    // Does not exist yet: the first object creates it.
    store: new DirectoryStore(join(folder, 'root')),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

function folderFor(t: TestContext): string {
  const folder = freshFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const isRefused = (error: unknown): boolean => error instanceof StoreError && error.reason === 'refused';

test('keys that could name a place outside the root are refused by every call, and nothing is written', async (t) => {
  const folder = folderFor(t);
  const store = new DirectoryStore(join(folder, 'root'));
  const file = join(folder, 'file');
  writeFileSync(file, 'x');
  const bytes = new Uint8Array(1);
  for (const key of [
    '',
    '.',
    '..',
    '../x',
    'a/../../x',
    '/etc/x',
    'a//b',
    'a/',
    '/a',
    'a/.b',
    '.unfinished-x',
    'a\\b',
    'a b',
    'ä',
    'a\0',
    'a\n',
    "a'b",
    'a*',
    '~/x',
  ]) {
    await assert.rejects(store.put(key, bytes), isRefused, JSON.stringify(key));
    await assert.rejects(store.putIfAbsent(key, bytes), isRefused, JSON.stringify(key));
    await assert.rejects(store.putFile(key, file), isRefused, JSON.stringify(key));
    await assert.rejects(store.get(key), isRefused, JSON.stringify(key));
    await assert.rejects(store.head(key), isRefused, JSON.stringify(key));
    await assert.rejects(store.remove([key]), isRefused, JSON.stringify(key));
  }
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('a prefix that leads outside the root is refused, or matches nothing', async (t) => {
  const folder = folderFor(t);
  writeFileSync(join(folder, 'secret'), 'x');
  const store = new DirectoryStore(join(folder, 'root'));
  await store.put('a', new Uint8Array(1));
  for (const prefix of ['../', '../secret', 'a/../../', '/', './']) {
    const listed = (async () => {
      const keys: string[] = [];
      for await (const { key } of store.list(prefix)) keys.push(key);
      return keys;
    })();
    await listed.then(
      (keys) => assert.deepEqual(keys, [], prefix),
      (error) => assert.ok(isRefused(error), prefix),
    );
  }
});

test('unfinished files and hidden names are not objects', async (t) => {
  const folder = folderFor(t);
  const store = new DirectoryStore(folder);
  await store.put('a/b', new Uint8Array(1));
  writeFileSync(join(folder, 'a', '.unfinished-0123'), 'half');
  mkdirSync(join(folder, '.hidden'));
  writeFileSync(join(folder, '.hidden', 'x'), 'x');
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  assert.deepEqual(keys, ['a/b']);
});

test('a write that fails leaves no unfinished file', async (t) => {
  const folder = folderFor(t);
  const store = new DirectoryStore(folder);
  await store.put('folder/object', new Uint8Array(1));
  await assert.rejects(store.put('folder', new Uint8Array(10)));
  assert.deepEqual(readdirSync(folder), ['folder']);
});

test('a root that is a link to a folder works', async (t) => {
  const folder = folderFor(t);
  mkdirSync(join(folder, 'real'));
  symlinkSync(join(folder, 'real'), join(folder, 'link'));
  const store = new DirectoryStore(join(folder, 'link'));
  await store.put('a/b', new Uint8Array(3));
  assert.ok(existsSync(join(folder, 'real', 'a', 'b')));
  const keys: string[] = [];
  for await (const { key } of store.list('a/')) keys.push(key);
  assert.deepEqual(keys, ['a/b']);
});

test('an object survives a power cut once its write has returned, whichever writer created its folder', async () => {
  const files = new ForgetfulFiles('/held');
  // Another writer created the folder and died before it synced its parents.
  await files.mkdir('/held/a/b');
  const store = new DirectoryStore('/held', undefined, files);
  await store.put('a/b/one', new Uint8Array([1]));
  await store.put('a/b/two', new Uint8Array([2]));
  files.powerCut();
  assert.deepEqual([...(await store.get('a/b/one')), ...(await store.get('a/b/two'))], [1, 2]);
});

test('objects that are written at once share the syncs of their folder, and each survives a power cut', async () => {
  const files = new ForgetfulFiles('/held');
  let syncs = 0;
  const counted: typeof files = Object.create(files);
  counted.open = async (path, flags) => {
    if (flags === 'r') syncs++;
    return files.open(path, flags);
  };
  const store = new DirectoryStore('/held', undefined, counted);
  await store.put('folder/first', new Uint8Array([0]));
  syncs = 0;
  const written = Array.from({ length: 20 }, async (_, n) => {
    await store.put(`folder/${n}`, new Uint8Array([n]));
    return n;
  });
  await Promise.all(written);
  assert.ok(syncs < 20, `${syncs} syncs`);
  files.powerCut();
  for (let n = 0; n < 20; n++) assert.deepEqual([...(await store.get(`folder/${n}`))], [n]);
});

test('a write that comes while its folder is being synced is not taken for synced by that', async () => {
  for (let later = 0; later < 40; later++) {
    const files = new ForgetfulFiles('/held');
    const slow: typeof files = Object.create(files);
    slow.open = async (path, flags) => {
      const file = await files.open(path, flags);
      // What a sync saves is what was there when it began.
      const sync = async (): Promise<void> => {
        await file.sync();
        for (let turns = 0; turns < 10; turns++) await undefined;
      };
      return { ...file, sync };
    };
    const store = new DirectoryStore('/held', undefined, slow);
    await store.put('folder/first', new Uint8Array([0]));
    const before = store.put('folder/before', new Uint8Array([1])).catch(() => {});
    for (let turns = 0; turns < later; turns++) await undefined;
    await store.put('folder/behind', new Uint8Array([2]));
    files.powerCut();
    assert.deepEqual([...(await store.get('folder/behind'))], [2], `${later} turns later`);
    await before;
  }
});
