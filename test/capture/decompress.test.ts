import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib';

import type { CompressionBounds } from '../../shared/capture/bounds.ts';
import type { Reopen } from '../../shared/capture/compression.ts';
import { decompressed } from '../../shared/capture/decompress.ts';

import { seeds } from '../seed.ts';

import { chunked, concat, gzip, random, zstd } from './build.ts';

interface Outcome {
  compression: string;
  bytes: Uint8Array;
  /** Names of faults and oddities, in order. */
  told: string[];
  details: string[];
}

async function take(
  bytes: Uint8Array,
  size = bytes.length,
  reopen?: Reopen,
  bounds?: CompressionBounds,
): Promise<Outcome> {
  const told: string[] = [];
  const details: string[] = [];
  const tell = (name: string, detail: string) => {
    told.push(name);
    details.push(detail);
  };
  const { compression, chunks } = await decompressed(
    chunked(bytes, size),
    { fault: tell, odd: tell },
    { reopen, bounds },
  );
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return { compression, bytes: concat(parts), told, details };
}

function noise(seed: number, length: number): Uint8Array {
  const next = random(seed);
  // Few values, so that it compresses.
  return Uint8Array.from({ length }, () => Math.floor(next() * 11));
}

const forms: [string, (bytes: Uint8Array) => Uint8Array][] = [
  ['gzip', gzip],
  ['zstd', zstd],
];

test('bytes without compression pass through', async () => {
  const bytes = noise(1, 1000);
  for (const length of [0, 1, 3, 4, 1000]) {
    const { compression, bytes: out } = await take(bytes.subarray(0, length), 7);
    assert.equal(compression, 'none');
    assert.deepEqual(out, bytes.slice(0, length));
  }
});

for (const [name, compress] of forms) {
  test(`${name}: several members or frames in a row are one stream, wherever chunks cut them`, async () => {
    const parts = [noise(2, 900), noise(3, 1), new Uint8Array(0), noise(4, 300)];
    const packed = concat(parts.map(compress));
    const want = concat(parts);
    for (const size of [1, 2, 3, 5, 8, 13, 64, 100, packed.length]) {
      const { compression, bytes, told } = await take(packed, size);
      assert.equal(compression, name);
      assert.deepEqual(bytes, want, `chunks of ${size}`);
      assert.deepEqual(told, [], `chunks of ${size}`);
    }
    const first = compress(parts[0]).length;
    for (let at = first - 3; at <= first + 3; at++) {
      const told: string[] = [];
      async function* two() {
        yield packed.subarray(0, at);
        yield packed.subarray(at);
      }
      const { chunks } = await decompressed(two(), { fault: (n) => told.push(n), odd: (n) => told.push(n) });
      let length = 0;
      for await (const chunk of chunks) length += chunk.length;
      assert.deepEqual([length, told], [want.length, []], `cut at ${at}`);
    }
  });

  test(`${name}: a stream cut off anywhere gives a prefix and is called truncated`, async () => {
    const want = noise(5, 300_000);
    const packed = compress(want);
    let longest = 0;
    const cuts = Array.from({ length: 60 }, (_, i) => 4 + i * Math.floor(packed.length / 61));
    for (let i = 20; i > 0; i--) cuts.push(packed.length - i);
    for (const length of cuts) {
      const { bytes, told } = await take(packed.subarray(0, length), 5000);
      assert.deepEqual(bytes, want.slice(0, bytes.length), `cut at ${length}`);
      assert.deepEqual(told, ['truncated_compression'], `cut at ${length}`);
      assert.ok(bytes.length >= longest, `cut at ${length}`);
      longest = bytes.length;
    }
    // The last zstd block, of at most 128 KiB, comes whole or not at all.
    assert.ok(longest >= (name === 'gzip' ? want.length : want.length - 131_072), `${longest}`);
  });

  test(`${name}: bytes behind the last member or frame are named and cost nothing`, async () => {
    const want = noise(6, 500);
    const zeros = await take(concat([compress(want), new Uint8Array(1000)]), 64);
    assert.deepEqual([zeros.bytes, zeros.told], [want, ['zeros_after_compression']]);
    const garbage = await take(concat([compress(want), new TextEncoder().encode('signature')]), 64);
    assert.deepEqual([garbage.bytes, garbage.told], [want, ['bytes_after_compression']]);
    assert.match(garbage.details[0], /^9 bytes at \d+$/);
  });

  test(`${name}: a source that stops being read is told so`, async () => {
    let closed = false;
    async function* source() {
      try {
        for (;;) yield compress(noise(7, 100_000));
      } finally {
        closed = true;
      }
    }
    const { chunks } = await decompressed(source(), { fault: assert.fail, odd: assert.fail });
    for await (const _ of chunks) break;
    assert.ok(closed);
  });

  test(`${name}: errors of the source are thrown, and not taken for damage`, async () => {
    const packed = compress(noise(8, 200_000));
    async function* source() {
      yield packed.subarray(0, 5000);
      throw new Error('network is down');
    }
    const { chunks } = await decompressed(source(), { fault: assert.fail, odd: assert.fail });
    await assert.rejects(async () => {
      for await (const _ of chunks);
    }, /network is down/);
  });

  test(`${name}: a bomb is decompressed in pieces, as fast as they are taken`, async () => {
    const packed = concat(Array.from({ length: 4 }, () => compress(new Uint8Array(40_000_000))));
    const { chunks } = await decompressed(chunked(packed), { fault: assert.fail, odd: assert.fail });
    let length = 0;
    let largest = 0;
    for await (const chunk of chunks) {
      length += chunk.length;
      largest = Math.max(largest, chunk.length);
    }
    assert.equal(length, 160_000_000);
    assert.ok(largest <= 64 * 1024);
  });
}

