/** How a job stands, told from its files: before it begins, half way, at its end. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cancelJob, findJob } from '../../shared/control/operate.ts';
import { jobStates, jobStatus, stageAt } from '../../shared/control/status.ts';
import { jobPrefix, listKey } from '../../shared/job/protocol/keys.ts';
import type { Done } from '../../shared/job/protocol/stageresults.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import type { ObjectHead } from '../../shared/store/objectstore.ts';
import { writePcap } from '../capture/build.ts';
import { START_US, udpRecords } from '../cli/harness.ts';
import { captureRefs, temporaryFolder } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';
import { LocalPipeline, madeUpCaptures, SMALL } from '../job/pipeline.ts';

/** Captures of 10, 20, 30 ... packets: a map task each. */
async function captures(folder: string, count: number): Promise<CaptureRef[]> {
  mkdirSync(folder, { recursive: true });
  const paths = Array.from({ length: count }, (_, i) => join(folder, `${i}.pcap`));
  for (const [i, path] of paths.entries())
    writeFileSync(path, writePcap(udpRecords(10 * (i + 1), START_US + i * 60e6, i + 1)));
  return captureRefs(paths);
}

test('a job that has just been asked for has one plan task, and nothing else is known', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path, new MemoryStore());
  const { job } = await pipeline.submit(madeUpCaptures('a', 'b'));
  const status = await jobStatus(pipeline.store, job);
  assert.deepEqual([status.state, status.behind, status.entry.captures], ['running', null, 2]);
  assert.deepEqual(
    status.stages.map(({ stage, tasks, ended }) => [stage, tasks, ended]),
    [
      ['plan', 1, 0],
      ['map', null, 0],
      ['balance', null, 0],
      ['merge', null, 0],
      ['reduce', null, 0],
      ['publish', null, 0],
      ['commit', null, 0],
    ],
  );
  assert.equal(stageAt(status).stage, 'plan');
  assert.equal(status.summary, null);
});

test('half way through map it tells tasks, packets and captures so far, and when the last task ended', async () => {
  using folder = temporaryFolder();
  const before = Date.now() - 2000;
  const pipeline = new LocalPipeline(folder.path);
  const { job } = await pipeline.submit(await captures(join(folder.path, 'in'), 4));
  await pipeline.work(3);
  const status = await jobStatus(pipeline.store, job);
  const { stage, tasks, ended, sentAt, lastEnd } = stageAt(status);
  assert.deepEqual([stage, tasks, ended], ['map', 4, 2]);
  assert.ok(sentAt! >= before && lastEnd! >= sentAt! && lastEnd! <= Date.now() + 2000, `${sentAt} ${lastEnd}`);
  // Map tasks are in order of time, and the queue is drawn from its head.
  assert.deepEqual(status.mapped, { packets: 30, captures: 2 });
  assert.ok(status.taskSeconds > 0);
  assert.deepEqual(status.failures, []);
});

test('what ended once is not read again', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path);
  const { job } = await pipeline.submit(await captures(join(folder.path, 'in'), 4));
  await pipeline.work(3);
  const known = new Map<string, Done>();
  await jobStatus(pipeline.store, job, known);
  assert.equal(known.size, 3);
  await pipeline.work(1);
  const read: string[] = [];
  const get = pipeline.store.get.bind(pipeline.store);
  pipeline.store.get = (key, range) => {
    if (key.includes('/done/')) read.push(key);
    return get(key, range);
  };
  const status = await jobStatus(pipeline.store, job, known);
  assert.equal(status.mapped.packets, 60);
  assert.equal(read.filter((key) => key.includes('/map/done/')).length, 1);
});

test('a job behind another says which; a cancelled one that it is', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path, new MemoryStore());
  const { job: first } = await pipeline.submit(madeUpCaptures('a'));
  const { job: second } = await pipeline.submit(madeUpCaptures('b'));
  const waiting = await jobStatus(pipeline.store, second);
  assert.deepEqual([waiting.state, waiting.behind], ['waiting', first]);
  await cancelJob(pipeline.store, pipeline.queue, first);
  const cancelled = await jobStatus(pipeline.store, first);
  assert.deepEqual([cancelled.state, cancelled.end?.state], ['cancelled', 'cancelled']);
  assert.equal((await jobStatus(pipeline.store, second)).state, 'running');
});

