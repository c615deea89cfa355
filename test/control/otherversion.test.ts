/** The version by which tasks refuse each other's jobs is the package's own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SOFTWARE } from '../../shared/text/software.ts';

test('jobs carry the version of the package', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  assert.equal(SOFTWARE, (JSON.parse(text) as { version: string }).version);
});
