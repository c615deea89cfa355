/** Cleaning and forgetting in a pipeline: what is due is done when no job is at work, wherever it stopped before. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cleanDue, isForgettingDue, SETTLED_MS, setDue } from '../../shared/control/dataset/duecleanings.ts';
import { planForgetting } from '../../shared/control/dataset/forget.ts';
import { heldCaptures } from '../../shared/control/dataset/heldcaptures.ts';
import { usedShards } from '../../shared/control/dataset/needed.ts';
import { startForgetting } from '../../shared/control/dataset/startforgetting.ts';
import { grown } from '../../shared/control/growing.ts';
import { cancelJob, resumeJob } from '../../shared/control/operate.ts';
import { jobStatus } from '../../shared/control/status.ts';
import { isForgotten } from '../../shared/job/notices/forgotten.ts';
import { isCommitted } from '../../shared/job/protocol/jobend.ts';
import { cleaningKey, isTableFile, jobKey } from '../../shared/job/protocol/keys.ts';
import type { TaskQueue } from '../../shared/queue/taskqueue.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { START_US, scratchFolder, udpCapture, writeFiles } from '../cli/harness.ts';
import { Crash, Life, MortalQueue, MortalStore } from '../job/chaos.ts';
import { captureRefs, plainConfig, random, SEED } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';
import { LocalPipeline, SOURCE } from '../job/pipeline.ts';

/** Small intervals, each capture a map task of its own. */
const CONFIG = plainConfig({ packets: true, sizes: { intervalRows: 1, taskBytes: 1 } });
const DATASET = CONFIG.dataset;

async function captures(folder: string, names: string): Promise<CaptureRef[]> {
  for (const [at, name] of [...names].entries())
    writeFiles(folder, { [`${name}.pcap`]: udpCapture(20, START_US + at * 1_000_000, 10 + at) });
  return captureRefs([...names].map((name) => join(folder, `${name}.pcap`)));
}

const always = (): boolean => true;
/** When all that there is has been replaced long ago. */
const later = (): number => Date.now() + 2 * SETTLED_MS;

/** A pipeline with the results of two jobs, the second over one capture more. */
async function twoJobs(t: TestContext): Promise<{ pipeline: LocalPipeline; all: CaptureRef[]; jobs: string[] }> {
  const folder = scratchFolder(t);
  const pipeline = new LocalPipeline(join(folder, 'pipeline'));
  const all = await captures(folder, 'abc');
  const jobs: string[] = [];
  for (const count of [2, 3]) {
    jobs.push((await pipeline.submit(all.slice(0, count), CONFIG)).job);
    await pipeline.work();
  }
  assert.ok(await isCommitted(pipeline.store, jobs[1]));
  return { pipeline, all, jobs };
}

async function copyOf(store: ObjectStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { key } of store.list('')) await copy.put(key, await store.get(key));
  return copy;
}

const keysOf = (store: MemoryStore): string[] => [...store.objects.keys()].sort();

async function tableFiles(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) if (isTableFile(key)) keys.push(key);
  return keys.sort();
}

test(`a cleaning that crashes before or after any call is done by the next one, with the same end (seed ${SEED})`, async (t) => {
  const { pipeline, all, jobs } = await twoJobs(t);
  const [{ files }, tables] = [await pipeline.summary(jobs[1]), await pipeline.tables(jobs[1])];
  await setDue(pipeline.store, cleaningKey('asked'), { keepJobs: 0 });
  const [work, results] = [await copyOf(pipeline.store), await copyOf(pipeline.results)];
  const cleaned = async (life: Life, most?: number): Promise<{ keys: string[][]; calls: number }> => {
    const stores = [await copyOf(work), await copyOf(results)];
    const [store, tables] = stores.map((one) => new MortalStore(one, life));
    await cleanDue(store, tables, later(), always, most).catch((error) => assert.ok(error instanceof Crash));
    const { calls } = life;
    await cleanDue(stores[0], stores[1], later(), always);
    return { keys: stores.map(keysOf), calls };
  };
  const whole = await cleaned(new Life(random(SEED)));
  assert.ok(whole.keys[0].length < work.objects.size && whole.keys[1].length < results.objects.size);
  assert.deepEqual((await cleaned(new Life(random(SEED)), 3)).keys, whole.keys, 'in parts of three objects');
  for (let call = 1; call <= whole.calls; call++)
    for (const when of ['before', 'after'] as const)
      assert.deepEqual((await cleaned(new Life(random(call), call, when))).keys, whole.keys, `${when} call ${call}`);
  const done = await cleanDue(pipeline.store, pipeline.results, later(), always);
  assert.deepEqual([done.done, done.stopped], [1, null]);
  assert.deepEqual(await tableFiles(pipeline.results), Object.values(files).flat().sort());
  assert.deepEqual(await pipeline.tables(jobs[1]), tables);
  assert.equal((await cleanDue(pipeline.store, pipeline.results, later(), always)).objects, 0);
  const again = await pipeline.submit(all, CONFIG);
  assert.deepEqual([again.job, again.state], [jobs[1], 'committed']);
});

