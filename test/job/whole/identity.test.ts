/** What makes two jobs, and two groups of shards, the same: every option that decides content, and none that does not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jobConfig } from '../../../shared/job/dataset/dataset.ts';
import { DEFAULT_SIZES, type JobConfig, jobId, type Sizes, shardingDigest } from '../../../shared/job/jobconfig.ts';
import { type GivenOptions, JOB_OPTIONS, jobOptions } from '../../../shared/job/options/options.ts';
import { hasOurRevisions, RELEASE, REVISIONS } from '../../../shared/job/revisions.ts';
import type { CaptureRef } from '../../../shared/store/capturesource.ts';
import { jsonBytes } from '../../../shared/store/jsonobject.ts';
import { plainConfig } from '../harness.ts';
import { MemoryStore } from '../memorystore.ts';

const CAPTURES: CaptureRef[] = [{ name: 'a', location: '/a', size: 10, version: '1' }];

async function configOf(given: GivenOptions): Promise<JobConfig> {
  const store = new MemoryStore();
  await store.putIfAbsent('datasets/d/dataset.json', jsonBytes({ buckets: 64, seed: 7 }));
  const options = jobOptions({ dataset: 'd', ...given });
  return jobConfig(store, given.dataset === undefined ? 'd' : String(given.dataset), options, DEFAULT_SIZES);
}

/** A value of each option other than what it is by default, and whether shards depend on it. */
const OTHER: Record<keyof typeof JOB_OPTIONS, [value: string | boolean, shards: boolean]> = {
  packets: [true, false],
  'keep-copies': [true, false],
  // Its seed is drawn, and so another.
  dataset: ['e', true],
  buckets: ['7', true],
  'shard-by': ['2tuple', true],
  key: ['vni', true],
  'vxlan-port': ['7', true],
  'tcp-timeout': ['7s', false],
  'udp-timeout': ['7s', false],
  'icmp-timeout': ['7s', false],
  'other-timeout': ['7s', false],
  'long-timeout': ['7s', false],
  'tcp-attempt-delay': ['7s', false],
  'tcp-close-delay': ['7s', false],
  'tcp-reset-delay': ['7s', false],
  'max-zstd-window': ['64M', true],
  'max-compression-ratio': ['7', true],
};

describe('each option of a job', () => {
  for (const option of Object.keys(JOB_OPTIONS) as (keyof typeof JOB_OPTIONS)[])
    test(`--${option} makes another job, and other shards where they depend on it`, async () => {
      const [value, shards] = OTHER[option];
      const [plain, other] = [await configOf({}), await configOf({ [option]: value })];
      assert.notEqual(jobId(other, CAPTURES), jobId(plain, CAPTURES));
      assert.equal(shardingDigest(other) !== shardingDigest(plain), shards);
    });
});

describe('each size of a job', () => {
  const decides: Record<keyof Sizes, boolean> = {
    taskBytes: false,
    shardRows: false,
    batchRows: false,
    partitionRows: false,
    partitions: false,
    openRows: false,
    directReads: false,
    readBytes: false,
    intervalRows: false,
    intervalShards: false,
    // Which rows share a file, and which captures are refused.
    fileRows: true,
    captureBytes: true,
  };
  for (const size of Object.keys(decides) as (keyof Sizes)[])
    test(`${size} makes ${decides[size] ? 'another' : 'no other'} job, and never other shards`, () => {
      const [plain, other] = [plainConfig(), plainConfig({ sizes: { [size]: 12345 } })];
      assert.equal(jobId(other, CAPTURES) !== jobId(plain, CAPTURES), decides[size]);
      assert.equal(shardingDigest(other), shardingDigest(plain));
    });
});

test('what nobody has thought of yet makes other jobs and other shards', () => {
  const grown = { ...plainConfig(), reading: { windowBytes: 1 << 27 } };
  assert.notEqual(jobId(grown, CAPTURES), jobId(plainConfig(), CAPTURES));
  assert.notEqual(shardingDigest(grown), shardingDigest(plainConfig()));
  const sizes = { ...DEFAULT_SIZES, other: 1 };
  assert.notEqual(jobId({ ...plainConfig(), sizes }, CAPTURES), jobId(plainConfig(), CAPTURES));
});

test('a capture that is refused beforehand is another input than the same one read', () => {
  const refused = { reason: 'capture_archived', detail: 'restore it' };
  assert.notEqual(jobId(plainConfig(), [{ ...CAPTURES[0], refused }]), jobId(plainConfig(), CAPTURES));
  // One that may be passed over, too.
  assert.notEqual(jobId(plainConfig(), [{ ...CAPTURES[0], incidental: true }]), jobId(plainConfig(), CAPTURES));
});

test('revisions make software the same, whatever its version', () => {
  assert.ok(hasOurRevisions(RELEASE));
  assert.ok(hasOurRevisions(`9.9.9+${REVISIONS}`));
  for (const other of ['0.1.0', '', REVISIONS, `0.1.0+${REVISIONS}.1`, '0.1.0+0.0.0'])
    assert.equal(hasOurRevisions(other), false, other);
});
