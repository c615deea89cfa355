/** The stages' functions: what they do with a message that succeeds, fails, runs out of time or belongs to another version. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { leaveNote, memoryNote } from '../../shared/control/failures.ts';
import { submitJob } from '../../shared/control/operate.ts';
import { jobStatus } from '../../shared/control/status.ts';
import { turnsOf } from '../../shared/control/turns.ts';
import type { Job } from '../../shared/job/jobconfig.ts';
import { isCommitted, readEnd } from '../../shared/job/protocol/jobend.ts';
import { doneKey, errorKey, inputsKey, jobKey, summaryKey, turnKey } from '../../shared/job/protocol/keys.ts';
import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import { readDone } from '../../shared/job/protocol/taskends.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { SqsQueue, sqsClient } from '../../shared/queue/sqs.ts';
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { listCaptures } from '../../shared/store/aws/s3list.ts';
import { getJson, jsonBytes } from '../../shared/store/jsonobject.ts';
import { demoCaptures } from '../job/cutting.ts';
import { captureRefs, plainConfig, runJob, temporaryFolder } from '../job/harness.ts';
import { CAPTURES, fakeS3, fakeSqs, invocation, LEASE_SECONDS, sqsEvent, work } from './environment.ts';

const { Lease } = await import('../../functions/lease.ts');
const { handler: deadLetter } = await import('../../functions/dead-letter.ts');

type Handler = (event: SQSEvent, lambda: Context) => Promise<SQSBatchResponse>;
const handlerOf = async (stage: Stage): Promise<[Stage, Handler]> => {
  const { handler } = (await import(`../../functions/${stage}.ts`)) as { handler: Handler };
  return [stage, handler];
};
const HANDLERS = Object.fromEntries(await Promise.all(STAGE_ORDER.map(handlerOf))) as Record<Stage, Handler>;
const { plan, map } = HANDLERS;

const sqs = sqsClient();
const queue = new SqsQueue(sqs, JSON.parse(process.env.FLOWSTITCH_QUEUES!) as Record<string, string>);
const CONFIG = plainConfig({ sizes: { taskBytes: 200_000, partitionRows: 400 } });

beforeEach(() => {
  fakeS3.objects.clear();
  fakeSqs.queues.clear();
  fakeSqs.hidden.length = 0;
});

/** The project's captures in the bucket of captures, and a job over them submitted. */
async function submitted(files = demoCaptures()): Promise<string> {
  const prefix = `in/${files.length}/`;
  for (const path of files) fakeS3.put(prefix + basename(path), readFileSync(path));
  const { captures } = await listCaptures(fakeS3.client(), CAPTURES, prefix);
  const source = { prefix: `s3://${CAPTURES}/${prefix}`, by: 'submit' } as const;
  return (await submitJob(work, queue, CONFIG, captures, source)).job;
}

/** Hands all messages to the stages' functions until there are none, each as often as said. */
async function pump(times = 1): Promise<void> {
  for (let waiting = true; waiting; ) {
    waiting = false;
    for (const [stage, handler] of Object.entries(HANDLERS))
      for (const { body } of fakeSqs.take(stage)) {
        waiting = true;
        for (let time = 0; time < times; time++)
          assert.deepEqual(await handler(sqsEvent([body]), invocation()), { batchItemFailures: [] }, body);
      }
  }
}

const message = (job: string, stage: Stage, task = 0): TaskMessage => ({ job, stage, task });

function errorNote(job: string, stage: Stage, task = 0): Promise<{ reason: string; receives: number } | undefined> {
  return getJson(work, errorKey(job, stage, task));
}

