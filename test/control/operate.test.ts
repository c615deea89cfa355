/** Jobs as people handle them: submitted, listed, cancelled in the middle, resumed. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { cancelJob, findJob, listJobs, recommitJob, resumeJob } from '../../shared/control/operate.ts';
import type { JobEntry } from '../../shared/control/start.ts';
import { failTask } from '../../shared/control/task.ts';
import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import { isCommitted, readEnd } from '../../shared/job/protocol/jobend.ts';
import { currentKey } from '../../shared/job/protocol/keys.ts';
import { type CaptureRef, FileCaptures } from '../../shared/store/capturesource.ts';
import { getJson, jsonBytes } from '../../shared/store/jsonobject.ts';
import { demoCaptures, readPackets, writePieces } from '../job/cutting.ts';
import { captureRefs, lines, plainConfig, temporaryFolder } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';
import { LocalPipeline, madeUpCaptures, SMALL } from '../job/pipeline.ts';

/** Three captures of thirty packets. */
async function smallCaptures(folder: string): Promise<CaptureRef[]> {
  const { packets } = await readPackets(demoCaptures().find((path) => path.includes('986511'))!);
  const pieces = [0, 30, 60].map((from) => packets.slice(from, from + 30));
  return captureRefs(writePieces(join(folder, 'in'), pieces, ['one', 'two', 'three'], () => 0.4));
}

test('a job that is cancelled in the middle and resumed makes the same tables', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const whole = new LocalPipeline(join(folder.path, 'whole'));
  const { job } = await whole.submit(captures);
  const messages = await whole.work();
  const expected = lines((await whole.tables(job)).sessions);
  assert.ok(expected.length > 3);
  for (let at = 1; at < messages.length; at += 2) {
    const pipeline = new LocalPipeline(join(folder.path, `cancelled-${at}`));
    await pipeline.submit(captures);
    await pipeline.work(at);
    const context = `cancelled after ${at} of ${messages.length} tasks`;
    assert.equal(await cancelJob(pipeline.store, pipeline.queue, job), true, context);
    const left = await pipeline.work();
    assert.equal(pipeline.queue.depth, 0, context);
    assert.equal(await isCommitted(pipeline.store, job), false, context);
    assert.ok(left.length <= messages.length - at, 'no task of it began another');
    const resumed = await resumeJob(pipeline.store, pipeline.queue, job);
    assert.deepEqual(resumed, { job, state: 'began', again: 0 }, context);
    const then = await pipeline.work();
    assert.ok(at + then.length <= messages.length, `${then.length} messages to go on: ${context}`);
    assert.deepEqual(lines((await pipeline.tables(job)).sessions), expected, context);
  }
});

test('cancelling what has ended changes nothing, and says so', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path);
  const { job } = await pipeline.submit(await smallCaptures(folder.path));
  await pipeline.work();
  assert.equal(await cancelJob(pipeline.store, pipeline.queue, job), false);
  assert.equal(await readEnd(pipeline.store, job), undefined);
  assert.deepEqual(await resumeJob(pipeline.store, pipeline.queue, job), { job, state: 'nothing', again: 0 });
  assert.equal(pipeline.queue.depth, 0);
});

test('without a queue a job is cancelled and the next one is left to the pipeline', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path, new MemoryStore());
  const { job } = await pipeline.submit(madeUpCaptures('a'));
  const { job: next } = await pipeline.submit(madeUpCaptures('b'));
  assert.equal(await cancelJob(pipeline.store, null, job), true);
  assert.equal(pipeline.queue.depth, 1);
  const [message] = await pipeline.work(1);
  assert.equal(message.job, job, 'its own message, which is passed over');
  assert.equal(pipeline.queue.receive()?.message.job, next);
});

test('a job with a capture that could not be read is committed; resumed, another job reads that one and takes the shards of the others', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const whole = new LocalPipeline(join(folder.path, 'whole'));
  const { job: undamaged } = await whole.submit(captures);
  await whole.work();

  const pipeline = new LocalPipeline(join(folder.path, 'archived'));
  const refused = { reason: 'capture_archived', detail: 'restore it' };
  const archived = captures.map((capture) => (capture.name === 'two' ? { ...capture, refused } : capture));
  const { job } = await pipeline.submit(archived);
  await pipeline.work();
  assert.deepEqual(
    (await pipeline.summary(job)).damaged.map(({ capture, reason }) => [capture, reason]),
    [['two', 'capture_archived']],
  );
  assert.deepEqual(await pipeline.submit(archived), { job, state: 'committed' });

  const read: string[] = [];
  const files = new FileCaptures();
  pipeline.captures = {
    version: (ref) => files.version(ref),
    stream: (ref, limit) => {
      if (limit === undefined) read.push(ref.name);
      return files.stream(ref, limit);
    },
  };
  const resumed = await resumeJob(pipeline.store, pipeline.queue, job);
  assert.deepEqual({ ...resumed, job: 'another' }, { job: 'another', state: 'began', again: 1 });
  assert.notEqual(resumed.job, job);
  await pipeline.work();
  assert.deepEqual(read, ['two']);
  const summary = await pipeline.summary(resumed.job);
  // One task stands for the two groups that were there.
  assert.deepEqual([summary.mapTasks, summary.reusedTasks, summary.damaged], [2, 1, []]);
  assert.deepEqual(
    lines((await pipeline.tables(resumed.job)).sessions),
    lines((await whole.tables(undamaged)).sessions),
  );
  // The same again leads to the same job, which is whole now.
  assert.deepEqual(await resumeJob(pipeline.store, pipeline.queue, job), {
    job: resumed.job,
    state: 'nothing',
    again: 0,
  });
  assert.deepEqual((await findJob(pipeline.store, resumed.job)).source, (await findJob(pipeline.store, job)).source);
});

