/** Whose turn it is in a data set: one job at a time, whoever asks, doubles or dies. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { cancelJob, listJobs, resumeJob, submitJob } from '../../shared/control/operate.ts';
import type { JobEntry } from '../../shared/control/start.ts';
import { jobStates } from '../../shared/control/status.ts';
import { takeTurn, turnsOf } from '../../shared/control/turns.ts';
import type { Job } from '../../shared/job/jobconfig.ts';
import { readEnd, writeEnd } from '../../shared/job/protocol/jobend.ts';
import { endKey, jobKey, jobPrefix, turnPrefix, waitingPrefix } from '../../shared/job/protocol/keys.ts';
import type { TaskMessage, TaskQueue } from '../../shared/queue/taskqueue.ts';
import { getJson, jsonBytes } from '../../shared/store/jsonobject.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { Crash, Life, MortalQueue, MortalStore } from '../job/chaos.ts';
import { plainConfig, random, SEED } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';
import { madeUpCaptures, SMALL, SOURCE } from '../job/pipeline.ts';

/** A queue that remembers which jobs' messages it was sent. */
class SentQueue implements TaskQueue {
  sent: TaskMessage[] = [];

  async send(messages: readonly TaskMessage[]): Promise<void> {
    this.sent.push(...messages);
  }

  jobs(): string[] {
    return [...new Set(this.sent.map(({ job }) => job))];
  }
}

const DATASET = SMALL.dataset;

/** Asks for a job, and lets a millisecond go by: of jobs asked for in the same one the id decides who is first. */
async function submit(store: ObjectStore, queue: TaskQueue, name: string, config = SMALL) {
  await setTimeout(2);
  return submitJob(store, queue, config, madeUpCaptures(name), SOURCE);
}

/** A job that fails. */
function end(store: ObjectStore, job: string): Promise<void> {
  return writeEnd(store, job, { state: 'failed', stage: 'plan', task: 0, reason: 'as the test wants' });
}

async function keys(store: ObjectStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) found.push(key);
  return found;
}

test('the same job asked for by many at once is one job, which runs', async () => {
  const store = new MemoryStore();
  const queue = new SentQueue();
  const next = random(SEED);
  const asked = await Promise.all(
    Array.from({ length: 8 }, () => {
      const life = new Life(next);
      return submit(new MortalStore(store, life), new MortalQueue(queue, life), 'a');
    }),
  );
  assert.equal(new Set(asked.map(({ job }) => job)).size, 1, `SEED=${SEED}`);
  assert.ok(
    asked.every(({ state }) => state === 'began'),
    `SEED=${SEED}`,
  );
  assert.equal((await keys(store, turnPrefix(DATASET))).length, 1);
  assert.equal((await listJobs(store)).length, 1);
  assert.deepEqual(new Set(queue.sent.map((message) => JSON.stringify(message))).size, 1);
});

test('a second job of a data set begins when the first has ended, the third after it; other data sets do not wait', async () => {
  const store = new MemoryStore();
  const queue = new SentQueue();
  const first = await submit(store, queue, 'a');
  const second = await submit(store, queue, 'b');
  await setTimeout(2);
  const third = await submit(store, queue, 'c');
  const elsewhere = await submit(store, queue, 'a', plainConfig({ dataset: 'other' }));
  assert.deepEqual(
    [first, second, third, elsewhere].map(({ state }) => state),
    ['began', 'waits', 'waits', 'began'],
  );
  assert.deepEqual(await turnsOf(store, DATASET), { running: first.job, waiting: [second.job, third.job] });
  assert.deepEqual(queue.jobs(), [first.job, elsewhere.job]);
  await end(store, first.job);
  assert.equal(await takeTurn(store, queue, DATASET), second.job);
  assert.deepEqual(queue.jobs().at(-1), second.job);
  await end(store, second.job);
  assert.equal(await takeTurn(store, queue, DATASET), third.job);
  await end(store, third.job);
  assert.equal(await takeTurn(store, queue, DATASET), null);
  assert.deepEqual(await turnsOf(store, DATASET), { running: null, waiting: [] });
});

test('a job that was cancelled while it waited is passed over', async () => {
  const store = new MemoryStore();
  const queue = new SentQueue();
  const { job: first } = await submit(store, queue, 'a');
  const { job: second } = await submit(store, queue, 'b');
  const { job: third } = await submit(store, queue, 'c');
  assert.equal(await cancelJob(store, queue, second), true);
  assert.deepEqual(queue.jobs(), [first]);
  await end(store, first);
  assert.equal(await takeTurn(store, queue, DATASET), third);
  assert.deepEqual(queue.jobs(), [first, third]);
});