test("the project's captures through the functions, every message twice: the rows of a run on this machine, and requests counted", async () => {
  const job = await submitted();
  await pump(2);
  assert.ok(await isCommitted(work, job));
  const summary = (await getJson<JobSummary>(work, summaryKey(job)))!;
  using folder = temporaryFolder();
  const here = await runJob(folder.path, await captureRefs(demoCaptures()), CONFIG, undefined, []);
  for (const figure of ['captures', 'packets', 'sessions', 'spanning', 'captureBytes'] as const)
    assert.equal(summary[figure], here.summary[figure], figure);
  assert.deepEqual(summary.conservation, here.summary.conservation);
  assert.deepEqual(summary.damaged, []);
  const { requests } = await jobStatus(work, job);
  assert.ok((requests?.['s3.get'] ?? 0) > summary.captures, JSON.stringify(requests));
  assert.ok((requests?.bytesRead ?? 0) > here.summary.captureBytes / 4);
  assert.ok(fakeS3.objects.has(join('datasets', CONFIG.dataset, 'current.json')));
});

test("status tells as many requests as the services saw: before a task's work and after its end, of failures, and of commit", async () => {
  const job = await submitted();
  fakeS3.requests.length = 0;
  fakeSqs.actions.length = 0;
  const denied = { error: { status: 403, code: 'AccessDenied', message: 'for a moment' } };
  fakeS3.fail(({ method, key }) => method === 'PUT' && key.includes('shards/'), denied);
  const [{ body }] = fakeSqs.take('plan');
  await plan(sqsEvent([body]), invocation());
  const [failing, ...others] = fakeSqs.take('map');
  assert.equal((await map(sqsEvent([failing.body]), invocation())).batchItemFailures.length, 1);
  for (const { body: task } of [failing, ...others]) await map(sqsEvent([task], 2), invocation());
  await pump(2);
  assert.ok(await isCommitted(work, job));
  const of = (...kinds: string[]): number => fakeS3.requests.filter((seen) => kinds.includes(kindOf(seen))).length;
  // The one look above is this test's own.
  const seen = { get: of('get') - 1, head: of('head'), list: of('list'), put: of('put'), delete: of('delete') };
  const sent = fakeSqs.actions.filter((action) => action.startsWith('SendMessage')).length;
  const { requests = {} } = await jobStatus(work, job);
  const told = Object.fromEntries(Object.keys(seen).map((kind) => [kind, requests[`s3.${kind}`] ?? 0]));
  assert.deepEqual({ ...told, sent: requests['sqs.send'] }, { ...seen, sent });
  assert.ok(seen.put > 20 && sent >= 5, JSON.stringify(seen));
});

/** What S3 charges a request as. */
function kindOf({ method, query }: (typeof fakeS3.requests)[number]): string {
  if (method === 'GET') return query.has('list-type') ? 'list' : 'get';
  if (method === 'POST') return query.has('delete') ? 'delete' : 'upload';
  return query.has('partNumber') ? 'part' : method.toLowerCase();
}

test('of several messages those that failed are reported, by their ids, and the others are done', async () => {
  const job = await submitted();
  const event = sqsEvent([
    'no JSON',
    message(job, 'plan'),
    { job, stage: 'plan' },
    message(job, 'map'),
    message('unknown', 'plan'),
  ]);
  const { batchItemFailures } = await plan(event, invocation());
  assert.deepEqual(
    batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    ['message-0', 'message-2', 'message-3', 'message-4'],
  );
  assert.equal((await readDone(work, job, 'plan', 0))?.ok, true);
  assert.match((await errorNote('unknown', 'plan'))?.reason ?? '', /there is no job unknown/);
});

test('a task that fails leaves a note why, and its message comes again after some seconds more each time', async () => {
  const job = await submitted();
  await work.put(inputsKey(job), new TextEncoder().encode('[{"name": '));
  for (const receives of [1, 4]) {
    fakeSqs.hidden.length = 0;
    const { batchItemFailures } = await plan(sqsEvent([message(job, 'plan')], receives), invocation());
    assert.deepEqual(batchItemFailures, [{ itemIdentifier: 'message-0' }]);
    const note = await errorNote(job, 'plan');
    assert.equal(note?.receives, receives);
    assert.match(note?.reason ?? '', /inputs\.json is damaged/);
    assert.deepEqual(fakeSqs.hidden.at(-1), { queue: 'plan', receipt: 'receipt-0', seconds: 5 * receives });
  }
  assert.equal(await readDone(work, job, 'plan', 0), undefined);
});

