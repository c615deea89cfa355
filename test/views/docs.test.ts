import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { queriesText } from '../../docs/queries.ts';

test('docs/queries.md says what the views and saved queries are', () => {
  const text = readFileSync(new URL('../../docs/queries.md', import.meta.url), 'utf8');
  assert.equal(text, queriesText(), 'run npm run docs');
});
