/** The look at a function's memory: it says so once, before the end of the process's memory or of V8's heap. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MemoryUse, watchMemory } from '../../functions/memorywatch.ts';

/** What was said while this process, as it is, had so much memory. */
async function said(mostMB: number): Promise<MemoryUse[]> {
  const uses: MemoryUse[] = [];
  const end = watchMemory(mostMB, (use) => uses.push(use));
  await sleep(1000);
  end();
  return uses;
}

test('it is said once, with what is used of how much, when little is left', async () => {
  const rss = Math.round(process.memoryUsage.rss() / 2 ** 20);
  const [use, ...others] = await said(Math.round(rss / 0.95));
  assert.deepEqual(others, []);
  assert.ok(use.used / use.most > 0.85 && use.most < 2 * rss, JSON.stringify(use));
});

test('nothing is said while most of it is free', async () => {
  assert.deepEqual(await said(1_000_000), []);
});
