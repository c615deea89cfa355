import assert from 'node:assert/strict';
import test from 'node:test';
import { hashParquetValue } from 'hyparquet/src/bloom.js';
import { xxhash64 } from '../../../shared/table/parquet/format/xxhash.ts';
import { SEED } from '../../seed.ts';
import { random } from '../rows.ts';

function hashOf(bytes: Uint8Array, from = 0, to = bytes.length): bigint {
  const halves = new Int32Array(2);
  xxhash64(bytes, from, to, halves);
  return (BigInt(halves[0] >>> 0) << 32n) | BigInt(halves[1] >>> 0);
}

test('published hashes of texts', () => {
  // Of the reference implementation, XXH64 with seed 0.
  const known = {
    '': 0xef46db3751d8e999n,
    a: 0xd24ec4f1a98c6e5bn,
    abc: 0x44bc2cf5ad770999n,
    'The quick brown fox jumps over the lazy dog': 0x0b242d361fda71bcn,
  };
  for (const [text, hash] of Object.entries(known)) assert.equal(hashOf(Buffer.from(text)), hash, text);
});

test(`bytes of every length up to 200, from any place, hash as hyparquet hashes them (seed ${SEED})`, () => {
  const next = random(SEED);
  const bytes = Uint8Array.from({ length: 256 }, () => next() * 256);
  for (let length = 0; length <= 200; length++) {
    const from = Math.floor(next() * (bytes.length - length));
    const value = bytes.slice(from, from + length);
    const expected = hashParquetValue(value, { name: 'x', type: 'BYTE_ARRAY' });
    assert.equal(hashOf(bytes, from, from + length), expected && BigInt.asUintN(64, expected), `${length} bytes`);
  }
});