test('a waiting job of another version is ended with the reason, and the next one begins', async () => {
  const store = new MemoryStore();
  const queue = new SentQueue();
  const { job: first } = await submit(store, queue, 'a');
  const { job: old } = await submit(store, queue, 'b');
  const { job: third } = await submit(store, queue, 'c');
  await store.put(jobKey(old), jsonBytes({ ...(await getJson<Job>(store, jobKey(old))), software: '0.0.1' }));
  await end(store, first);
  assert.equal(await takeTurn(store, queue, DATASET), third);
  assert.match((await getJson<{ reason: string }>(store, endKey(old)))!.reason, /belongs to version 0\.0\.1/);
});

/** Asks for a job over several captures, after a millisecond. */
async function submitAll(store: ObjectStore, queue: TaskQueue, names: string[], config = SMALL): Promise<string> {
  await setTimeout(2);
  return (await submitJob(store, queue, config, madeUpCaptures(...names), SOURCE)).job;
}

describe('a waiting job whose captures a later one has', () => {
  const RETRIED = plainConfig({ ...SMALL, packets: true });

  test('is not run: the last that has them is; others keep their places', async () => {
    const store = new MemoryStore();
    const queue = new SentQueue();
    const first = await submitAll(store, queue, ['a']);
    const [b, other, packets, c, d, less] = [
      await submitAll(store, queue, ['a', 'b']),
      await submitAll(store, queue, ['a', 'z']),
      await submitAll(store, queue, ['a', 'b'], RETRIED),
      await submitAll(store, queue, ['a', 'b', 'c']),
      await submitAll(store, queue, ['a', 'b', 'c', 'd']),
      await submitAll(store, queue, ['b', 'd']),
    ];
    assert.deepEqual(queue.jobs(), [first], 'a job that has begun is not touched');
    await end(store, first);
    assert.equal(await takeTurn(store, queue, DATASET), d);
    assert.deepEqual(await turnsOf(store, DATASET), { running: d, waiting: [other, packets, less] });
    for (const job of [b, c]) {
      assert.deepEqual(await readEnd(store, job), { state: 'superseded', by: d });
      assert.equal((await jobStates(store, [{ job, dataset: DATASET } as JobEntry]))[0].state, 'superseded');
      assert.ok(!queue.jobs().includes(job));
    }
    assert.deepEqual(await runAll(store, queue, ''), [d, other, packets, less]);
    assert.equal((await resumeJob(store, queue, b)).job, d, 'resumed, it is the job that has its captures');
  });

  test('is run when the later one was cancelled, or cannot read what it could', async () => {
    const store = new MemoryStore();
    const queue = new SentQueue();
    const first = await submitAll(store, queue, ['a']);
    const second = await submitAll(store, queue, ['a', 'b']);
    const third = await submitAll(store, queue, ['a', 'b', 'c']);
    await cancelJob(store, queue, third);
    const archived = madeUpCaptures('a', 'b', 'd');
    archived[1].refused = { reason: 'capture_archived', detail: 'it is' };
    await setTimeout(2);
    const { job: fourth } = await submitJob(store, queue, SMALL, archived, SOURCE);
    await end(store, first);
    assert.deepEqual(await runAll(store, queue, ''), [second, fourth]);
  });

  test('is run after the later one when it is asked for again', async () => {
    const store = new MemoryStore();
    const queue = new SentQueue();
    const first = await submitAll(store, queue, ['a']);
    const less = await submitAll(store, queue, ['a', 'b']);
    const more = await submitAll(store, queue, ['a', 'b', 'c']);
    await end(store, first);
    assert.equal(await takeTurn(store, queue, DATASET), more);
    assert.equal(await submitAll(store, queue, ['a', 'b']), less);
    assert.deepEqual(await runAll(store, queue, ''), [more, less]);
    // Asked for again while it waits, it is the later one.
    const anew = await submitAll(store, queue, ['x']);
    const small = await submitAll(store, queue, ['x', 'y']);
    const large = await submitAll(store, queue, ['x', 'y', 'z']);
    await submitAll(store, queue, ['x', 'y']);
    assert.deepEqual(await runAll(store, queue, ''), [anew, small, large]);
  });
});

describe('files of old jobs expire', () => {
  async function expired(): Promise<{ store: MemoryStore; queue: SentQueue; job: string }> {
    const store = new MemoryStore();
    const queue = new SentQueue();
    const { job } = await submit(store, queue, 'a');
    await store.remove(await keys(store, jobPrefix(job)));
    queue.sent = [];
    return { store, queue, job };
  }

  test('a job whose files are gone holds up no other', async () => {
    const { store, queue } = await expired();
    const other = await submit(store, queue, 'b');
    assert.equal(other.state, 'began');
    assert.deepEqual(queue.jobs(), [other.job]);
  });

  test('the same job asked for again begins again', async () => {
    const { store, queue, job } = await expired();
    assert.deepEqual(await submit(store, queue, 'a'), { job, state: 'began' });
    assert.deepEqual(queue.jobs(), [job]);
  });
});

