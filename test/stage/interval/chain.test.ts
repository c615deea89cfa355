/** Chain ids: what makes another interval, and what does not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobConfig } from '../../../shared/job/jobconfig.ts';
import type { RankedCapture } from '../../../shared/job/tasks/maptask.ts';
import { ChainIds } from '../../../shared/stage/interval/chain.ts';
import { plainConfig } from '../../job/harness.ts';
import { rankedCapture } from '../../job/rankedcapture.ts';

const named = (name: string, firstUs: number, lastUs: number, changes: Partial<RankedCapture> = {}): RankedCapture => {
  const capture = rankedCapture(name, {});
  return { ...capture, facts: { ...capture.facts, firstUs, lastUs }, ...changes };
};

const A = named('a', 0, 9);
const B = named('b', 10, 19);
const C = named('c', 20, 29);

/** Ids of [0, 10), [10, 20) and [20, 30). */
function idsOf(captures: readonly RankedCapture[], config: JobConfig = plainConfig()): string[] {
  return new ChainIds(config, captures).continued([], [10, 20, 30]).map(({ chain }) => chain);
}

describe('a chain id', () => {
  test('is the same whatever comes later in time', () => {
    assert.deepEqual(idsOf([A, B, C]).slice(0, 2), idsOf([A, B]).slice(0, 2));
  });

  test('differs from the interval on that a late capture reaches into', () => {
    const [first, ...others] = idsOf([A, B, C]);
    const [same, ...late] = idsOf([A, B, named('late', 15, 16), C]);
    assert.equal(same, first);
    for (const [at, id] of late.entries()) assert.notEqual(id, others[at]);
  });

  test('knows a capture that began before the interval and reaches into it', () => {
    const [, second] = idsOf([A, B, C]);
    assert.notEqual(idsOf([named('long', 0, 12), B, C])[1], second);
  });

  test('is the same whatever sharding and sizes there are, and differs with what decides rows', () => {
    const plain = idsOf([A, B, C]);
    const sharded = plainConfig({
      sharding: { buckets: 7, seed: 99, by: '2tuple' },
      sizes: { shardRows: 5, intervalRows: 1 },
    });
    assert.deepEqual(idsOf([A, B, C], sharded), plain);
    assert.notEqual(idsOf([A, B, C], plainConfig({ packets: true }))[0], plain[0]);
    assert.notEqual(idsOf([A, B, C], plainConfig({ dataset: 'other' }))[0], plain[0]);
    assert.notEqual(idsOf([A, B, C], plainConfig({ sizes: { fileRows: 17 } }))[0], plain[0]);
  });

  test('has nothing of a copy, and another where a capture is read anew', () => {
    const plain = idsOf([A, B, C]);
    assert.deepEqual(idsOf([A, B, named('copy', 10, 19, { copyOf: 1 }), C]), plain);
    const again = named('b', 10, 19);
    again.capture = { ...again.capture, version: 'newer' };
    assert.notEqual(idsOf([A, again, C])[1], plain[1]);
  });
});
