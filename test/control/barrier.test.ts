/** The barrier between stages: its cost, and what it does when messages double and callers die. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance, forgetFailures, resume, type StagePlanner } from '../../shared/control/barrier.ts';
import { completeKey, DONE_GROUP, doneKey, endKey, listKey, sentKey } from '../../shared/job/protocol/keys.ts';
import type { Stage, StageList } from '../../shared/job/protocol/stageresults.ts';
import { stageResults, writeDone } from '../../shared/job/protocol/taskends.ts';
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { getJson, jsonBytes } from '../../shared/store/jsonobject.ts';
import { Crash, Life, MortalQueue, MortalStore } from '../job/chaos.ts';
import { random, SEED, shuffled } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';

const JOB = 'j';

/** A queue that remembers what it was sent. */
class SentQueue {
  readonly sent: TaskMessage[] = [];

  async send(messages: readonly TaskMessage[]): Promise<void> {
    this.sent.push(...messages);
  }

  /** The tasks that a stage's messages name, each once, ascending. */
  tasks(stage: Stage): number[] {
    const tasks = this.sent.filter((message) => message.stage === stage).map(({ task }) => task);
    return [...new Set(tasks)].sort((a, b) => a - b);
  }
}

/** A task's end as the barrier sees it: it never looks at results. */
const ENDED = { ok: true as const, attempt: 'a', seconds: 0, cpuSeconds: 0, result: {} as never };
const FAILED = { ok: false as const, attempt: '', reason: 'no memory' };

const planned =
  (tasks: Partial<Record<Stage, number>>): StagePlanner =>
  async (stage) => ({ tasks: tasks[stage] ?? 1, specs: null });

async function begun(stage: Stage, tasks: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.put(listKey(JOB, stage), jsonBytes({ tasks, specs: null } satisfies StageList));
  await store.put(sentKey(JOB, stage), jsonBytes({}));
  return store;
}

test(`2,500 tasks over three groups: the next stage begins once, at two listings a task (seed ${SEED})`, async () => {
  const TASKS = 2 * DONE_GROUP + DONE_GROUP / 2;
  const store = await begun('map', TASKS);
  const queue = new SentQueue();
  const order = shuffled(
    random(SEED),
    Array.from({ length: TASKS }, (_, task) => task),
  );
  const began: number[] = [];
  for (const [at, task] of order.entries()) {
    await writeDone(store, JOB, 'map', task, ENDED);
    if ((await advance(store, queue, JOB, 'map', task, planned({}))).began !== null) began.push(at);
  }
  assert.deepEqual(began, [TASKS - 1], `only the last task's end begins the next stage (SEED=${SEED})`);
  assert.deepEqual(queue.sent, [{ job: JOB, stage: 'balance', task: 0 }]);
  assert.ok(store.listings <= 2 * TASKS, `${store.listings} listings`);
  // Group by group: a listing never gives more keys than one answer of S3 holds.
  assert.ok(store.listed <= TASKS * DONE_GROUP, `${store.listed} keys listed`);
});

test(`every order of writing ends and of asking afterwards begins the next stage (seed ${SEED})`, async () => {
  const TASKS = DONE_GROUP + 2;
  const next = random(SEED);
  const store = await begun('map', TASKS);
  const queue = new SentQueue();
  for (let task = 0; task < DONE_GROUP; task++) await store.put(doneKey(JOB, 'map', task), jsonBytes(ENDED));
  // The group's last function died before it asked: somebody of that group asks later, as redelivery makes it.
  for (const task of shuffled(next, [DONE_GROUP, DONE_GROUP + 1])) {
    await writeDone(store, JOB, 'map', task, ENDED);
    assert.equal((await advance(store, queue, JOB, 'map', task, planned({}))).began, null);
  }
  assert.equal((await advance(store, queue, JOB, 'map', 17, planned({}))).began, 'balance');
});

test('all at once: callers that see the stage complete together lose no message', async () => {
  const store = await begun('map', 40);
  const queue = new SentQueue();
  await Promise.all(
    Array.from({ length: 40 }, async (_, task) => {
      await writeDone(store, JOB, 'map', task, ENDED);
      await advance(store, queue, JOB, 'map', task, planned({ balance: 3 }));
    }),
  );
  assert.deepEqual(queue.tasks('balance'), [0, 1, 2]);
});

test('a message that comes again after the next stage was sent sends nothing', async () => {
  const store = await begun('map', 2);
  const queue = new SentQueue();
  for (const task of [0, 1]) await writeDone(store, JOB, 'map', task, ENDED);
  assert.equal((await advance(store, queue, JOB, 'map', 1, planned({}))).began, 'balance');
  assert.equal((await advance(store, queue, JOB, 'map', 1, planned({}))).began, null);
  assert.equal(queue.sent.length, 1);
});

for (const when of ['before', 'after'] as const)
  test(`a caller that dies ${when} any of its calls strands nothing: the next caller goes on`, async () => {
    for (let k = 1; ; k++) {
      const store = await begun('map', 3);
      const queue = new SentQueue();
      for (const task of [0, 1, 2]) await writeDone(store, JOB, 'map', task, ENDED);
      const life = new Life(() => 0, k, when);
      try {
        const mortal = new MortalStore(store, life);
        await advance(mortal, new MortalQueue(queue, life), JOB, 'map', 2, planned({ balance: 4 }));
        assert.ok(k > 4, `advance made ${k - 1} calls only`);
        return;
      } catch (error) {
        assert.ok(error instanceof Crash, String(error));
      }
      await advance(store, queue, JOB, 'map', 2, planned({ balance: 4 }));
      assert.deepEqual(queue.tasks('balance'), [0, 1, 2, 3], `call ${k}`);
      assert.notEqual(await store.head(sentKey(JOB, 'balance')), undefined, `call ${k}`);
    }
  });

