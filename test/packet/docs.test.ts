/** docs/decoding.md agrees with the decoders' descriptions. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withProtocols } from '../../docs/protocols.ts';

const decoding = readFileSync(new URL('../../docs/decoding.md', import.meta.url), 'utf8');

test('the tables of protocols are up to date', () => {
  assert.equal(decoding, withProtocols(decoding), 'run npm run docs');
});

test('a text without the marks of a table is refused, not left unchanged', () => {
  assert.throws(
    () => withProtocols(decoding.replace('<!-- end of tunnels -->', '')),
    /no marks for its table of tunnels/,
  );
});