test('what failed each time is written down as failed with the note that it left, and ends its job', async () => {
  const job = await submitted();
  await work.put(inputsKey(job), new TextEncoder().encode('[{"name": '));
  await plan(sqsEvent([message(job, 'plan')], 5), invocation());
  const { reason } = (await errorNote(job, 'plan'))!;
  assert.deepEqual(await deadLetter(sqsEvent([message(job, 'plan')]), invocation()), { batchItemFailures: [] });
  assert.deepEqual(await readEnd(work, job), {
    ...{ state: 'failed', stage: 'plan', task: 0, reason },
    damaged: inputsKey(job),
  });
});

test('the reason an attempt failed is not kept for later ones, which may die without an error', async () => {
  const job = await submitted();
  await plan(sqsEvent([message(job, 'plan')]), invocation());
  const task = message(job, 'map');
  const denied = { error: { status: 403, code: 'AccessDenied', message: 'for a moment' } };
  fakeS3.fail(({ method, key }) => method === 'PUT' && key.includes('shards/'), denied);
  await map(sqsEvent([task], 1), invocation());
  assert.match((await errorNote(job, 'map'))!.reason, /AccessDenied|denied/);
  await map(sqsEvent([task], 2), invocation());
  assert.equal(await errorNote(job, 'map'), undefined);
});

test("a job whose own file is damaged ends, and so do its dead letters; a damaged turn is nobody's", async () => {
  const job = await submitted();
  const damage = async (key: string): Promise<void> => work.put(key, (await work.get(key)).subarray(0, 20));
  await damage(jobKey(job));
  await damage(turnKey('test', 1));
  await work.put(errorKey(job, 'plan', 0), new Uint8Array([1]));
  assert.deepEqual(await deadLetter(sqsEvent([message(job, 'plan')]), invocation()), { batchItemFailures: [] });
  const end = await readEnd(work, job);
  assert.ok(end?.state === 'failed' && end.damaged === jobKey(job));
  assert.deepEqual(await turnsOf(work, 'test'), { running: null, waiting: [] });
});

test('a task whose time runs out fails by its name, and does not write any more', async () => {
  const job = await submitted();
  // A function is told to stop 15 s before its end: this one a millisecond after its beginning.
  const { batchItemFailures } = await plan(sqsEvent([message(job, 'plan')], 2), invocation(15_001));
  assert.deepEqual(batchItemFailures, [{ itemIdentifier: 'message-0' }]);
  assert.deepEqual(await errorNote(job, 'plan'), {
    reason: `plan task 0 of job ${job} did not finish within 0 s, the time limit of its function`,
    ...{ receives: 2, fault: null, shortage: 'time', times: 1 },
  });
  await sleep(50);
  assert.ok(!fakeS3.objects.has(doneKey(job, 'plan', 0)));
  assert.deepEqual(fakeSqs.take('map'), []);
});

test('a task that runs out of time twice is not tried again: its job fails and says what helps, and the next one begins', async () => {
  const job = await submitted();
  const next = await submitted(demoCaptures().slice(0, 3));
  fakeSqs.take('plan');
  const short = (receives: number): Promise<SQSBatchResponse> =>
    plan(sqsEvent([message(job, 'plan')], receives), invocation(15_001));
  assert.equal((await short(1)).batchItemFailures.length, 1);
  assert.equal((await turnsOf(work, CONFIG.dataset)).running, job);
  assert.deepEqual(await short(2), { batchItemFailures: [] });
  const end = await readEnd(work, job);
  assert.ok(end?.state === 'failed');
  assert.match(end.reason, /did not finish within 0 s.* So it ended 2 times: start jobs over fewer captures/);
  assert.equal((await turnsOf(work, CONFIG.dataset)).running, next);
});

