/** The watchdog: moves on what a crash left between two steps, names what stands still, ends what another version began. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance } from '../../shared/control/barrier.ts';
import { resumeJob, submitJob } from '../../shared/control/operate.ts';
import { type JobsSeen, lookAfterJobs, STALLED_MS } from '../../shared/control/watchdog.ts';
import type { Job, JobConfig } from '../../shared/job/jobconfig.ts';
import { readEnd } from '../../shared/job/protocol/jobend.ts';
import { DONE_GROUP, doneKey, endKey, jobKey, listKey, sentKey } from '../../shared/job/protocol/keys.ts';
import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import { writeDone } from '../../shared/job/protocol/taskends.ts';
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { getJson, jsonBytes } from '../../shared/store/jsonobject.ts';
import type { ObjectHead } from '../../shared/store/objectstore.ts';
import { Life, MortalQueue, MortalStore } from '../job/chaos.ts';
import { plainConfig } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';
import { madeUpCaptures, SOURCE } from '../job/pipeline.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);

/** A store that knows when each object was written. */
class ClockStore extends MemoryStore {
  now = START;
  private readonly modified = new Map<string, number>();

  override async put(key: string, bytes: Uint8Array): Promise<void> {
    await super.put(key, bytes);
    this.modified.set(key, this.now);
  }

  override async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const won = await super.putIfAbsent(key, bytes);
    if (won) this.modified.set(key, this.now);
    return won;
  }

  override async *list(prefix: string): AsyncIterable<ObjectHead> {
    for await (const head of super.list(prefix)) yield { ...head, modified: this.modified.get(head.key) };
  }

  override async head(key: string): Promise<ObjectHead | undefined> {
    const head = await super.head(key);
    return head && { ...head, modified: this.modified.get(key) };
  }
}

class Pipeline {
  readonly store = new ClockStore();
  sent: TaskMessage[] = [];
  readonly queue = { send: async (messages: readonly TaskMessage[]) => void this.sent.push(...messages) };

  async submit(name: string, dataset = 'test'): Promise<string> {
    const config: JobConfig = plainConfig({ dataset });
    return (await submitJob(this.store, this.queue, config, madeUpCaptures(name), SOURCE)).job;
  }

  /** As if the job stood at a stage, its messages sent now. */
  async stands(job: string, stage: Stage, tasks: number): Promise<void> {
    await this.store.put(listKey(job, stage), jsonBytes({ tasks, specs: null }));
    await this.store.put(sentKey(job, stage), jsonBytes({ tasks }));
  }

  done(job: string, stage: Stage, task: number): Promise<unknown> {
    return writeDone(this.store, job, stage, task, ENDED);
  }

  lookAfterJobs(minutes = 0) {
    this.store.now += minutes * MINUTE;
    this.sent = [];
    return lookAfterJobs(this.store, this.queue, this.store.now);
  }
}

const CANCELLED = { state: 'cancelled', at: 0 };
const ENDED = { ok: true as const, attempt: 'a', seconds: 0, cpuSeconds: 0, result: {} as never };

test('nothing runs: nothing is reported', async () => {
  const pipeline = new Pipeline();
  await pipeline.store.put('datasets/a/dataset.json', jsonBytes({}));
  assert.deepEqual(await pipeline.lookAfterJobs(), { running: [], stalled: [] });
});

test('a job whose last task ended, and its process died before it asked what is next, goes on', async () => {
  for (const tasks of [1, 2 * DONE_GROUP + 1]) {
    const pipeline = new Pipeline();
    const job = await pipeline.submit('a');
    await pipeline.stands(job, 'map', tasks);
    for (let task = 0; task < tasks; task++) await pipeline.store.put(doneKey(job, 'map', task), jsonBytes(ENDED));
    assert.deepEqual(await pipeline.lookAfterJobs(), { running: [job], stalled: [] });
    assert.deepEqual(pipeline.sent, [{ job, stage: 'balance', task: 0 }]);
    assert.deepEqual(
      [await pipeline.lookAfterJobs(), pipeline.sent],
      [{ running: [job], stalled: [] }, []],
      'and only once',
    );
  }
});

test('a job whose next stage was listed, and nothing more before the process died, goes on', async () => {
  for (const when of ['before', 'after'] as const)
    for (let k = 1; ; k++) {
      const pipeline = new Pipeline();
      const job = await pipeline.submit('a');
      await pipeline.stands(job, 'map', 1);
      await pipeline.done(job, 'map', 0);
      const life = new Life(() => 0, k, when);
      const { store, queue } = pipeline;
      const planner = async () => ({ tasks: 12, specs: null });
      const died = await advance(
        new MortalStore(store, life),
        new MortalQueue(queue, life),
        job,
        'map',
        0,
        planner,
      ).then(
        () => false,
        () => true,
      );
      // What it had sent is lost with its queue, if the message that it worked on comes no more.
      if ((await store.head(sentKey(job, 'balance'))) === undefined) {
        await pipeline.lookAfterJobs();
        assert.ok(pipeline.sent.length > 0, `crash ${when} call ${k}`);
        assert.ok(pipeline.sent.every(({ stage }) => stage === 'balance'));
      }
      if (!died) break;
    }
});

test('a job whose turn has come, and nobody has begun it, begins', async () => {
  const pipeline = new Pipeline();
  const first = await pipeline.submit('a');
  const second = await pipeline.submit('b');
  await pipeline.store.put(endKey(first), jsonBytes({ state: 'cancelled', at: 0 }));
  assert.deepEqual(await pipeline.lookAfterJobs(), { running: [second], stalled: [] });
  assert.deepEqual(pipeline.sent, [{ job: second, stage: 'plan', task: 0 }]);
});

