/** npm run demo: what it prints, and that what it tells one to type works. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { command, ENTRY, ROOT } from './harness.ts';

function demo(): string {
  const { code, stdout, stderr } = command(process.execPath, ['cli/demo.ts'], { cwd: ROOT });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  return stdout;
}

test('the demo runs twice, shows sessions over several files, and every command it prints works', () => {
  for (const stdout of [demo(), demo()]) {
    assert.match(stdout, /captures {6}12, 1\.50 MB uncompressed\n/);
    assert.match(stdout, /\n03:15:36 +20\.1 +10\.77\.0\.10 60676 +10\.77\.0\.3 80 +tcp +SF +\d+ +\d+ +8\n/);
  }
  const commands = [...demo().matchAll(/^ {2}npx flowstitch (.*)$/gm)].map(([, args]) => args);
  assert.equal(commands.length, 4);
  for (const args of commands.filter((text) => !text.includes('YOUR-'))) {
    const { code, stdout, stderr } = command('sh', ['-c', `"${process.execPath}" "${ENTRY}" ${args}`], {
      cwd: ROOT,
    });
    assert.deepEqual([code, stderr], [0, ''], args);
    assert.ok(stdout.split('\n').length > 4, `${args}: ${stdout}`);
  }
});
