/** The queue within one process: the contract, and its counts. */
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

test('it counts messages waiting and in flight', async () => {
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