test('of a data set whose results are replaced every few minutes, files go that were replaced before the last hour', async (t) => {
  const { pipeline, all } = await twoJobs(t);
  const { store, results } = pipeline;
  /** Cleans at a time at which the results have just been replaced. */
  const cleanAt = async (now: number): Promise<void> => {
    const justNow = Object.assign(Object.create(results) as ObjectStore, {
      head: async (key: string) => ({ ...(await results.head(key))!, modified: now }),
    });
    await setDue(store, cleaningKey('test'), { keepJobs: 0 });
    assert.equal((await cleanDue(store, justNow, now, always)).stopped, null);
  };
  const first = await tableFiles(results);
  await cleanAt(0);
  assert.deepEqual(await tableFiles(results), first);
  await pipeline.submit(all.slice(0, 2), { ...CONFIG, packets: false });
  await pipeline.work();
  const before = await tableFiles(results);
  const replacedSince = before.filter((key) => !first.includes(key)).length;
  await cleanAt(SETTLED_MS + 1);
  const after = await tableFiles(results);
  assert.ok(after.length < before.length, 'those that the second job replaced are gone');
  await cleanAt(SETTLED_MS + 2);
  assert.deepEqual(await tableFiles(results), after, 'those that the third replaced are read by somebody');
  await cleanAt(2 * SETTLED_MS + 3);
  assert.ok((await tableFiles(results)).length < after.length);
  assert.ok(replacedSince > 0);
});

test('nothing is removed while a job runs or waits, nor files that were replaced within the hour; one that begins stops it', async (t) => {
  const { pipeline, all, jobs } = await twoJobs(t);
  const { store, results } = pipeline;
  await setDue(store, cleaningKey('asked'), { keepJobs: 0 });
  const before = await tableFiles(results);
  const { job } = await pipeline.submit(all.slice(1), CONFIG);
  const busy = await cleanDue(store, results, later(), always);
  assert.deepEqual([busy.stopped, busy.objects], ['busy', 0]);
  await cancelJob(store, pipeline.queue, job);
  await cleanDue(store, results, Date.now(), always);
  assert.deepEqual(await tableFiles(results), before);
  assert.equal(await store.head(jobKey(jobs[0])), undefined, 'files of jobs nobody reads');

  await setDue(store, cleaningKey('asked'), { keepJobs: 0 });
  let removed = 0;
  const meanwhile = new Proxy(results, {
    get: (target, name: keyof ObjectStore) =>
      name === 'remove'
        ? async (keys: string[]) => {
            removed += keys.length;
            if (removed === keys.length) await pipeline.submit(all.slice(0, 2), CONFIG);
            await target.remove(keys);
          }
        : (target[name] as () => unknown).bind(target),
  });
  assert.equal((await cleanDue(store, meanwhile, later(), always)).stopped, 'busy');
  await pipeline.work();
  const tables = await pipeline.tables(jobs[0]);
  assert.ok(tables.sessions.length > 0 && tables.packets.length > 0);
  assert.deepEqual((await cleanDue(store, results, later(), () => false)).stopped, 'time');
  assert.equal((await cleanDue(store, results, later(), always)).done, 1);
});

test('a data set of which it is not known what its results need is left as it is', async (t) => {
  const { pipeline, jobs } = await twoJobs(t);
  await setDue(pipeline.store, cleaningKey('asked'), { keepJobs: 0 });
  await pipeline.store.remove([jobKey(jobs[1])]);
  const { done, problems } = await cleanDue(pipeline.store, pipeline.results, later(), always);
  assert.deepEqual([done, problems], [1, []]);
  assert.notEqual(await pipeline.store.head(jobKey(jobs[0])), undefined);
});

