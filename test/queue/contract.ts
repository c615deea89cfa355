/** The contract of task queues, for senders and receivers: one suite for all of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Delivery, TaskMessage, TaskQueue } from '../../shared/queue/taskqueue.ts';

/** An empty queue, as a test can drive it. */
export interface FreshQueue {
  queue: TaskQueue;
  /** The next message, undefined if none is waiting. */
  receive: () => Promise<Delivery | undefined>;
  /** Dead letters so far. */
  dead: () => Promise<TaskMessage[]>;
}

const message = (task: number): TaskMessage => ({ job: 'job', stage: 'map', task });

/** What was sent: a queue between functions marks the first message of a sending. */
const unmarked = ({ first: _, ...message }: TaskMessage): TaskMessage => message;

/**
 * @param make takes the number of deliveries after which a message is a dead letter
 * @param options.messages how many messages the tests with many of them send
 */
export function queueContract(
  name: string,
  make: (maxReceives: number) => Promise<FreshQueue>,
  options: { messages: number } = { messages: 5000 },
): void {
  const receiveAll = async ({ receive }: FreshQueue): Promise<Delivery[]> => {
    const deliveries: Delivery[] = [];
    for (let next = await receive(); next !== undefined; next = await receive()) deliveries.push(next);
    return deliveries;
  };
  const tasks = (deliveries: readonly Delivery[]): number[] =>
    deliveries.map((delivery) => delivery.message.task).sort((a, b) => a - b);

  describe(name, () => {
    test('an empty queue delivers nothing', async () => {
      const fresh = await make(3);
      assert.equal(await fresh.receive(), undefined);
      await fresh.queue.send([]);
      assert.equal(await fresh.receive(), undefined);
    });

    test('every message that was sent is delivered, complete', async () => {
      const fresh = await make(3);
      const all = Array.from({ length: options.messages }, (_, task) => message(task));
      for (let from = 0; from < all.length; from += 170) await fresh.queue.send(all.slice(from, from + 170));
      const deliveries = await receiveAll(fresh);
      assert.deepEqual(
        tasks(deliveries),
        all.map(({ task }) => task),
      );
      assert.deepEqual(unmarked(deliveries[0].message), message(deliveries[0].message.task));
      for (const { receives } of deliveries) assert.equal(receives, 1);
    });

    test('a message that was sent twice is delivered twice', async () => {
      const fresh = await make(3);
      await fresh.queue.send([message(1), message(1)]);
      assert.deepEqual(tasks(await receiveAll(fresh)), [1, 1]);
    });

    test('a message in flight is not delivered again, and an acknowledged one never', async () => {
      const fresh = await make(3);
      await fresh.queue.send([message(1)]);
      const delivery = await fresh.receive();
      assert.equal(await fresh.receive(), undefined);
      delivery?.acknowledge();
      assert.equal(await fresh.receive(), undefined);
      assert.deepEqual(await fresh.dead(), []);
    });

    test('a released message is delivered again, with its number of receives', async () => {
      const fresh = await make(3);
      await fresh.queue.send([message(7)]);
      for (const receives of [1, 2]) {
        const delivery = await fresh.receive();
        assert.deepEqual([delivery && unmarked(delivery.message), delivery?.receives], [message(7), receives]);
        delivery?.release();
      }
      const last = await fresh.receive();
      assert.equal(last?.receives, 3);
      last?.acknowledge();
      assert.equal(await fresh.receive(), undefined);
      assert.deepEqual(await fresh.dead(), []);
    });

    test('a message that was released maxReceives times is a dead letter, and the others are not', async () => {
      const fresh = await make(2);
      await fresh.queue.send([message(1), message(2)]);
      for (let i = 0; i < 3; i++)
        for (const delivery of await receiveAll(fresh))
          if (delivery.message.task === 1) delivery.release();
          else delivery.acknowledge();
      assert.deepEqual((await fresh.dead()).map(unmarked), [message(1)]);
      assert.equal(await fresh.receive(), undefined);
    });

    test('a delivery is settled once: later calls change nothing', async () => {
      const fresh = await make(5);
      await fresh.queue.send([message(1), message(2)]);
      const [first, second] = await receiveAll(fresh);
      first.acknowledge();
      first.release();
      second.release();
      second.release();
      second.acknowledge();
      const again = await receiveAll(fresh);
      assert.deepEqual(tasks(again), [second.message.task]);
      assert.equal(again[0].receives, 2);
    });

    test('many workers that receive and release at random process every message once and lose none', async () => {
      const fresh = await make(50);
      const all = Array.from({ length: options.messages }, (_, task) => task);
      await fresh.queue.send(all.map(message));
      const done: number[] = [];
      let turn = 0;
      for (let next = await fresh.receive(); next !== undefined; next = await fresh.receive()) {
        // Two out of three fail the first two times: released messages wait behind many others.
        if (turn++ % 3 !== 0 && next.receives < 3) next.release();
        else {
          done.push(next.message.task);
          next.acknowledge();
        }
      }
      assert.deepEqual(
        done.sort((a, b) => a - b),
        all,
      );
      assert.deepEqual(await fresh.dead(), []);
    });
  });
}
