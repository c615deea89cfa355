import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateRawSync, gunzipSync, zstdCompressSync } from 'node:zlib';

import { DEFAULT_BOUNDS } from '../../../shared/capture/compression/bounds.ts';
import { HEAVY } from '../../heavy.ts';
import { chunked, concat, gzip, zstd } from '../build.ts';
import { frame, noise, rawBlock, take } from './taken.ts';

test('zstd: a fault in a block loses that block and what follows, and nothing before', async () => {
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

test('zstd: checksums are verified', async () => {
  const want = noise(15, 400_000);
  const packed = new Uint8Array(zstdCompressSync(want, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }));
  const whole = await take(packed, 1000);
  assert.deepEqual([whole.bytes, whole.told], [want, []]);
  packed[packed.length - 1] ^= 1;
  assert.deepEqual((await take(packed, 1000)).told, ['corrupt_compression']);
});

test('zstd: a window above the limit is refused by name before it is allocated, and what came before is kept', async () => {
  const want = noise(16, 300);
  const first = zstd(want);
  for (const [log, bound, read] of [
    [27, 2 ** 27, true],
    [28, 2 ** 27, false],
    [31, 2 ** 27, false],
    [31, 2 ** 31, true],
    [12, 2 ** 11, false],
  ] as const) {
    const packed = concat([first, frame((log - 10) << 3, rawBlock(want))]);
    for (const size of [1, packed.length]) {
      const { bytes, told, details } = await take(packed, size, undefined, { ...DEFAULT_BOUNDS, zstdWindow: bound });
      assert.deepEqual(bytes, read ? concat([want, want]) : want, `2^${log} of 2^${bound}`);
      assert.deepEqual(told, read ? [] : ['zstd_window_too_large'], `2^${log} of 2^${bound}`);
      if (log === 31 && !read)
        assert.match(details[0], /at \d+: its window is 2048 MiB, at most 128 MiB are given; --max-zstd-window/);
    }
  }
  // A single-segment frame, whose size has eight bytes.
  const own = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 1, 0, 0, 0);
  assert.deepEqual((await take(concat([own, rawBlock(want)]))).told, ['zstd_window_too_large']);
});

test(
  'zstd: tens of thousands of frames of some bytes each are refused by name, and what came before is kept',
  HEAVY,
  async () => {
    const one = zstd(Uint8Array.of(7));
    const { bytes, told } = await take(concat(Array.from({ length: 12_000 }, () => one)));
    assert.deepEqual([bytes.length, told], [10_000, ['zstd_frames_too_small']]);
    const larger = zstd(Uint8Array.from({ length: 300 }, (_, i) => i * 37));
    assert.deepEqual((await take(concat(Array.from({ length: 10_100 }, () => larger)))).told, []);
  },
);

/** CPU seconds of some work. */
async function cpuSeconds(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

test(
  'a megabyte of tiny members, tiny blocks or corrupt captures costs little more than its size suggests',
  HEAVY,
  async () => {
    const members = Array.from({ length: 50_000 }, () => gzip(new Uint8Array(0)));
    // The cost of twice as many decompressors on this machine: several times that of each input here. With a decompressor
    // or a feed for each, the inputs cost as much and up to seven times that.
    const unit = await cpuSeconds(async () => {
      for (let i = 0; i < 2; i++) for (const member of members) gunzipSync(member);
    });
    assert.ok((await cpuSeconds(() => take(concat(members)))) < unit);
    const block = rawBlock(Uint8Array.of(9));
    const blocks = frame(0x50, concat(Array.from({ length: 250_000 }, () => block)));
    assert.ok((await cpuSeconds(() => take(blocks))) < 2 * unit);
    const noisy = Uint8Array.from({ length: 65_000 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 15);
    const flushed = deflateRawSync(noisy, { finishFlush: constants.Z_FULL_FLUSH });
    const corrupt = concat([gzip(noisy).subarray(0, 10), flushed, Uint8Array.of(7, 7, 7, 7)]);
    let opened = 0;
    const spent = await cpuSeconds(async () => {
      for (let i = 0; i < 15; i++) {
        const { bytes } = await take(corrupt, 65_536, () => {
          opened++;
          return chunked(corrupt, 65_536);
        });
        assert.ok(Buffer.compare(bytes, noisy) === 0);
      }
    });
    assert.ok(spent < 3 * unit, `${spent} s, ${unit} s`);
    assert.equal(opened, 2 * 15);
    const tiny = frame(
      0x50,
      concat(Array.from({ length: 1000 }, () => block)),
      Uint8Array.of(0x24, 0, 0, 255, 255, 255, 255),
    );
    const tail = await cpuSeconds(async () => {
      for (let i = 0; i < 100; i++) assert.equal((await take(tiny, 65_536, () => chunked(tiny))).bytes.length, 1000);
    });
    assert.ok(tail < 1.5 * unit, `${tail} s, ${unit} s`);
  },
);