test('gzip: every optional header field is passed over', async () => {
  const want = noise(9, 100);
  const member = gzip(want);
  const extra = [0x41, 0x42, 2, 0, 1, 2];
  const fields = [6, 0, ...extra, ...new TextEncoder().encode('name\0comment\0'), 0xaa, 0xbb];
  const head = member.slice(0, 10);
  head[3] = 4 | 8 | 16 | 2;
  const packed = concat([head, Uint8Array.from(fields), member.subarray(10)]);
  for (const size of [1, 3, packed.length])
    assert.deepEqual(await take(packed, size), { ...(await take(member)), bytes: want });
});

test('gzip: a wrong checksum is named, and what follows is read on', async () => {
  const one = gzip(noise(10, 300));
  one[one.length - 6] ^= 1;
  const { bytes, told } = await take(concat([one, gzip(noise(11, 300))]));
  assert.deepEqual(told, ['corrupt_compression']);
  assert.deepEqual(bytes, concat([noise(10, 300), noise(11, 300)]));
});

test('gzip: not a byte before a fault is lost when the source can be opened again, else at most 64 KiB', async () => {
  for (const length of [10, 70_000, 1_000_000]) {
    const want = noise(12, length);
    // A flush ends the first blocks at a byte; a block of the reserved type follows.
    const blocks = deflateRawSync(want, { finishFlush: constants.Z_FULL_FLUSH });
    const bad = concat([gzip(want).subarray(0, 10), blocks, Uint8Array.of(7, 7, 7, 7), noise(13, 100_000)]);
    const exact = await take(bad, 10_000, () => chunked(bad, 7777));
    assert.deepEqual(exact.told, ['corrupt_compression']);
    assert.match(exact.details[0], /gzip member at 0, between \d+ and \d+/);
    assert.deepEqual(exact.bytes, want, `${length} bytes`);
    const { bytes } = await take(bad, 10_000);
    assert.ok(bytes.length >= length - 65_536, `${bytes.length} of ${length}`);
    assert.deepEqual(bytes, want.slice(0, bytes.length));
  }
});

test('zstd: a fault in a block costs that block and what follows, and nothing before', async () => {
  const want = noise(13, 1_000_000);
  const packed = zstd(want);
  // The blocks of a frame: three bytes with the size, after a header that ends at `at`.
  let at = 4 + 1 + 4 + ((packed[4] & 0x20) === 0 ? 1 : 0);
  assert.equal(packed[4] >>> 6, 2, 'the content size takes four bytes');
  for (let i = 0; i < 3; i++) at += 3 + ((packed[at] | (packed[at + 1] << 8) | (packed[at + 2] << 16)) >>> 3);
  packed.fill(0xff, at + 3, at + 40);
  const { bytes, told } = await take(packed, 5000);
  assert.deepEqual(told, ['corrupt_compression']);
  assert.deepEqual(bytes, want.slice(0, 3 * 131_072));
});

test('zstd: skippable frames are skipped, before and between frames', async () => {
  const skip = Uint8Array.from([0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]);
  const want = noise(14, 100);
  const packed = concat([skip, zstd(want), skip, skip, zstd(want), skip]);
  for (const size of [1, 4, packed.length]) {
    const { compression, bytes, told } = await take(packed, size);
    assert.deepEqual([compression, told], ['zstd', []]);
    assert.deepEqual(bytes, concat([want, want]));
  }
});

test('zstd: checksums are verified and long windows are read', async () => {
  const want = noise(15, 400_000);
  const params = {
    [constants.ZSTD_c_checksumFlag]: 1,
    [constants.ZSTD_c_enableLongDistanceMatching]: 1,
    [constants.ZSTD_c_windowLog]: 30,
    [constants.ZSTD_c_contentSizeFlag]: 0,
  };
  const packed = new Uint8Array(zstdCompressSync(want, { params }));
  const whole = await take(packed, 1000);
  assert.deepEqual([whole.bytes, whole.told], [want, []]);
  packed[packed.length - 1] ^= 1;
  assert.deepEqual((await take(packed, 1000)).told, ['corrupt_compression']);
});

test('random damage to compressed bytes never throws and is always told', async () => {
  for (const [name, compress] of forms) {
    for (const seed of seeds(60)) {
      const next = random(seed);
      const packed = compress(noise(seed, 5000));
      const at = Math.floor(next() * packed.length);
      packed[at] ^= 1 + Math.floor(next() * 255);
      const { bytes, told, compression } = await take(packed, 500);
      // Flips in a gzip header's time, flags of no consequence and system change nothing.
      const silent = compression === 'none' || (name === 'gzip' && at < 10) || bytes.length === 0;
      // Frames without a checksum cannot tell every flip: then the bytes differ.
      if (!silent && name === 'gzip') assert.notEqual(told.length, 0, `${name} seed ${seed}: byte ${at}`);
    }
  }
});
