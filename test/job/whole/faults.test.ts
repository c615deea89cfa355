/**
 * A process dies before or after each of its calls of store and queue, messages come
 * twice and in any order, tasks run twice at once: the tables' bytes are the same,
 * and the job always comes to its end.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOG_FOLDER } from '../../../shared/catalog/log.ts';
import { startJob } from '../../../shared/control/start.ts';
import { failTask } from '../../../shared/control/task.ts';
import type { JobConfig } from '../../../shared/job/jobconfig.ts';
import { isCommitted, type JobEnd } from '../../../shared/job/protocol/jobend.ts';
import { endKey, summaryKey } from '../../../shared/job/protocol/keys.ts';
import type { JobSummary } from '../../../shared/job/summary.ts';
import type { MapSpec } from '../../../shared/job/tasks/maptask.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import type { TaskMessage } from '../../../shared/queue/taskqueue.ts';
import { specsOf } from '../../../shared/stage/specs.ts';
import type { CaptureRef } from '../../../shared/store/capturesource.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import { versions } from '../../catalog/world.ts';
import { Crash, DoublingQueue, Life, MortalQueue, MortalStore } from '../chaos.ts';
import { demoCaptures, readPackets, writePieces } from '../cutting.ts';
import {
  captureRefs,
  lines,
  pick,
  plainConfig,
  random,
  readTables,
  runJob,
  SEED,
  temporaryFolder,
  Workplace,
} from '../harness.ts';
import { MemoryStore } from '../memorystore.ts';

/** Every stage has several tasks or pieces, and yet a whole job is done in a fraction of a second. */
const CONFIG = plainConfig({
  packets: true,
  sizes: { taskBytes: 1, partitionRows: 60, shardRows: 100, fileRows: 1000, directReads: 0 },
});

/** Two captures of forty packets, fragments among them, from where the demo's second file ends. */
async function smallCaptures(folder: string): Promise<CaptureRef[]> {
  const { packets } = await readPackets(demoCaptures().find((path) => path.includes('986511'))!);
  const some = packets.slice(-80);
  const pieces = [some.slice(0, 40), some.slice(40)];
  return captureRefs(writePieces(join(folder, 'in'), pieces, ['one', 'two'], () => 0.4));
}

/** What lasts when processes die. */
class World {
  readonly store = new MemoryStore();
  readonly results = new MemoryStore();
  readonly queue: DoublingQueue;
  private readonly config: JobConfig;
  readonly folder: string;
  readonly captures: readonly CaptureRef[];
  calls = 0;

  constructor(folder: string, captures: readonly CaptureRef[], next: () => number, config = CONFIG) {
    this.config = config;
    this.folder = folder;
    this.captures = captures;
    this.queue = new DoublingQueue(next);
  }

  /** A process starts the job, or works messages off, until there are none or it dies. */
  async live(life: Life, starts: boolean): Promise<void> {
    const store = new MortalStore(this.store, life);
    const queue = new MortalQueue(this.queue, life);
    const place = new Workplace(this.folder);
    place.store = store;
    place.results = new MortalStore(this.results, life);
    let held: TaskMessage | undefined;
    try {
      if (starts) await startJob(store, queue, this.config, this.captures);
      for (held = this.queue.receive(); held !== undefined; held = this.queue.receive()) await place.run(held, queue);
    } catch (error) {
      // What a dead process held comes again.
      if (held !== undefined) this.queue.waiting.push(held);
      if (!life.ended) throw error;
    } finally {
      await life.settled();
      this.calls += life.calls;
    }
  }

  /** Key and bytes of everything that readers see; of the log, which has times in it, the files that it shows. */
  published(): Map<string, string> {
    const objects = [...this.results.objects].filter(([key]) => !key.startsWith(LOG_FOLDER)).sort();
    const shown = versions(this.results).at(-1) ?? [];
    return new Map([
      ...objects.map(([key, bytes]): [string, string] => [key, Buffer.from(bytes).toString('base64')]),
      [LOG_FOLDER, shown.join('\n')],
    ]);
  }

  jobs(): string[] {
    return [
      ...new Set(
        [...this.store.objects.keys()].filter((key) => key.startsWith('jobs/')).map((key) => key.split('/')[1]),
      ),
    ];
  }
}

async function undisturbed(folder: string, captures: readonly CaptureRef[], config = CONFIG): Promise<World> {
  const next = random(SEED);
  const world = new World(folder, captures, next, config);
  await world.live(new Life(next), true);
  return world;
}