test('stages without tasks are passed over, up to the first that has some', async () => {
  const store = await begun('balance', 1);
  const queue = new SentQueue();
  await writeDone(store, JOB, 'balance', 0, ENDED);
  assert.equal(
    (await advance(store, queue, JOB, 'balance', 0, planned({ merge: 0, reduce: 0, publish: 0 }))).began,
    'commit',
  );
  assert.deepEqual(queue.sent, [{ job: JOB, stage: 'commit', task: 0 }]);
});

test('the first end that is written counts, success or failure', async () => {
  const store = new MemoryStore();
  assert.deepEqual(await writeDone(store, JOB, 'map', 5, ENDED), ENDED);
  assert.deepEqual(await writeDone(store, JOB, 'map', 5, FAILED), ENDED);
  assert.deepEqual(await writeDone(store, JOB, 'map', 6, FAILED), FAILED);
  assert.deepEqual(await writeDone(store, JOB, 'map', 6, ENDED), FAILED);
});

test('a failed map task lets the job go on; a failed reduce task ends it, named', async () => {
  for (const [stage, goesOn] of [
    ['map', 'balance'],
    ['reduce', null],
  ] as const) {
    const store = await begun(stage, 2);
    const queue = new SentQueue();
    await writeDone(store, JOB, stage, 0, ENDED);
    await writeDone(store, JOB, stage, 1, FAILED);
    const ended = goesOn === null;
    assert.deepEqual(await advance(store, queue, JOB, stage, 0, planned({})), { began: goesOn, ended });
    const failure = await getJson(store, endKey(JOB));
    assert.deepEqual(failure, stage === 'map' ? undefined : { state: 'failed', stage, task: 1, reason: 'no memory' });
  }
});

test('going on sends what has not ended, and forgets failures and the marks that stood on them', async () => {
  const store = await begun('reduce', DONE_GROUP + 1);
  const queue = new SentQueue();
  for (let task = 0; task <= DONE_GROUP; task++)
    if (task !== 7) await store.put(doneKey(JOB, 'reduce', task), jsonBytes(ENDED));
  await writeDone(store, JOB, 'reduce', 7, FAILED);
  for (const task of [0, DONE_GROUP]) await advance(store, queue, JOB, 'reduce', task, planned({}));
  assert.notEqual(await store.head(endKey(JOB)), undefined);
  await forgetFailures(store, JOB);
  await store.remove([endKey(JOB)]);
  assert.equal(await resume(store, queue, JOB, planned({})), 1);
  assert.deepEqual(queue.sent, [{ job: JOB, stage: 'reduce', task: 7 }]);
  for (const key of [doneKey(JOB, 'reduce', 7), completeKey(JOB, 'reduce', 0)])
    assert.equal(await store.head(key), undefined, key);
  await writeDone(store, JOB, 'reduce', 7, ENDED);
  assert.equal((await advance(store, queue, JOB, 'reduce', 7, planned({}))).began, 'publish');
});

test('an end that is forgotten while somebody moves the job on begins no stage, and lets none of its tasks be left out', async () => {
  for (const stage of ['map', 'publish'] as const) {
    const store = await begun(stage, DONE_GROUP + 1);
    const queue = new SentQueue();
    for (let task = 0; task < DONE_GROUP; task++) await store.put(doneKey(JOB, stage, task), jsonBytes(ENDED));
    await writeDone(store, JOB, stage, DONE_GROUP, FAILED);
    // Group 1 was seen complete, and its mark comes only when its end has been taken away.
    await forgetFailures(store, JOB);
    await store.put(completeKey(JOB, stage, 1), jsonBytes({}));
    assert.equal((await advance(store, queue, JOB, stage, 0, planned({}))).began, null, stage);
    await assert.rejects(stageResults(store, JOB, stage), { reason: 'missing', key: doneKey(JOB, stage, DONE_GROUP) });
  }
});

test('going on with a job that was moved on too early sends the task that is missing before, too', async () => {
  const store = await begun('map', 3);
  const queue = new SentQueue();
  for (const task of [0, 2]) await writeDone(store, JOB, 'map', task, ENDED);
  await store.put(listKey(JOB, 'balance'), jsonBytes({ tasks: 1, specs: null } satisfies StageList));
  assert.equal(await resume(store, queue, JOB, planned({})), 2);
  assert.deepEqual([queue.tasks('map'), queue.tasks('balance')], [[1], [0]]);
});

test('going on after the last end of a stage, before anybody asked, begins the next stage', async () => {
  for (const tasks of [1, DONE_GROUP, 2 * DONE_GROUP + 1]) {
    const store = await begun('map', tasks);
    const queue = new SentQueue();
    for (let task = 0; task < tasks; task++) await store.put(doneKey(JOB, 'map', task), jsonBytes(ENDED));
    assert.equal(await resume(store, queue, JOB, planned({ balance: 2 })), 2);
    assert.deepEqual(queue.tasks('balance'), [0, 1]);
  }
});