test('a job that failed goes on where it failed', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const store = new MemoryStore();
  const pipeline = new LocalPipeline(folder.path, store);
  const { job } = await pipeline.submit(captures);
  const put = store.put.bind(store);
  store.put = (key, bytes) => (key.includes('/reduce/') ? Promise.reject(new Error('no room')) : put(key, bytes));
  await pipeline.work();
  assert.deepEqual(await readEnd(store, job), {
    state: 'failed',
    stage: 'reduce',
    task: 0,
    reason: 'it failed each time',
  });
  store.put = put;
  assert.deepEqual(await pipeline.submit(captures), { job, state: 'ended' });
  assert.equal(pipeline.queue.depth, 0);
  assert.equal((await resumeJob(store, pipeline.queue, job)).state, 'began');
  const messages = await pipeline.work();
  assert.deepEqual(new Set(messages.map(({ stage }) => stage)), new Set(['reduce', 'publish', 'commit']));
  assert.equal((await pipeline.summary(job)).captures, 3);
});

test('resuming a job that runs sends its messages again', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path);
  const { job } = await pipeline.submit(await smallCaptures(folder.path));
  await pipeline.work(2);
  const waiting = pipeline.queue.depth;
  assert.deepEqual(await resumeJob(pipeline.store, pipeline.queue, job), { job, state: 'began', again: 0 });
  assert.equal(pipeline.queue.depth, 2 * waiting);
  await pipeline.work();
  assert.equal((await pipeline.summary(job)).captures, 3);
});

test('what an attempt that still runs behind the commit finds gone does not end the job', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path);
  const { job } = await pipeline.submit(await smallCaptures(folder.path));
  await pipeline.work();
  const fault = { damaged: `jobs/${job}/balance/x/reduce-merged-0-0`, reason: 'it is missing' };
  assert.equal(
    await failTask(pipeline.store, pipeline.queue, { job, stage: 'reduce', task: 0 }, fault.reason, fault),
    true,
  );
  assert.equal(await readEnd(pipeline.store, job), undefined);
});

test('a job that was committed before another is made the one that readers see by its commit alone', async () => {
  using folder = temporaryFolder();
  const captures = await smallCaptures(folder.path);
  const pipeline = new LocalPipeline(folder.path);
  const { job } = await pipeline.submit(captures);
  await pipeline.work();
  const expected = lines((await pipeline.tables(job)).sessions);
  await pipeline.submit(captures.slice(1));
  await pipeline.work();
  const current = async () => (await getJson<CurrentJob>(pipeline.results, currentKey(SMALL.dataset)))?.job;
  assert.notEqual(await current(), job);
  assert.deepEqual(await recommitJob(pipeline.store, pipeline.queue, job), { job, state: 'began' });
  assert.deepEqual(await pipeline.work(), [{ job, stage: 'commit', task: 0 }]);
  assert.equal(await current(), job);
  assert.deepEqual(lines((await pipeline.tables(job)).sessions), expected);
});

test('jobs are listed the newest first, and found by the beginning of an id that no other shares', async () => {
  const store = new MemoryStore();
  const entry = (job: string, dataset: string, submitted: number): Promise<void> => {
    const { source, captures, bytes }: Omit<JobEntry, 'job' | 'dataset' | 'submitted'> = {
      source: { prefix: null, by: 'submit' },
      captures: 1,
      bytes: 1,
    };
    const key = `datasets/${dataset}/jobs/${job}`;
    return store.put(key, jsonBytes({ job, dataset, source, captures, bytes, submitted } satisfies JobEntry));
  };
  await entry('aaaa000000000001', 'x', 2);
  await entry('aaaa000000000002', 'y', 3);
  await entry('bbbb000000000003', 'x', 1);
  const ids = (jobs: JobEntry[]): string[] => jobs.map(({ job }) => job);
  assert.deepEqual(ids(await listJobs(store)), ['aaaa000000000002', 'aaaa000000000001', 'bbbb000000000003']);
  assert.deepEqual(ids(await listJobs(store, 'x')), ['aaaa000000000001', 'bbbb000000000003']);
  assert.equal((await findJob(store, 'b')).job, 'bbbb000000000003');
  assert.equal((await findJob(store, 'aaaa000000000002')).dataset, 'y');
  await assert.rejects(findJob(store, 'aaaa'), /several jobs: aaaa000000000002, aaaa000000000001/);
  await assert.rejects(findJob(store, 'c'), /there is no job c/);
});

test('a job named by the beginning of its id is the one that is cancelled and resumed', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path, new MemoryStore());
  const { job } = await pipeline.submit(madeUpCaptures('a'));
  assert.equal(await cancelJob(pipeline.store, pipeline.queue, job.slice(0, 6)), true);
  assert.equal((await readEnd(pipeline.store, job))?.state, 'cancelled');
  assert.deepEqual(await resumeJob(pipeline.store, pipeline.queue, job.slice(0, 6)), { job, state: 'began', again: 0 });
  assert.equal(await readEnd(pipeline.store, job), undefined);
});

test('other timeouts are another job of the same data set; other sizes are the same job', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(folder.path, new MemoryStore());
  const captures = madeUpCaptures('a');
  const { job } = await pipeline.submit(captures);
  const sessions = { ...SMALL.sessions, tcpInactivityUs: 1e6 };
  assert.notEqual((await pipeline.submit(captures, { ...SMALL, sessions })).job, job);
  const { fileRows } = SMALL.sizes;
  assert.equal((await pipeline.submit(captures, plainConfig({ sizes: { fileRows } }))).job, job);
});