test(`a job survives a crash before or after any call of store or queue (seed ${SEED})`, async (t) => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  // The packets table is left to the tests below: here a job is run for every call that it makes.
  const config = { ...CONFIG, packets: false };
  const whole = await undisturbed(folder.path, captures, config);
  const expected = whole.published();
  assert.ok(expected.size >= 4, 'tables and the mark of the current job are there');
  const { calls } = whole;
  t.diagnostic(`${calls} calls`);
  for (let k = 1; k <= calls; k++) {
    const next = random(SEED + k);
    const when = pick(next, ['before', 'after'] as const);
    const restarted = next() < 0.5;
    const context = `SEED=${SEED}, crash ${when} call ${k} of ${calls}, ${restarted ? 'started again' : 'redelivered'}`;
    const world = new World(folder.path, captures, next, config);
    const first = new Life(next, k, when);
    await world.live(first, true);
    if (!first.ended) continue;
    // A process on one machine loses its queue and starts again; in the cloud the messages come again.
    // A job that died before its first message was sent has to be started again in any case.
    if (restarted) world.queue.waiting.length = 0;
    await world.live(new Life(next), restarted || world.queue.waiting.length === 0);
    assert.deepEqual(world.published(), expected, context);
    for (const job of world.jobs()) assert.ok(await isCommitted(world.store, job), `stuck: ${context}`);
    // Nothing is done more than once for a crash than the one task that was in hands; and starting again reads.
    assert.ok(world.calls <= 3 * calls, `${world.calls} calls: ${context}`);
  }
});

test(`a second job over a data set that has grown survives a crash before or after any call (seed ${SEED})`, async (t) => {
  using folder = temporaryFolder();
  const [one, two] = await smallCaptures(folder.path);
  const config = { ...CONFIG, sizes: { ...CONFIG.sizes, intervalRows: 20, partitionRows: 200 } };
  const before = await undisturbed(folder.path, [one], config);
  /** The first job has been done, and nobody knows of the second. */
  const grown = (next: () => number): World => {
    const world = new World(folder.path, [one, two], next, config);
    for (const [key, bytes] of before.store.objects) world.store.objects.set(key, bytes);
    for (const [key, bytes] of before.results.objects) world.results.objects.set(key, bytes);
    return world;
  };
  const whole = grown(random(SEED));
  await whole.live(new Life(random(SEED)), true);
  const { calls } = whole;
  const expected = whole.published();
  assert.ok(expected.size > before.published().size);
  t.diagnostic(`${calls} calls`);
  // A third of all calls in each run; another seed takes others.
  for (let k = 1 + (SEED % 3); k <= calls; k += 3) {
    const next = random(SEED + k);
    const when = pick(next, ['before', 'after'] as const);
    const context = `SEED=${SEED}, crash ${when} call ${k} of ${calls}`;
    const world = grown(next);
    const first = new Life(next, k, when);
    await world.live(first, true);
    if (first.ended) await world.live(new Life(next), world.queue.waiting.length === 0);
    assert.deepEqual(world.published(), expected, context);
    for (const job of world.jobs()) assert.ok(await isCommitted(world.store, job), `stuck: ${context}`);
  }
});

test('a reduce task that died goes on behind the last interval that has ended', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const config = { ...CONFIG, sizes: { ...CONFIG.sizes, intervalRows: 1, intervalShards: 1, partitionRows: 1000 } };
  const world = new World(folder.path, captures, random(SEED), config);
  const queue = new InProcessQueue();
  const place = new Workplace(folder.path);
  place.store = world.store;
  place.results = world.results;
  const { job } = await startJob(world.store, queue, config, captures);
  const ends = (): string[] => [...world.store.objects.keys()].filter((key) => key.includes('/reduce/ends/')).sort();
  const readShards: string[] = [];
  let dies = true;
  const watching = new Proxy(world.store, {
    get: (store, name) => {
      if (name === 'get')
        return (key: string, range?: { start: number; end: number }) => {
          if (key.startsWith('shards/') && key.endsWith('.arrow')) readShards.push(key);
          return store.get(key, range);
        };
      if (name === 'putIfAbsent')
        return async (key: string, bytes: Uint8Array) => {
          const won = await store.putIfAbsent(key, bytes);
          if (dies && key.includes('/reduce/ends/') && ends().length === 1)
            throw new Crash('behind the first interval');
          return won;
        };
      const value: unknown = Reflect.get(store, name);
      return typeof value === 'function' ? value.bind(store) : value;
    },
  });
  for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
    if (delivery.message.stage === 'reduce') {
      place.store = watching;
      if (dies) {
        await assert.rejects(place.run(delivery.message, queue), Crash);
        dies = false;
        readShards.length = 0;
      }
      const before = ends();
      await place.run(delivery.message, queue);
      assert.equal(before.length, 1);
      assert.ok(ends().length > 2, `${ends().length} ends`);
      place.store = world.store;
    } else await place.run(delivery.message, queue);
    delivery.acknowledge();
  }
  assert.ok(await isCommitted(world.store, job.job));
  const whole = await runJob(join(folder.path, 'whole'), captures, config);
  const summary = await getJson<JobSummary>(world.store, summaryKey(job.job));
  assert.equal(summary?.sessions, whole.summary.sessions);
  // The shards of the intervals that had ended were not read again.
  const shards = new Set([...world.store.objects.keys()].filter((key) => /^shards\/.*\d\.arrow$/.test(key)));
  assert.ok(new Set(readShards).size < shards.size, `${new Set(readShards).size} of ${shards.size} shards`);
});

