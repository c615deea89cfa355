/** Concurrent requests: how many, the order of their answers, and what the first error ends. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { eachInParallel, inParallel } from '../../shared/store/inparallel.ts';

/** Requests that end when told to, and the most that were in flight. */
class Asked {
  readonly begun: number[] = [];
  most = 0;
  private underWay = 0;
  private readonly ends = new Map<number, (error?: Error) => void>();

  readonly ask = (item: number): Promise<string> => {
    this.begun.push(item);
    this.most = Math.max(this.most, ++this.underWay);
    return new Promise((resolve, reject) => {
      this.ends.set(item, (error) => {
        this.underWay--;
        if (error === undefined) resolve(`answer ${item}`);
        else reject(error);
      });
    });
  };

  async end(item: number, error?: Error): Promise<void> {
    this.ends.get(item)!(error);
    await turn();
  }
}

test('answers are in the order of the items, in whatever order the requests end', async () => {
  const asked = new Asked();
  const answers = inParallel([0, 1, 2, 3], 3, asked.ask);
  assert.deepEqual(asked.begun, [0, 1, 2]);
  await asked.end(2);
  assert.deepEqual(asked.begun, [0, 1, 2, 3], 'the next starts as soon as one has ended');
  for (const item of [3, 1, 0]) await asked.end(item);
  assert.deepEqual(await answers, ['answer 0', 'answer 1', 'answer 2', 'answer 3']);
  assert.equal(asked.most, 3);
});

test('the first error is thrown when all in flight have ended; none is started after it', async () => {
  const asked = new Asked();
  let thrown: unknown;
  const answers = inParallel([0, 1, 2, 3, 4], 2, asked.ask).catch((error) => {
    thrown = error;
  });
  await asked.end(1, new Error('first'));
  assert.equal(thrown, undefined);
  await asked.end(0, new Error('second'));
  await answers;
  assert.equal(String(thrown), 'Error: first');
  assert.deepEqual(asked.begun, [0, 1]);
});

test('no items make no request', async () => {
  assert.deepEqual(await inParallel([], 8, () => assert.fail()), []);
});

test('as a stream: answers in order, a bounded number ahead of the consumer', async () => {
  const asked = new Asked();
  const answers = eachInParallel([0, 1, 2, 3, 4, 5], 3, asked.ask);
  const first = answers.next();
  assert.deepEqual(asked.begun, [0, 1, 2]);
  await asked.end(1);
  await asked.end(0);
  assert.equal((await first).value, 'answer 0');
  const second = answers.next();
  assert.deepEqual(asked.begun, [0, 1, 2, 3]);
  assert.equal((await second).value, 'answer 1');
  await asked.end(2, new Error('the third'));
  await assert.rejects(answers.next(), /the third/);
  // The fourth fails when no one awaits it any more.
  await asked.end(3, new Error('the fourth'));
  assert.equal(asked.most, 3);
});
