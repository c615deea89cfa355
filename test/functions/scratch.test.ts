/** Scratch folders of tasks: what a process that died has left is swept away, and no folder of a running task. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { invocation, sqsEvent } from './environment.ts';

const { removeScratch, takeScratch } = await import('../../functions/scratch.ts');
const { handler: plan } = await import('../../functions/plan.ts');

/** What the task of a process that is gone has left. */
async function leftBehind(): Promise<string> {
  const taken = await takeScratch();
  await removeScratch(taken);
  mkdirSync(join(taken, 'runs'), { recursive: true });
  writeFileSync(join(taken, 'runs', 'run-0'), Buffer.alloc(1000));
  return taken;
}

test('what a dead process has left in /tmp is removed before a task begins, and nothing of others', async () => {
  const old = await leftBehind();
  const another = join(tmpdir(), 'flowstitch-of-another-kind');
  mkdirSync(another);
  const mine = await takeScratch();
  assert.deepEqual([existsSync(old), existsSync(another), readdirSync(mine)], [false, true, []]);
  await removeScratch(mine);
});

test('a task that begins while another runs in the same process leaves its folder alone', async () => {
  const [first, second] = await Promise.all([takeScratch(), takeScratch()]);
  writeFileSync(join(first, 'spool'), 'x');
  const third = await takeScratch();
  for (const folder of [first, second, third]) assert.ok(existsSync(folder));
  assert.ok(existsSync(join(first, 'spool')));
  for (const folder of [first, second, third]) await removeScratch(folder);
});

test('a function sweeps before its task, and leaves nothing, though the task fails', async () => {
  const old = await leftBehind();
  const event = sqsEvent([{ job: 'unknown', stage: 'plan', task: 0 }]);
  assert.equal((await plan(event, invocation())).batchItemFailures.length, 1);
  assert.equal(existsSync(old), false);
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith('flowstitch-task-')),
    [],
  );
});
