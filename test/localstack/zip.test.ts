/** The archive of a function's code: what decides its bytes. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { zipFolder } from '../../localstack/zip.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'flowstitch-zip-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  mkdirSync(join(path, 'node_modules'));
  writeFileSync(join(path, 'index.mjs'), 'export const handler = () => {};\n');
  writeFileSync(join(path, 'node_modules', 'run.sh'), '#!/bin/sh\n', { mode: 0o644 });
  return path;
}

test('content and modes decide the bytes, when and where it was written does not', async (t) => {
  const [one, other] = [folder(t), folder(t)];
  const archive = await zipFolder(one);
  utimesSync(join(other, 'index.mjs'), 1e9, 1e9);
  assert.deepEqual(await zipFolder(other), archive);
  chmodSync(join(other, 'node_modules', 'run.sh'), 0o755);
  const executable = await zipFolder(other);
  assert.notDeepEqual(executable, archive);
  assert.equal(executable.length, archive.length);
});

test('a link is the file behind it; one that leads nowhere is an error', async (t) => {
  const [one, other] = [folder(t), folder(t)];
  writeFileSync(join(one, 'linked.txt'), 'text');
  symlinkSync(join(one, 'linked.txt'), join(other, 'linked.txt'));
  assert.deepEqual(await zipFolder(other), await zipFolder(one));
  rmSync(join(one, 'linked.txt'));
  await assert.rejects(zipFolder(other), /ENOENT/);
});
