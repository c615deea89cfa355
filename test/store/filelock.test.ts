/** File locks, which end with their holder's process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FileLock, Locked } from '../../shared/store/filelock.ts';

const MODULE = new URL('../../shared/store/filelock.ts', import.meta.url).href;

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-lock-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('the lock has one holder, also within one process, and leaves nothing but the empty file', async (t) => {
  const folder = folderFor(t);
  const path = join(folder, 'lock');
  assert.equal(FileLock.isHeld(path), false);
  assert.ok(!existsSync(path), 'checking creates no file');
  const lock = FileLock.take(path);
  assert.equal(FileLock.isHeld(path), true);
  assert.throws(() => FileLock.take(path), Locked);
  await assert.rejects(FileLock.await(path, 60), Locked);
  const waiting = FileLock.await(path, 5000);
  lock.release();
  const next = await waiting;
  assert.equal(FileLock.isHeld(path), true, 'checking does not release the lock of its holder');
  next.release();
  assert.equal(FileLock.isHeld(path), false);
  assert.deepEqual(readdirSync(folder), ['lock']);
});

test('the lock is free as soon as its holder is killed', async (t) => {
  const path = join(folderFor(t), 'lock');
  const program = `import(${JSON.stringify(MODULE)}).then(({ FileLock }) => {
    globalThis.lock = FileLock.take(${JSON.stringify(path)});
    console.log('holds it');
    setInterval(() => {}, 1000);
  })`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  let warnings = '';
  child.stderr.on('data', (text) => (warnings += text));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  assert.equal(FileLock.isHeld(path), true);
  assert.throws(() => FileLock.take(path), Locked);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  FileLock.take(path).release();
  assert.equal(warnings, '');
});

test('an error names the path that cannot be locked', (t) => {
  const folder = folderFor(t);
  assert.throws(() => FileLock.take(join(folder, 'none/lock')), /^Error: cannot lock .*none\/lock: /);
  writeFileSync(join(folder, 'other'), 'something of somebody else, which is no database at all '.repeat(40));
  assert.throws(() => FileLock.take(join(folder, 'other')), /^Error: cannot lock .*other: /);
});