/** Begins to forget one capture. @returns the job */
async function forget(
  store: ObjectStore,
  { results, queue }: { results: ObjectStore; queue: TaskQueue },
  capture: string,
): Promise<string> {
  const held = (await heldCaptures(store, results, DATASET))!;
  const forgetting = await planForgetting(store, DATASET, held, { capture });
  return (await startForgetting(store, queue, DATASET, held.job, forgetting, SOURCE)).job;
}

test('what was forgotten is removed behind the committed job and not before, and stays forgotten', async (t) => {
  const { pipeline, all, jobs } = await twoJobs(t);
  const { store, results } = pipeline;
  const { sessions } = await pipeline.tables(jobs[1]);
  const job = await forget(store, pipeline, 'a.pcap');
  assert.ok((await jobStatus(store, job)).cleaningDue);
  const early = await cleanDue(store, results, later(), always);
  assert.deepEqual([early.waiting, early.objects], [1, 0]);
  await pipeline.work(3);
  await cancelJob(store, pipeline.queue, job);
  assert.equal((await cleanDue(store, results, later(), always)).waiting, 1, 'it can be resumed');
  await resumeJob(store, pipeline.queue, job);
  await pipeline.work();
  assert.equal((await cleanDue(store, results, Date.now(), always)).done, 1, 'at once, whoever reads');
  assert.ok(!(await jobStatus(store, job)).cleaningDue);
  assert.equal((await cleanDue(store, results, later(), always)).done, 0);

  const left = (await pipeline.tables(job)).sessions;
  assert.deepEqual(
    left.map(({ uid }) => uid),
    sessions.filter(({ capture_first }) => capture_first !== 'a.pcap').map(({ uid }) => uid),
  );
  assert.ok(left.length < sessions.length && left.length > 0);
  assert.deepEqual(
    await tableFiles(results),
    Object.values((await pipeline.summary(job)).files)
      .flat()
      .sort(),
  );
  const used = [...(await usedShards(store, job))];
  for await (const { key } of store.list('shards/'))
    assert.ok(
      used.some((prefix) => key.startsWith(prefix)),
      key,
    );
  for await (const { key } of store.list('jobs/')) assert.ok(key.startsWith(`jobs/${job}/`), key);

  const next = await grown(store, DATASET, all);
  assert.deepEqual(next.captures.map(isForgotten), [true, false, false]);
  const newer = all.map((capture) => ({ ...capture, version: 'newer' }));
  assert.deepEqual((await grown(store, DATASET, newer)).captures.map(isForgotten), [false, false, false]);
  assert.deepEqual((await grown(store, DATASET, [])).captures.map(isForgotten).sort(), [false, false, true]);
});

test('a job that reads a forgotten capture again keeps all from being removed, and is named', async (t) => {
  const { pipeline, all } = await twoJobs(t);
  const { store, results } = pipeline;
  await forget(store, pipeline, 'b.pcap');
  await pipeline.work();
  const { job } = await pipeline.submit(all, plainConfig());
  await pipeline.work();
  const { done, objects, problems } = await cleanDue(store, results, later(), always);
  assert.deepEqual([done, objects], [0, 0]);
  assert.match(problems.join(), new RegExp(`job ${job} has read b.pcap again`));
});

test(`starting to forget goes on when it is done again, wherever it died (seed ${SEED})`, async (t) => {
  const { pipeline, all } = await twoJobs(t);
  const { results } = pipeline;
  const before = await copyOf(pipeline.store);
  const queue = { send: async () => {} };
  const start = async (store: ObjectStore, life: Life): Promise<string> =>
    forget(new MortalStore(store, life), { results, queue: new MortalQueue(queue, life) }, 'b.pcap');
  const whole = new Life(random(SEED));
  const expected = await start(await copyOf(before), whole);
  for (let call = 1; call <= whole.calls; call++)
    for (const when of ['before', 'after'] as const) {
      const store = await copyOf(before);
      await assert.rejects(start(store, new Life(random(call), call, when)), Crash);
      assert.equal(await start(store, new Life(random(call))), expected, `${when} call ${call}`);
      assert.ok(await isForgettingDue(store, expected));
      assert.equal((await jobStatus(store, expected)).state, 'running');
    }
  await pipeline.submit(all.slice(1), CONFIG);
  await assert.rejects(start(pipeline.store, new Life(random(1))), /runs or waits: nothing is forgotten meanwhile/);
});
