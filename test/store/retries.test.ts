/** The wait before a failed request is sent again. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { clientSettings } from '../../shared/store/aws/awsclient.ts';

/** The waits before all retries after failures of one kind, with Math.random() returning `dice`. */
async function waits(t: TestContext, errorType: string, dice: number): Promise<number[]> {
  const random = t.mock.method(Math, 'random', () => dice);
  const { retryStrategy } = clientSettings({});
  const all: number[] = [];
  let token = await retryStrategy.acquireInitialRetryToken();
  assert.equal(token.getRetryDelay(), 0);
  try {
    for (;;) {
      token = await retryStrategy.refreshRetryTokenForRetry(token, { errorType });
      all.push(token.getRetryDelay());
    }
  } catch (error) {
    assert.match(String(error), /no attempts left/);
  }
  random.mock.restore();
  return all;
}

for (const errorType of ['TRANSIENT', 'THROTTLING'])
  test(`after failures that are ${errorType.toLowerCase()} each wait is twice the one before, up to a longest one`, async (t) => {
    const all = await waits(t, errorType, 0.5);
    const longest = Math.max(...all);
    for (let i = 1; i < all.length; i++) assert.equal(all[i], Math.min(2 * all[i - 1], longest), `${all}`);
    assert.ok(all.length > 4 && all[3] === 8 * all[0], `${all}`);
  });

test('waits have jitter between half of their maximum and all of it', async (t) => {
  const least = await waits(t, 'TRANSIENT', 0);
  const most = await waits(t, 'TRANSIENT', 1);
  assert.deepEqual(
    least,
    most.map((wait) => wait / 2),
  );
});

test('throttled requests wait longer, and permanent failures are not retried', async (t) => {
  const [transient] = await waits(t, 'TRANSIENT', 1);
  const [throttled] = await waits(t, 'THROTTLING', 1);
  assert.ok(throttled > transient, `${throttled} ${transient}`);
  const { retryStrategy } = clientSettings({});
  const token = await retryStrategy.acquireInitialRetryToken();
  await assert.rejects(retryStrategy.refreshRetryTokenForRetry(token, { errorType: 'CLIENT_ERROR' }), /would not help/);
});
