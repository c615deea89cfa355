/** The event that tells how a job has ended: once its results are visible, at least once, whatever ended it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { beforeEach, test } from 'node:test';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { JobEnded } from '../../shared/control/jobended.ts';
import { cancelJob, recommitJob, submitJob } from '../../shared/control/operate.ts';
import { currentKey, jobKey, RUNNING_PREFIX, summaryKey } from '../../shared/job/protocol/keys.ts';
import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import { RELEASE } from '../../shared/job/revisions.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { SqsQueue, sqsClient } from '../../shared/queue/sqs.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { listCaptures } from '../../shared/store/aws/s3list.ts';
import { getJson, jsonBytes } from '../../shared/store/jsonobject.ts';
import { demoCaptures } from '../job/cutting.ts';
import { plainConfig } from '../job/harness.ts';
import { CAPTURES, fakeEvents, fakeS3, fakeSqs, invocation, sqsEvent, work } from './environment.ts';

const { handler: watchdog } = await import('../../functions/watchdog.ts');
const { handler: deadLetter } = await import('../../functions/dead-letter.ts');
type Handler = (event: SQSEvent, lambda: Context) => Promise<SQSBatchResponse>;
const HANDLERS = {} as Record<Stage, Handler>;
for (const stage of STAGE_ORDER)
  HANDLERS[stage] = ((await import(`../../functions/${stage}.ts`)) as { handler: Handler }).handler;

const queue = new SqsQueue(sqsClient(), JSON.parse(process.env.FLOWSTITCH_QUEUES!) as Record<string, string>);
const PREFIX = `s3://${CAPTURES}/in/`;

beforeEach(() => {
  fakeS3.objects.clear();
  fakeSqs.queues.clear();
  fakeEvents.events.length = 0;
  fakeEvents.refusal = undefined;
  fakeEvents.before = () => {};
});

async function submitted(retry = 0): Promise<string> {
  for (const path of demoCaptures().slice(0, 2)) fakeS3.put(`in/${basename(path)}`, readFileSync(path));
  const { captures } = await listCaptures(fakeS3.client(), CAPTURES, 'in/');
  return (await submitJob(work, queue, plainConfig({ retry }), captures, { prefix: PREFIX, by: 'submit' })).job;
}

/** Hands messages to the stages' functions, up to a stage, each as often as said. */
async function pump(until?: Stage, times = 1): Promise<void> {
  for (const stage of STAGE_ORDER) {
    if (stage === until) break;
    for (const { body } of fakeSqs.take(stage))
      for (let time = 0; time < times; time++)
        assert.deepEqual(await HANDLERS[stage](sqsEvent([body]), invocation()), { batchItemFailures: [] });
  }
}

/** What was told. */
const told = (): (JobEnded & { stack: string })[] => fakeEvents.events.map(({ Detail }) => JSON.parse(Detail));

async function untold(): Promise<number> {
  let count = 0;
  for await (const _ of work.list(RUNNING_PREFIX)) count++;
  return count;
}

test('a job that is committed is told of once, with its counts, when its results can be read', async () => {
  let visible: boolean | undefined;
  fakeEvents.before = () => {
    visible = fakeS3.objects.has(currentKey('test')) && fakeS3.objects.has(summaryKey(job));
  };
  const job = await submitted();
  await pump(undefined, 2);
  await watchdog({}, invocation());
  const summary = (await getJson<JobSummary>(work, summaryKey(job)))!;
  assert.deepEqual(told(), [
    {
      ...{ stack: 'test-pipeline', job, dataset: 'test', state: 'committed', prefix: PREFIX, captures: 2 },
      captureBytes: demoCaptures()
        .slice(0, 2)
        .reduce((sum, path) => sum + readFileSync(path).length, 0),
      ...{ packets: summary.packets, sessions: summary.sessions, damaged: 0 },
    },
  ]);
  const [{ Source, DetailType }] = fakeEvents.events;
  assert.deepEqual([Source, DetailType, visible, await untold()], ['flowstitch', 'Flowstitch Job Ended', true, 0]);
});

test('what EventBridge does not take is told by the watchdog, and the job is committed all the same', async () => {
  fakeEvents.refusal = 'ThrottlingException';
  const job = await submitted();
  await pump();
  assert.deepEqual([told().length, await untold()], [0, 1]);
  await assert.rejects(watchdog({}, invocation()), /did not take the end of job \w+: ThrottlingException/);
  fakeEvents.refusal = undefined;
  await watchdog({}, invocation());
  assert.deepEqual(
    told().map((each) => [each.job, each.state]),
    [[job, 'committed']],
  );
  assert.equal(await untold(), 0);
});

test('a job that fails is told of with its stage and reason, by the function that gives it up', async () => {
  const job = await submitted();
  await pump('reduce');
  const [{ body }] = fakeSqs.take('reduce');
  await deadLetter(sqsEvent([body]), invocation());
  const [{ state, stage, reason, packets }] = told();
  assert.deepEqual([state, stage, packets], ['failed', 'reduce', undefined]);
  assert.match(reason!, /ended without an error/);
  assert.equal(told()[0].job, job);
});

test('jobs that no function ended are told of by the watchdog: a cancelled one, one that waited, one of another version', async () => {
  const running = await submitted();
  const waiting = await submitted(1);
  await cancelJob(work, queue, waiting);
  await cancelJob(work, queue, running);
  const other = await submitted(2);
  const { config } = (await getJson<{ config: object }>(work, jobKey(other)))!;
  await work.put(jobKey(other), jsonBytes({ job: other, software: '0.0.9', config }));
  assert.notEqual(RELEASE, '0.0.9');
  const [{ body }] = fakeSqs.take('plan').filter((message) => message.body.includes(other));
  await HANDLERS.plan(sqsEvent([body]), invocation());
  await watchdog({}, invocation());
  assert.deepEqual(Object.fromEntries(told().map(({ job, state }) => [job, state])), {
    [running]: 'cancelled',
    [waiting]: 'cancelled',
    [other]: 'failed',
  });
});

test('a job that is committed once more is told of once more', async () => {
  const job = await submitted();
  await pump();
  await recommitJob(work, queue, job);
  await pump();
  assert.deepEqual(
    told().map((each) => [each.job, each.state]),
    [
      [job, 'committed'],
      [job, 'committed'],
    ],
  );
});
