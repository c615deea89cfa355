import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { SmallInflate } from '../../../shared/capture/compression/inflate.ts';
import { HEAVY } from '../../heavy.ts';
import { concat, random } from '../build.ts';

const ROOM = 32 * 1024;
const STRATEGIES = [
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
  constants.Z_FIXED,
  constants.Z_FILTERED,
];

/** zlib's result for the stream at the beginning of `bytes`: its output and the bytes used, or null. */
function byZlib(bytes: Uint8Array): { output: Buffer; used: number } | null {
  try {
    const { buffer, engine } = inflateRawSync(bytes, { info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { output: buffer, used: engine.bytesWritten };
  } catch {
    return null;
  }
}

test('small streams inflate as with zlib, to the byte after them', () => {
  const small = new SmallInflate(ROOM);
  for (let seed = 1; seed <= 3000; seed++) {
    const next = random(seed);
    const values = 1 + Math.floor(next() * 255);
    const plain = Uint8Array.from({ length: Math.floor(next() * 600) }, () => Math.floor(next() * values));
    const packed = deflateRawSync(plain, {
      level: Math.floor(next() * 10),
      strategy: STRATEGIES[Math.floor(next() * STRATEGIES.length)],
    });
    const input = concat([packed, Uint8Array.of(1, 2, 3)]);
    assert.ok(small.inflate(input), `seed ${seed}`);
    assert.deepEqual([small.used, small.length], [packed.length, plain.length], `seed ${seed}`);
    assert.ok(Buffer.compare(small.output.subarray(0, small.length), plain) === 0, `seed ${seed}`);
    for (let length = 0; length < packed.length; length += 1 + (packed.length >> 3))
      assert.ok(!small.inflate(packed.subarray(0, length)), `seed ${seed}, cut at ${length}`);
  }
});

test('matches of every length and from every distance code inflate as with zlib', () => {
  const small = new SmallInflate(ROOM);
  const next = random(1);
  const noise = (length: number) => Uint8Array.from({ length }, () => 1 + Math.floor(next() * 255));
  const check = (plain: Uint8Array, what: string) => {
    assert.ok(small.inflate(deflateRawSync(plain, { level: 9 })), what);
    assert.ok(Buffer.compare(small.output.subarray(0, small.length), plain) === 0, what);
  };
  for (let length = 3; length <= 258; length++) {
    const piece = noise(length);
    check(concat([piece, Uint8Array.of(0), piece]), `length ${length}`);
  }
  // zlib looks no further back than 32 KiB less the longest match.
  for (let distance = 1; distance < ROOM - 300; distance += 1 + (distance >> 5)) {
    const piece = noise(16);
    const gap = Math.max(0, distance - piece.length);
    check(concat([piece.subarray(0, distance), new Uint8Array(gap), piece, piece]), `distance ${distance}`);
  }
});

test('invalid streams are accepted only if zlib accepts them, with the same output', HEAVY, () => {
  const small = new SmallInflate(ROOM);
  let taken = 0;
  for (let seed = 1; seed <= 20_000; seed++) {
    const next = random(seed);
    const values = seed % 2 === 0 ? 4 : 200;
    const plain = Uint8Array.from({ length: Math.floor(next() * 200) }, () => Math.floor(next() * values));
    const packed =
      seed % 3 === 0 ? Uint8Array.from({ length: 60 }, () => Math.floor(next() * 256)) : deflateRawSync(plain);
    const bytes = concat([packed, new Uint8Array(8)]);
    for (let n = Math.floor(next() * 4); n > 0; n--)
      bytes[Math.floor(next() * bytes.length)] ^= 1 << Math.floor(next() * 8);
    if (!small.inflate(bytes)) continue;
    taken++;
    const wanted = byZlib(bytes);
    assert.ok(wanted !== null, `seed ${seed}`);
    assert.deepEqual([small.used, small.length], [wanted.used, wanted.output.length], `seed ${seed}`);
    assert.ok(Buffer.compare(small.output.subarray(0, small.length), wanted.output) === 0, `seed ${seed}`);
  }
  assert.ok(taken > 1000, `${taken} streams`);
});

test('streams that do not fit into the output are left to node:zlib', () => {
  const packed = deflateRawSync(new Uint8Array(ROOM + 1));
  assert.ok(!new SmallInflate(ROOM).inflate(packed));
  assert.ok(new SmallInflate(ROOM + 1).inflate(packed));
});
