/** Long lists as objects: compressed, whole again when they are read, and damage in them is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonBytes, listBytes, parseJson } from '../../shared/store/jsonobject.ts';

const long = Array.from({ length: 2000 }, (_, number) => ({ name: `s3://captures/${number}.pcap`, number }));

test('a long list comes back from fewer bytes, a short value is plain text', () => {
  const bytes = listBytes(long);
  assert.ok(bytes.length < jsonBytes(long).length / 2, `${bytes.length} bytes`);
  assert.deepEqual(parseJson('k', bytes), long);
  assert.deepEqual(listBytes([1]), jsonBytes([1]));
});

test('a compressed list that was cut or changed at any byte is damaged', () => {
  const bytes = listBytes(long);
  const step = Math.ceil(bytes.length / 300);
  for (let at = 0; at < bytes.length; at += step) {
    const changed = bytes.slice();
    changed[at] ^= 0x10;
    for (const wrong of [changed, bytes.slice(0, at)])
      assert.throws(() => parseJson('k', wrong), { name: 'StoreError', reason: 'damaged' }, `byte ${at}`);
  }
});