test('a job is named when no task of it has ended for 15 minutes, and not before', async () => {
  const pipeline = new Pipeline();
  const job = await pipeline.submit('a');
  const other = await pipeline.submit('b', 'other');
  await pipeline.lookAfterJobs(10);
  await pipeline.stands(job, 'map', 3);
  assert.deepEqual((await pipeline.lookAfterJobs(14)).stalled, [{ job: other, stage: 'plan', minutes: 24 }]);
  await pipeline.done(job, 'map', 1);
  await pipeline.stands(other, 'reduce', 1);
  assert.deepEqual((await pipeline.lookAfterJobs(14)).stalled, []);
  await pipeline.stands(other, 'publish', 1);
  const { running, stalled } = await pipeline.lookAfterJobs(1);
  assert.deepEqual(stalled, [{ job, stage: 'map', minutes: 15 }]);
  assert.deepEqual(running.sort(), [job, other].sort());
});

test('a job that waited for its turn, or was resumed, has 15 minutes from then on', async () => {
  const pipeline = new Pipeline();
  const first = await pipeline.submit('a');
  const second = await pipeline.submit('b');
  await pipeline.stands(first, 'map', 2);
  await pipeline.lookAfterJobs(60);
  await pipeline.store.put(endKey(first), jsonBytes({ state: 'failed', stage: 'map', task: 0, reason: 'x' }));
  assert.deepEqual(await pipeline.lookAfterJobs(60), { running: [second], stalled: [] });
  await pipeline.store.put(endKey(second), jsonBytes({ state: 'cancelled', at: 0 }));
  pipeline.store.now += 60 * MINUTE;
  await resumeJob(pipeline.store, pipeline.queue, first);
  assert.deepEqual(await pipeline.lookAfterJobs(14), { running: [first], stalled: [] });
  assert.deepEqual((await pipeline.lookAfterJobs(1)).stalled, [
    { job: first, stage: 'map', minutes: STALLED_MS / MINUTE },
  ]);
});

test('a job that another version began ends, and the next of its data set begins', async () => {
  const pipeline = new Pipeline();
  const first = await pipeline.submit('a');
  const second = await pipeline.submit('b');
  const { config } = (await getJson<Job>(pipeline.store, jobKey(first)))!;
  await pipeline.store.put(jobKey(first), jsonBytes({ job: first, software: '0.0.9', config } satisfies Job));
  await pipeline.lookAfterJobs();
  const end = await readEnd(pipeline.store, first);
  assert.ok(end?.state === 'failed');
  assert.match(end.reason, /belongs to version 0\.0\.9; this is .*Submit the job again/);
  assert.deepEqual(pipeline.sent, [{ job: second, stage: 'plan', task: 0 }]);
  assert.deepEqual((await pipeline.lookAfterJobs()).running, [second]);
});

test('a data set that cannot be looked after is an error, when all others have been', async () => {
  const pipeline = new Pipeline();
  const broken = await pipeline.submit('a', 'a');
  const sound = await pipeline.submit('b', 'b');
  await pipeline.store.put(listKey(broken, 'plan'), new TextEncoder().encode('{"tasks": '));
  await pipeline.stands(sound, 'map', 1);
  await pipeline.done(sound, 'map', 0);
  await assert.rejects(pipeline.lookAfterJobs(), { name: 'StoreError', reason: 'damaged' });
  assert.deepEqual(pipeline.sent, [{ job: sound, stage: 'balance', task: 0 }]);
});

test('what the watchdog costs follows the jobs that run, not the data sets there ever were', async () => {
  const calls = async (old: number): Promise<{ running: number; idle: number }> => {
    const pipeline = new Pipeline();
    for (let number = 0; number < old; number++)
      await pipeline.store.put(endKey(await pipeline.submit('a', `old-${number}`)), jsonBytes(CANCELLED));
    await pipeline.lookAfterJobs();
    const job = await pipeline.submit('a');
    const counted = new Life(() => 0);
    const look = (): Promise<JobsSeen> =>
      lookAfterJobs(new MortalStore(pipeline.store, counted), pipeline.queue, START);
    assert.deepEqual((await look()).running, [job]);
    const running = counted.calls;
    await pipeline.store.put(endKey(job), jsonBytes(CANCELLED));
    await look();
    const before = counted.calls;
    assert.deepEqual(await look(), { running: [], stalled: [] });
    return { running, idle: counted.calls - before };
  };
  assert.deepEqual(await calls(0), await calls(40));
  assert.equal((await calls(40)).idle, 1, 'the listing of an empty index');
});

test('a job that is resumed while its end is being noticed stays in the index', async () => {
  // However many calls the watchdog has made before somebody resumes the job.
  for (let before = 0; ; before++) {
    const pipeline = new Pipeline();
    const job = await pipeline.submit('a');
    await pipeline.stands(job, 'map', 1);
    await pipeline.store.put(endKey(job), jsonBytes(CANCELLED));
    const { store, queue } = pipeline;
    const life = new (class extends Life {
      override async call<T>(action: () => Promise<T>): Promise<T> {
        if (this.calls === before) await resumeJob(store, queue, job);
        return super.call(action);
      }
    })(() => 0);
    await lookAfterJobs(new MortalStore(store, life), queue, START);
    const resumed = life.calls > before;
    assert.deepEqual((await pipeline.lookAfterJobs()).running, resumed ? [job] : [], `after ${before} calls`);
    if (!resumed) break;
  }
});