test(`a job survives any number of crashes one after another (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const whole = await undisturbed(folder.path, captures);
  const next = random(SEED);
  const world = new World(folder.path, captures, next);
  let lives = 0;
  for (
    let life = new Life(next, 1);
    ;
    life = new Life(next, 40 + Math.floor(next() * 60), pick(next, ['before', 'after'] as const))
  ) {
    await world.live(life, world.queue.waiting.length === 0 || next() < 0.3);
    lives++;
    if (!life.ended) break;
    assert.ok(lives < 100, `no end after ${lives} lives of 40 and more calls: SEED=${SEED}`);
  }
  assert.deepEqual(world.published(), whole.published(), `SEED=${SEED}`);
});

test(`tasks that run twice at once give one result (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const whole = await undisturbed(folder.path, captures);
  for (let round = 0; round < 5; round++) {
    const next = random(SEED + round);
    const world = new World(folder.path, captures, next);
    await Promise.all([world.live(new Life(next), true), world.live(new Life(next), true)]);
    // The one that was first to find the queue empty may have gone while the other had messages to send.
    await Promise.all([world.live(new Life(next), false), world.live(new Life(next), false)]);
    assert.deepEqual(world.published(), whole.published(), `SEED=${SEED}, round ${round}`);
  }
});

/** Works a queue off; what fails each time is written down as failed. */
async function drainBurying(place: Workplace, queue: InProcessQueue): Promise<void> {
  for (;;) {
    for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
      try {
        await place.run(delivery.message, queue);
        delivery.acknowledge();
      } catch {
        delivery.release();
      }
    }
    if (queue.dead.length === 0) return;
    for (const message of queue.dead.splice(0)) await failTask(place.store, queue, message, 'it failed each time');
  }
}

test('a map task that always fails costs its captures, which are named, and nothing else', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const place = new Workplace(join(folder.path, 'out'));
  const working = place.store;
  const broken = Object.create(working) as typeof working;
  broken.put = async (key, bytes) => {
    if (key.startsWith('shards/')) {
      const specOf = await specsOf<MapSpec>(working, job.job, 'map');
      const specs = await Promise.all(captures.map((_, task) => specOf(task)));
      const { group } = specs.find(({ captures: [capture] }) => capture.name === 'two')!;
      if (key.includes(group)) throw new Error('no room for this shard');
    }
    return working.put(key, bytes);
  };
  place.store = broken;
  const queue = new InProcessQueue(2);
  const { job } = await startJob(place.store, queue, CONFIG, captures);
  await drainBurying(place, queue);
  const summary = await place.summary(job.job);
  assert.deepEqual(
    summary.damaged.map(({ capture, status, reason }) => ({ capture, status, reason })),
    [{ capture: 'two', status: 'unreadable', reason: 'task_failed' }],
  );
  const tables = await readTables(place.folder, summary.files);
  const others = await runJob(
    join(folder.path, 'others'),
    captures.filter(({ name }) => name !== 'two'),
    CONFIG,
  );
  assert.deepEqual(lines(tables.sessions), lines(others.tables.sessions));
  assert.deepEqual(lines(tables.packets), lines(others.tables.packets));
  assert.equal(tables.captures.find(({ capture }) => capture === 'two')?.damage_reason, 'task_failed');
});

test('a reduce task that always fails ends the job with its name, and is tried again when the job is started again', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const place = new Workplace(join(folder.path, 'out'));
  const working = place.store;
  const broken = Object.create(working) as typeof working;
  broken.put = async (key, bytes) => {
    if (/\/reduce\/0*1-.*\/sessions-/.test(key)) throw new Error('no room for this run');
    return working.put(key, bytes);
  };
  place.store = broken;
  const queue = new InProcessQueue(2);
  const { job } = await startJob(place.store, queue, CONFIG, captures);
  await drainBurying(place, queue);
  const failure = await getJson<JobEnd>(working, endKey(job.job));
  assert.deepEqual(failure, { state: 'failed', stage: 'reduce', task: 1, reason: 'it failed each time' });
  assert.equal(await isCommitted(working, job.job), false);

  place.store = working;
  const again = await startJob(place.store, queue, CONFIG, captures);
  assert.deepEqual([again.state, again.stage], ['resumed', 'reduce']);
  assert.deepEqual(queue.receive()?.message, { job: job.job, stage: 'reduce', task: 1 });
  await queue.send([{ job: job.job, stage: 'reduce', task: 1 }]);
  await drainBurying(place, queue);
  const tables = await readTables(place.folder, (await place.summary(job.job)).files);
  const undisturbed = await runJob(join(folder.path, 'undisturbed'), captures, CONFIG);
  assert.deepEqual(lines(tables.sessions), lines(undisturbed.tables.sessions));
  assert.deepEqual(lines(tables.packets), lines(undisturbed.tables.packets));
});

test('a crash is what the wrapper says it is', async () => {
  const store = new MemoryStore();
  const before = new MortalStore(store, new Life(() => 0, 1, 'before'));
  await assert.rejects(before.put('a', new Uint8Array(1)), Crash);
  assert.equal(store.objects.size, 0);
  const after = new MortalStore(store, new Life(() => 0, 1, 'after'));
  await assert.rejects(after.put('a', new Uint8Array(1)), Crash);
  assert.equal(store.objects.size, 1);
  await assert.rejects(after.get('a'), Crash);
});
