/** The queue within one process: the contract, its counts, and whom it wakes. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { InProcessQueue } from '../../shared/queue/inprocess.ts';
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { queueContract } from './contract.ts';

queueContract('in-process', async (maxReceives) => {
  const queue = new InProcessQueue(maxReceives);
  return { queue, receive: async () => queue.receive(), dead: async () => queue.dead };
});

const MESSAGE: TaskMessage = { job: 'job', stage: 'reduce', task: 0 };

/** Whether a promise has resolved by the time all that was ready has run. */
async function hasResolved(promise: Promise<void>): Promise<boolean> {
  let resolved = false;
  void promise.then(() => {
    resolved = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return resolved;
}

test('it counts what waits and what is in hands', async () => {
  const queue = new InProcessQueue(2);
  const counts = (): number[] => [queue.depth, queue.inFlight, queue.dead.length];
  assert.deepEqual(counts(), [0, 0, 0]);
  await queue.send([MESSAGE, { ...MESSAGE, task: 1 }]);
  assert.deepEqual(counts(), [2, 0, 0]);
  const first = queue.receive();
  assert.deepEqual(counts(), [1, 1, 0]);
  first?.release();
  assert.deepEqual(counts(), [2, 0, 0]);
  queue.receive()?.acknowledge();
  assert.deepEqual(counts(), [1, 0, 0]);
  queue.receive()?.release();
  assert.deepEqual(counts(), [0, 0, 1]);
});

test('changed() resolves for all who wait when a message arrives, is acknowledged, is released or dies', async () => {
  const queue = new InProcessQueue(2);
  for (const change of [
    async () => queue.send([MESSAGE]),
    async () => queue.receive()?.release(),
    async () => queue.receive()?.release(),
    async () => {
      await queue.send([MESSAGE]);
      queue.receive()?.acknowledge();
    },
  ]) {
    const waiting = [queue.changed(), queue.changed()];
    assert.equal(await hasResolved(waiting[0]), false, 'nothing has changed yet');
    await change();
    assert.deepEqual([await hasResolved(waiting[0]), await hasResolved(waiting[1])], [true, true]);
  }
  assert.equal(queue.dead.length, 1);
});

test('taking a message out wakes nobody', async () => {
  const queue = new InProcessQueue();
  await queue.send([MESSAGE]);
  const waiting = queue.changed();
  queue.receive();
  assert.equal(await hasResolved(waiting), false);
});
