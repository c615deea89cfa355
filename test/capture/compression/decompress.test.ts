import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';

import { DEFAULT_BOUNDS, FREE_BYTES } from '../../../shared/capture/compression/bounds.ts';
import { decompressed } from '../../../shared/capture/compression/decompress.ts';
import { HEAVY } from '../../heavy.ts';
import { seeds } from '../../seed.ts';
import { chunked, concat, gzip, pcapHeader, random, randomRecords, writePcap, writePcapng, zstd } from '../build.ts';
import { forms, frame, noise, rawBlock, take } from './taken.ts';

test('bytes without compression pass through', async () => {
  const bytes = noise(1, 1000);
  for (const length of [0, 1, 3, 4, 1000]) {
    const { compression, bytes: out } = await take(bytes.subarray(0, length), 7);
    assert.equal(compression, 'none');
    assert.deepEqual(out, bytes.slice(0, length));
  }
});

for (const [name, compress] of forms) {
  test(`${name}: several members or frames in a row are one stream, in any chunks`, async () => {
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

  test(`${name}: a stream cut off anywhere yields a prefix and is reported as truncated`, async () => {
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
    // The last zstd block, of at most 128 KiB, is decompressed whole or not at all.
    assert.ok(longest >= (name === 'gzip' ? want.length : want.length - 131_072), `${longest}`);
  });

  test(`${name}: bytes after the last member or frame are reported, and are a fault unless they are zeros`, async () => {
    const want = noise(6, 500);
    const zeros = await take(concat([compress(want), new Uint8Array(1000)]), 64);
    assert.deepEqual([zeros.bytes, zeros.told], [want, ['zeros_after_compression']]);
    const packed = compress(want);
    const garbage = await take(concat([packed, new TextEncoder().encode('signature')]), 64);
    assert.deepEqual([garbage.bytes, garbage.told], [want, ['bytes_after_compression']]);
    assert.deepEqual(garbage.details, [`from ${packed.length} on`]);
  });

  test(`${name}: bytes after the last member or frame are read only while they are zeros`, async () => {
    const packed = compress(noise(6, 500));
    let given = 0;
    async function* source() {
      yield packed;
      for (given = 0; given < 1000; given++) yield new Uint8Array(1000).fill(given < 5 ? 0 : 1);
    }
    const told: string[] = [];
    const tell = (what: string) => told.push(what);
    const { chunks } = await decompressed(source(), { fault: tell, odd: tell });
    for await (const _ of chunks);
    assert.deepEqual(told, ['bytes_after_compression']);
    // A decompressor is fed up to 64 KiB at once.
    assert.ok(given >= 5 && given <= 70, `${given} chunks`);
  });

  test(`${name}: a source is closed when reading stops`, async () => {
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

  test(`${name}: errors of the source are thrown, not reported as damage`, async () => {
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

  test(`${name}: a decompression bomb is decompressed in pieces, no faster than they are taken`, async () => {
    const packed = concat(Array.from({ length: 4 }, () => compress(new Uint8Array(40_000_000))));
    const bounds = { ...DEFAULT_BOUNDS, ratio: 1e9 };
    const { chunks } = await decompressed(chunked(packed), { fault: assert.fail, odd: assert.fail }, { bounds });
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

for (const [name, compress] of forms) {
  test(`${name}: output above the ratio, beyond the free bytes, is refused, and what came before is kept`, async () => {
    const zeros = compress(new Uint8Array(60_000_000));
    const packed = concat([zeros, zeros, zeros]);
    for (const size of [100, packed.length]) {
      const { chunks } = await decompressed(
        chunked(packed, size),
        {
          fault: (reason, detail) => {
            assert.equal(reason, 'compression_ratio_exceeded');
            assert.match(detail, /^more than 100 times the \d+ compressed bytes so far; --max-compression-ratio/);
            faults++;
          },
          odd: assert.fail,
        },
        { bounds: { ...DEFAULT_BOUNDS, ratio: 100 } },
      );
      let faults = 0;
      let length = 0;
      for await (const chunk of chunks) length += chunk.length;
      assert.deepEqual([length, faults], [FREE_BYTES, 1], `chunks of ${size}`);
    }
  });
}

test('gzip: every optional header field is skipped', async () => {
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

test('gzip: a wrong checksum is reported, and reading continues after it', async () => {
  const one = gzip(noise(10, 300));
  one[one.length - 6] ^= 1;
  const { bytes, told } = await take(concat([one, gzip(noise(11, 300))]));
  assert.deepEqual(told, ['corrupt_compression']);
  assert.deepEqual(bytes, concat([noise(10, 300), noise(11, 300)]));
});

test('gzip: no byte before a fault is lost when the source can be reopened, otherwise at most 64 KiB', async () => {
  for (const length of [10, 70_000, 1_000_000]) {
    const want = noise(12, length);
    // A flush ends the first blocks at a byte; a block of the reserved type follows.
    const blocks = deflateRawSync(want, { finishFlush: constants.Z_FULL_FLUSH });
    const bad = concat([gzip(want).subarray(0, 10), blocks, Uint8Array.of(7, 7, 7, 7), noise(13, 100_000)]);
    const exact = await take(bad, 10_000, () => chunked(bad, 7777));
    assert.deepEqual(exact.told, ['corrupt_compression']);
    assert.match(exact.details[0], /gzip member at 0, between \d+ and \d+/);
    assert.deepEqual(exact.bytes, want, `${length} bytes`);
    const { bytes, details } = await take(bad, 10_000);
    assert.ok(bytes.length >= length - 65_536, `${bytes.length} of ${length}`);
    const [, from, to] = /between (\d+) and (\d+)/.exec(details[0]) ?? [];
    assert.equal(Number(to) - Number(from), 65_536, details[0]);
    assert.deepEqual(bytes, want.slice(0, bytes.length));
  }
});

test('any chunking of corrupt compression yields the same bytes and the same messages', HEAVY, async () => {
  for (const [name, compress] of forms) {
    for (let seed = 1; seed <= 40; seed++) {
      const next = random(seed);
      const kind = seed % 4;
      // Incompressible bytes are in raw blocks, others in compressed ones; many tiny blocks, members and frames too.
      const plain =
        kind === 1
          ? Uint8Array.from({ length: 150_000 }, () => Math.floor(next() * 256))
          : noise(seed, kind === 2 ? 200_000 : 3000);
      const packed =
        name === 'zstd' && kind === 3
          ? frame(0x50, ...Array.from({ length: 3000 }, (_, i) => rawBlock(plain.subarray(i % 90, (i % 90) + (i % 4)))))
          : kind === 0
            ? concat(Array.from({ length: 40 }, (_, i) => compress(plain.subarray(0, i * 60))))
            : compress(plain);
      for (let n = 1 + Math.floor(next() * 3); n > 0; n--)
        packed[Math.floor(next() * packed.length)] ^= 1 + Math.floor(next() * 255);
      const bytes = next() < 0.2 ? packed.subarray(0, Math.floor(next() * packed.length)) : packed;
      for (const again of [true, false]) {
        const whole = await take(bytes, bytes.length, again ? () => chunked(bytes) : undefined);
        const small = bytes.length < 20_000 ? 1 + Math.floor(next() * 10) : 100 + Math.floor(next() * 900);
        for (const size of [small, 4096, 65_537]) {
          const cut = await take(bytes, size, again ? () => chunked(bytes, 1 + Math.floor(next() * 5000)) : undefined);
          assert.deepEqual(cut.told, whole.told, `${name} seed ${seed}, chunks of ${size}`);
          assert.deepEqual(cut.details, whole.details, `${name} seed ${seed}, chunks of ${size}`);
          assert.ok(Buffer.compare(cut.bytes, whole.bytes) === 0, `${name} seed ${seed}, chunks of ${size}`);
        }
      }
    }
  }
});

test('random damage to compressed bytes never throws and is always reported', async () => {
  for (const [name, compress] of forms) {
    for (const seed of seeds(60)) {
      const next = random(seed);
      const packed = compress(noise(seed, 5000));
      const at = Math.floor(next() * packed.length);
      packed[at] ^= 1 + Math.floor(next() * 255);
      const { bytes, told, compression } = await take(packed, 500);
      // Flips in a gzip header's time, system and insignificant flags change nothing.
      const silent = compression === 'none' || (name === 'gzip' && at < 10) || bytes.length === 0;
      // Frames without a checksum cannot detect every flip: then the bytes differ.
      if (!silent && name === 'gzip') assert.notEqual(told.length, 0, `${name} seed ${seed}: byte ${at}`);
    }
  }
});

test('a capture without compression behind a compressed one is delivered as it is, in any chunks', async () => {
  const [first, second] = [randomRecords(random(6), 5), randomRecords(random(7), 5)];
  for (const compress of [gzip, zstd])
    for (const plain of [writePcap(second, { bigEndian: true }), writePcapng(second)]) {
      const packed = writePcap(first);
      for (const size of [1, 7, 10_000]) {
        const { bytes, told } = await take(concat([compress(packed), plain]), size);
        assert.deepEqual(Buffer.from(bytes).toString('hex'), Buffer.from(concat([packed, plain])).toString('hex'));
        assert.deepEqual(told, []);
      }
    }
  // Bytes that begin like a file header alone are none.
  assert.deepEqual((await take(concat([gzip(writePcap(first)), pcapHeader().subarray(0, 8)]))).told, [
    'bytes_after_compression',
  ]);
});
