import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { tablesText } from '../../docs/tables.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('docs/tables.md agrees with the schemas', () => {
  assert.equal(read('docs/tables.md'), tablesText(), 'run npm run docs');
});
