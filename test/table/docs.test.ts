import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { tablesText, withColumns } from '../../docs/tables.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('docs/tables.md says what the schemas say', () => {
  assert.equal(read('docs/tables.md'), tablesText(), 'run npm run docs');
});

test("the README's columns of sessions are the schema's", () => {
  const readme = read('README.md');
  assert.equal(readme, withColumns(readme), 'run npm run docs');
});
