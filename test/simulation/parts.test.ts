/** The simulation's own parts: a bucket that lists as it must, queues that are no better than SQS, a clock in order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../capture/build.ts';
import { Bucket, PAGE } from './bucket.ts';
import type { Surroundings } from './process.ts';
import { QUEUE_URLS, Queues, SimQueue } from './queues.ts';
import { CALM } from './scenario.ts';
import { VirtualTime } from './time.ts';

const surroundings = (): Surroundings => ({ time: new VirtualTime(), next: random(1), faults: CALM });

test('events happen in order of their times, and what follows from one comes before the next', async () => {
  const time = new VirtualTime();
  const seen: string[] = [];
  const chain = async (name: string, steps: number): Promise<void> => {
    for (let step = 0; step < steps; step++) await null;
    seen.push(name);
  };
  for (const ms of [30, 10, 20, 10]) time.after(ms, () => void chain(String(ms), 50));
  await time.run(() => false);
  assert.deepEqual(seen, ['10', '10', '20', '30']);
});

test('a bucket lists, page by page, what a plain search among its keys finds', () => {
  const next = random(3);
  const bucket = new Bucket<null>(() => 0, { written() {}, removed() {} });
  const keys = new Set<string>();
  const bytes = new Uint8Array(1);
  for (let count = 0; count < 4000; count++) {
    const key = `a/${Math.floor(3 * next())}/b${Math.floor(4 * next())}${next() < 0.5 ? '/' : '-'}${Math.floor(900 * next())}`;
    if (next() < 0.1) {
      bucket.remove(key, null);
      keys.delete(key);
    } else {
      bucket.put(key, bytes, null);
      keys.add(key);
    }
  }
  for (const prefix of ['', 'a/', 'a/1/', 'a/1/b2', 'a/1/b2/', 'a/2/b0-1', 'c/']) {
    const expected = [...keys].filter((key) => key.startsWith(prefix)).sort();
    const found: string[] = [];
    for (;;) {
      const page = bucket.page(prefix, found.at(-1)).map(({ key }) => key);
      assert.ok(page.length <= PAGE);
      found.push(...page);
      if (page.length < PAGE) break;
    }
    assert.deepEqual(found, expected, `prefix '${prefix}'`);
  }
});

test('a FIFO queue drops what was sent twice within five minutes, and no longer', async () => {
  const around = surroundings();
  const queues = new Queues(around);
  const entry = {
    MessageBody: '{"job":"j","stage":"plan","task":0}',
    MessageGroupId: 'g',
    MessageDeduplicationId: 'd',
  };
  const send = (): void => queues.accept(QUEUE_URLS.plan, [entry]);
  for (const minutes of [0, 4.9, 5.1]) around.time.after(minutes * 60_000, send);
  await around.time.run(() => false);
  assert.equal(queues.stages.plan.outstanding, 2);
});

test('a FIFO queue gives out one message of a group at a time, in their order, the one that comes again first', async () => {
  const around = surroundings();
  const queue = new SimQueue(around, true);
  for (let task = 0; task < 3; task++)
    around.time.after(1000 * task, () =>
      queue.send({ body: { job: 'j', stage: 'plan', task }, group: 'g', receives: 0 }),
    );
  await around.time.run(() => false);
  const first = queue.receive()!;
  assert.equal(first.body.task, 0);
  assert.equal(queue.receive(), undefined);
  queue.release(first, 1000);
  await around.time.run(() => false);
  const again = queue.receive()!;
  assert.deepEqual([again.body.task, again.receives], [0, 2]);
  queue.remove(again);
  assert.equal(queue.receive()?.body.task, 1);
});