/** Whose turn it is, and who is next, is looked at and each running job ended, until none is left, as ends of tasks and the watchdog do. */
async function runAll(store: ObjectStore, queue: SentQueue, context: string): Promise<string[]> {
  const ran: string[] = [];
  for (;;) {
    const running = await takeTurn(store, queue, DATASET);
    if (running === null) return ran;
    assert.ok(ran.length < 5, `no end: ${context}`);
    assert.ok(queue.jobs().includes(running), `${running} has its turn and no messages: ${context}`);
    ran.push(running);
    queue.sent = queue.sent.filter(({ job }) => job !== running);
    await end(store, running);
  }
}

/**
 * Does something in a process that dies before or after its k-th call, for every k, and lets all jobs run that do.
 * @param act what is done: the first time by a process that dies, a second time by one that does not
 * @param check is given the jobs that ran before the second time, and those that ran then
 */
async function ordeal(
  when: 'before' | 'after',
  prepare: (store: MemoryStore, queue: SentQueue) => Promise<void>,
  act: (store: ObjectStore, queue: TaskQueue) => Promise<unknown>,
  check: (ran: string[], then: string[], context: string) => void,
): Promise<void> {
  for (let k = 1; ; k++) {
    const store = new MemoryStore();
    const queue = new SentQueue();
    await prepare(store, queue);
    const life = new Life(() => 0, k, when);
    const context = `crash ${when} call ${k}`;
    try {
      await act(new MortalStore(store, life), new MortalQueue(queue, life));
      assert.ok(k > 5, `only ${k - 1} calls were made`);
      return;
    } catch (error) {
      assert.ok(error instanceof Crash, String(error));
    }
    await life.settled();
    const ran = await runAll(store, queue, context);
    assert.deepEqual(await keys(store, waitingPrefix(DATASET)), [], context);
    await act(store, queue);
    check(ran, await runAll(store, queue, context), context);
  }
}

for (const when of ['before', 'after'] as const)
  describe(`a process that dies ${when} any of its calls strands no job`, () => {
    const jobs: Record<string, string> = {};
    const submitSome = async (store: MemoryStore, queue: SentQueue): Promise<void> => {
      for (const name of ['a', 'b', 'c']) {
        jobs[name] = (await submit(store, queue, name)).job;
        // Jobs that were asked for in one millisecond come in any order.
        await setTimeout(2);
      }
    };
    /** The first has ended, and nobody has looked who is next. */
    const firstHasEnded = async (store: MemoryStore, queue: SentQueue): Promise<void> => {
      await submitSome(store, queue);
      await end(store, jobs.a);
      queue.sent = [];
    };

    test('while it gives the turn on', () =>
      ordeal(
        when,
        firstHasEnded,
        (store, queue) => takeTurn(store, queue, DATASET),
        (ran, _, context) => assert.deepEqual(ran, [jobs.b, jobs.c], context),
      ));

    test('while it gives the turn to a job that supersedes others', () =>
      ordeal(
        when,
        async (store, queue) => {
          jobs.a = await submitAll(store, queue, ['a']);
          jobs.b = await submitAll(store, queue, ['a', 'b']);
          jobs.c = await submitAll(store, queue, ['a', 'b', 'c']);
          jobs.d = await submitAll(store, queue, ['d']);
          await end(store, jobs.a);
          queue.sent = [];
        },
        async (store, queue) => {
          await takeTurn(store, queue, DATASET);
          await takeTurn(store, queue, DATASET);
        },
        (ran, _, context) => assert.deepEqual(ran, [jobs.c, jobs.d], context),
      ));

    test('while it submits another job: submitted again it runs', () =>
      ordeal(
        when,
        firstHasEnded,
        async (store, queue) => {
          jobs.d = (await submit(store, queue, 'd')).job;
        },
        (ran, then, context) => {
          assert.deepEqual(ran.slice(0, 2), [jobs.b, jobs.c], context);
          assert.deepEqual([...ran.slice(2), ...then], [jobs.d], context);
        },
      ));

    test('while it cancels the running job', () =>
      ordeal(
        when,
        submitSome,
        (store, queue) => cancelJob(store, queue, jobs.a),
        (ran, _, context) => assert.deepEqual(ran.slice(-2), [jobs.b, jobs.c], context),
      ));

    test('while it resumes a job that has just ended: resumed again it runs', () =>
      ordeal(
        when,
        firstHasEnded,
        (store, queue) => resumeJob(store, queue, jobs.a),
        (ran, then, context) => {
          assert.deepEqual(
            ran.filter((job) => job !== jobs.a),
            [jobs.b, jobs.c],
            context,
          );
          assert.deepEqual(then, [jobs.a], context);
        },
      ));

    test('while it resumes a job behind another: resumed again it runs', () =>
      ordeal(
        when,
        async (store, queue) => {
          await firstHasEnded(store, queue);
          await takeTurn(store, queue, DATASET);
        },
        (store, queue) => resumeJob(store, queue, jobs.a),
        (ran, then, context) => {
          assert.deepEqual(ran.slice(0, 2), [jobs.b, jobs.c], context);
          assert.deepEqual(then, [jobs.a], context);
        },
      ));
  });
