/** cli/flowstitch.js, the published entry point, under a Node that is too old, and before it is built. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import test from 'node:test';
import { command, ROOT, scratchFolder } from './harness.ts';

const SCRIPT = join(ROOT, 'cli/flowstitch.js');

/** A Node older than 24 on this machine. */
function olderNode(): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const node = join(folder, 'node');
    if (!existsSync(node)) continue;
    const { code, stdout } = command(node, ['--version']);
    const major = Number(/^v(\d+)\./.exec(stdout)?.[1]);
    if (code === 0 && major < 24) return node;
  }
  return undefined;
}

const older = olderNode();

test('under a Node that is too old there is one clear sentence and exit code 1', {
  skip: older === undefined && 'no Node older than 24 here',
}, () => {
  const { code, stdout, stderr } = command(older ?? '', [SCRIPT, 'run', 'x', '--out', 'y']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^flowstitch needs Node 24 or newer \(https:\/\/nodejs\.org\); this is Node \d+\.\d+\.\d+\.\n$/);
});

test('where nothing is built it says so', (t) => {
  const folder = scratchFolder(t);
  mkdirSync(join(folder, 'cli'));
  copyFileSync(SCRIPT, join(folder, 'cli/flowstitch.js'));
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  const { code, stderr } = command(process.execPath, [join(folder, 'cli/flowstitch.js'), '--version']);
  assert.equal(code, 1);
  assert.match(stderr, /^flowstitch is not built: npm install builds it \(Cannot find module/);
});

test('it is a program, and plain enough for old parsers', () => {
  const text = readFileSync(SCRIPT, 'utf8');
  assert.match(text, /^#!\/usr\/bin\/env node\n/);
  assert.doesNotMatch(text, /\?\.|\?\?|^import |\bawait\b|#\w+ ?[=(]/m);
});