test('a task that failed each time is named; a failed map task does not end the job', async () => {
  using folder = temporaryFolder();
  const store = new MemoryStore();
  const pipeline = new LocalPipeline(folder.path, store);
  const refs = await captures(join(folder.path, 'in'), 3);
  const { job } = await pipeline.submit(refs);
  const put = store.put.bind(store);
  let broken = '';
  store.put = (key, bytes) => {
    // The first shard that is written marks the task that is to fail.
    const group = key.startsWith('shards/') ? key.split('/')[2] : '';
    broken ||= group;
    return group !== '' && group === broken ? Promise.reject(new Error('no room')) : put(key, bytes);
  };
  await pipeline.work();
  const status = await jobStatus(store, job);
  assert.equal(status.state, 'committed');
  assert.deepEqual(
    status.failures.map(({ stage, reason }) => [stage, reason]),
    [['map', 'it failed each time']],
  );
  assert.equal(status.summary?.damaged[0].reason, 'task_failed');
});

test('at the end there is the summary, and every stage is done', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path);
  const { job } = await pipeline.submit(await captures(join(folder.path, 'in'), 2));
  await pipeline.work();
  const status = await jobStatus(pipeline.store, job.slice(0, 8));
  assert.equal(status.state, 'committed');
  assert.equal(status.summary?.packets, 30);
  for (const { stage, tasks, ended } of status.stages) assert.equal(ended, tasks, stage);
});

test('a committed job that the catalog does not show says why, and another job of the data set does not', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path);
  const { job: first } = await pipeline.submit(await captures(join(folder.path, 'in'), 1));
  await pipeline.work();
  pipeline.results.putIfAbsent = () => Promise.reject(new Error('cannot write the log'));
  const { job: second } = await pipeline.submit(await captures(join(folder.path, 'in'), 2));
  await pipeline.work();
  assert.equal((await jobStatus(pipeline.store, first)).notInCatalog, null);
  const status = await jobStatus(pipeline.store, second);
  assert.deepEqual([status.state, status.notInCatalog], ['committed', 'cannot write the log']);
});

test('states of many jobs at once, each data set asked once whose turn it is', async () => {
  using folder = temporaryFolder();
  const store = new MemoryStore();
  const pipeline = new LocalPipeline(folder.path, store);
  const jobs: string[] = [];
  for (const name of ['a', 'b', 'c', 'd']) jobs.push((await pipeline.submit(madeUpCaptures(name))).job);
  jobs.push((await pipeline.submit(madeUpCaptures('a'), { ...SMALL, dataset: 'other' })).job);
  await cancelJob(store, pipeline.queue, jobs[3]);
  const gone: string[] = [];
  for await (const { key } of store.list(jobPrefix(jobs[2]))) gone.push(key);
  await store.remove(gone);
  const entries = await Promise.all(jobs.map((job) => findJob(store, job)));
  store.listings = 0;
  const states = await jobStates(store, entries);
  assert.deepEqual(
    states.map(({ state, behind }) => [state, behind]),
    [
      ['running', null],
      ['waiting', jobs[0]],
      ['removed', null],
      ['cancelled', null],
      ['running', null],
    ],
  );
  assert.equal(store.listings, 4, 'turns and waiting jobs of two data sets');
  await assert.rejects(jobStatus(store, jobs[2]), /files of job \w+ have expired/);
  assert.equal(await getJson(store, listKey(jobs[2], 'plan')), undefined);
});

test('a job that ends while it is looked at is never said to wait', async () => {
  using folder = temporaryFolder();
  const store = new EndingStore();
  const pipeline = new LocalPipeline(folder.path, store);
  const { job } = await pipeline.submit(await captures(join(folder.path, 'in'), 1));
  store.onLookAtTurns = () => cancelJob(store, null, job);
  assert.equal((await jobStatus(store, job)).state, 'cancelled');
});

/** Something happens just before somebody looks whose turn it is. */
class EndingStore extends MemoryStore {
  onLookAtTurns: (() => Promise<unknown>) | undefined;

  override async *list(prefix: string): AsyncIterable<ObjectHead> {
    if (prefix.includes('/turns/')) {
      const happens = this.onLookAtTurns;
      this.onLookAtTurns = undefined;
      await happens?.();
    }
    yield* super.list(prefix);
  }
}
