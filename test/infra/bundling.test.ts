/** What bundling does for speed: numbers that files export for each other stand in the code where they are used. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { build } from 'esbuild';
import { BUNDLING } from '../../infra/bundle/bundling.ts';

const TRACKER = join(import.meta.dirname, '../../shared/session/tracker.ts');

test('the layout of a slot is numbers in the bundled tracker, not variables that are loaded at each use', async () => {
  const { outputFiles } = await build({ ...BUNDLING, entryPoints: [TRACKER], write: false });
  const [code] = outputFiles.map(({ text }) => text.replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, ''));
  assert.match(code, /\bSessionSlots = class\b/, 'slots.ts is in it');
  assert.deepEqual(code.match(/\b(?:[WREX]_[A-Z_]+|FLAG_\w+|STATE_\w+|WORDS|REALS)\b/g), null);
});