test('a task whose process died twice near the end of its memory is not begun again', async () => {
  const job = await submitted();
  const near = memoryNote({ used: 500, most: 512 }, 1, undefined);
  await leaveNote(work, message(job, 'plan'), memoryNote({ used: 501, most: 512 }, 2, near));
  fakeS3.requests.length = 0;
  assert.deepEqual(await plan(sqsEvent([message(job, 'plan')], 3), invocation()), { batchItemFailures: [] });
  assert.ok(!fakeS3.requests.some(({ key }) => key.startsWith('in/')), 'no capture was read');
  const end = await readEnd(work, job);
  assert.ok(end?.state === 'failed');
  assert.match(end.reason, /501 of 512 MB: out of memory\. So it ended 2 times: .*the function plan with more memory/);
});

test('a message of a job that another version began is done with: the job ends, the next of its data set begins', async () => {
  const job = await submitted();
  const next = await submitted(demoCaptures().slice(0, 3));
  const { config } = (await getJson<Job>(work, jobKey(job)))!;
  await work.put(jobKey(job), jsonBytes({ job, software: '0.0.9', config } satisfies Job));
  fakeSqs.take('plan');
  for (let time = 0; time < 2; time++)
    assert.deepEqual(await map(sqsEvent([message(job, 'map', 3)]), invocation()), { batchItemFailures: [] });
  const end = await readEnd(work, job);
  assert.ok(end?.state === 'failed');
  assert.match(end.reason, /belongs to version 0\.0\.9/);
  assert.equal((await turnsOf(work, CONFIG.dataset)).running, next);
  assert.deepEqual(
    fakeSqs.take('plan').map(({ body }) => JSON.parse(body) as TaskMessage),
    [{ ...message(next, 'plan'), first: true }],
  );
});

test('when a job has ended, the function that ended it begins the next one of its data set', async () => {
  const first = await submitted(demoCaptures().slice(0, 2));
  const second = await submitted(demoCaptures().slice(0, 4));
  assert.deepEqual((await turnsOf(work, CONFIG.dataset)).waiting, [second]);
  await pump();
  for (const job of [first, second]) assert.ok(await isCommitted(work, job));
});

test('dead letters of a job whose files were removed, and messages that nobody can read, are let go', async () => {
  const event = sqsEvent([message('unknown', 'map'), 'no JSON', { job: 'x' }]);
  assert.deepEqual(await deadLetter(event, invocation()), { batchItemFailures: [] });
});

test('a message stays hidden for a lease at a time while its task is worked on, and no longer', (t) => {
  // The clock is the test's: on a busy machine a request may take longer than the whole lease here.
  t.mock.timers.enable({ apis: ['setInterval'] });
  const sent: unknown[] = [];
  const client = { send: async ({ input }: { input: unknown }) => void sent.push(input) } as unknown as typeof sqs;
  const lease = new Lease(client, 'queue', 'receipt');
  const hidden = { QueueUrl: 'queue', ReceiptHandle: 'receipt', VisibilityTimeout: LEASE_SECONDS };
  assert.deepEqual(sent, [hidden]);
  for (let renewed = 1; renewed <= 3; renewed++) {
    t.mock.timers.tick((LEASE_SECONDS * 1000) / 2);
    assert.ok(sent.length > renewed, 'renewed before it ends');
  }
  const { length } = sent;
  assert.deepEqual(sent, Array(length).fill(hidden));
  lease.end();
  t.mock.timers.tick(LEASE_SECONDS * 5000);
  assert.equal(sent.length, length);
});

test('a message that is released at once is not hidden again by the renewal that was under way', async () => {
  for (let round = 0; round < 20; round++) {
    const lease = new Lease(sqs, fakeSqs.url('map'), `receipt-${round}`);
    await lease.release(2);
    await sleep(5);
    assert.equal(fakeSqs.hidden.at(-1)?.seconds, 10);
    assert.equal(fakeSqs.hidden.at(-1)?.receipt, `receipt-${round}`);
  }
});

test('a lease that cannot be renewed does not fail its task', async () => {
  const nowhere = sqsClient({ endpoint: 'http://127.0.0.1:1', attempts: 1 });
  const lease = new Lease(nowhere, 'http://127.0.0.1:1/q', 'receipt');
  await lease.release(1);
  nowhere.destroy();
});
