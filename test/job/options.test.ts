import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_BOUNDS } from '../../shared/capture/compression/bounds.ts';
import { jobConfig } from '../../shared/job/dataset.ts';
import { jobId, shardingDigest } from '../../shared/job/jobconfig.ts';
import { givenOptions, jobOptions } from '../../shared/job/options.ts';
import { sizeText } from '../../shared/job/optionvalues.ts';
import { plainConfig } from './harness.ts';
import { MemoryStore } from './memorystore.ts';

test('bounds of compression are read as sizes and whole numbers, from text and from JSON', () => {
  assert.deepEqual(jobOptions({}).compression, DEFAULT_BOUNDS);
  for (const [given, zstdWindow, ratio] of [
    [{ 'max-zstd-window': '2G' }, 2 ** 31, 1000],
    [{ 'max-zstd-window': '512K', 'max-compression-ratio': '1' }, 2 ** 19, 1],
    [{ 'max-zstd-window': 3_000_000, 'max-compression-ratio': 5000 }, 3_000_000, 5000],
  ] as const)
    assert.deepEqual(jobOptions(givenOptions(given)).compression, { zstdWindow, ratio });
  for (const size of ['', '3G', '100', '1.5M', '64 M', '64m', '-1'])
    assert.throws(() => jobOptions({ 'max-zstd-window': size }), {
      message: `--max-zstd-window takes a size from 1K to 2G, such as 128M, not '${size}'`,
    });
  for (const ratio of ['', '0', '1.5', 'never'])
    assert.throws(() => jobOptions({ 'max-compression-ratio': ratio }), /--max-compression-ratio takes a whole number/);
  assert.throws(() => givenOptions({ 'max-zstd-window': true }), /takes a string or a number, not true/);
});

test('sizes are told in the largest unit that gives a whole number', () => {
  assert.deepEqual([1, 1023, 1024, 1536, 2 ** 27, 2 ** 31].map(sizeText), ['1', '1023', '1K', '1536', '128M', '2G']);
});

test('bounds of compression are part of what a job and its shards are', async () => {
  const store = new MemoryStore();
  const sizes = plainConfig().sizes;
  const ids = new Set<string>();
  const digests = new Set<string>();
  for (const given of [{}, { 'max-zstd-window': '64M' }, { 'max-compression-ratio': '2000' }]) {
    const config = await jobConfig(store, 'd', jobOptions(given), sizes);
    ids.add(jobId(config, []));
    digests.add(shardingDigest(config));
  }
  assert.deepEqual([ids.size, digests.size], [3, 3]);
});
