/** The watchdog's schedule: on from the first message of a job, wherever the job goes on from; off when none runs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { beforeEach, test } from 'node:test';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { cancelJob, recommitJob, resumeJob, submitJob } from '../../shared/control/operate.ts';
import { isCommitted } from '../../shared/job/protocol/jobend.ts';
import { RUNNING_PREFIX } from '../../shared/job/protocol/keys.ts';
import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import { SqsQueue, sqsClient } from '../../shared/queue/sqs.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { listCaptures } from '../../shared/store/aws/s3list.ts';
import { demoCaptures } from '../job/cutting.ts';
import { plainConfig } from '../job/harness.ts';
import { CAPTURES, fakeEvents, fakeS3, fakeSqs, invocation, sqsEvent, work } from './environment.ts';

/** Changes of the schedule, in order. */
const { changes } = fakeEvents;
process.env.FLOWSTITCH_WATCHDOG = 'flowstitch-watchdog';

const { handler: watchdog } = await import('../../functions/watchdog.ts');
type Handler = (event: SQSEvent, lambda: Context) => Promise<SQSBatchResponse>;
const HANDLERS = {} as Record<Stage, Handler>;
for (const stage of STAGE_ORDER)
  HANDLERS[stage] = ((await import(`../../functions/${stage}.ts`)) as { handler: Handler }).handler;

const queue = new SqsQueue(sqsClient(), JSON.parse(process.env.FLOWSTITCH_QUEUES!) as Record<string, string>);
const ON = 'AWSEvents.EnableRule';
const OFF = 'AWSEvents.DisableRule';

beforeEach(() => {
  fakeS3.objects.clear();
  fakeSqs.queues.clear();
  changes.length = 0;
});

async function submitted(): Promise<string> {
  fakeS3.put('in/a.pcap', readFileSync(demoCaptures().find((name) => name.endsWith('trace-545d1f.pcap'))!));
  const { captures } = await listCaptures(fakeS3.client(), CAPTURES, 'in/');
  return (await submitJob(work, queue, plainConfig(), captures, { prefix: 's3://in', by: 'submit' })).job;
}

/** Hands messages to the stages' functions until there are none, or up to a stage. @returns stages that had messages */
async function pump(until?: Stage): Promise<Stage[]> {
  const had: Stage[] = [];
  for (const stage of STAGE_ORDER) {
    if (stage === until) break;
    for (const { body } of fakeSqs.take(stage)) {
      if (!had.includes(stage)) had.push(stage);
      assert.deepEqual(await HANDLERS[stage](sqsEvent([body]), invocation()), { batchItemFailures: [] });
    }
  }
  return had;
}

async function entries(): Promise<number> {
  let count = 0;
  for await (const _ of work.list(RUNNING_PREFIX)) count++;
  return count;
}

/** What the schedule is after all that was changed. */
const isOn = (): boolean => changes.at(-1) === ON;

test('it is on while a job runs, off when it has ended, and on again for a job that is committed once more', async () => {
  const job = await submitted();
  await pump('reduce');
  assert.ok(isOn());
  await watchdog({}, invocation());
  assert.ok(isOn() && !changes.includes(OFF));
  await pump();
  assert.ok(await isCommitted(work, job));
  await watchdog({}, invocation());
  assert.deepEqual([isOn(), await entries()], [false, 0]);
  await recommitJob(work, queue, job);
  assert.deepEqual(await pump(), ['commit']);
  assert.ok(isOn());
});

test('it is on for a job that is resumed at a later stage than plan', async () => {
  const job = await submitted();
  await pump('reduce');
  fakeSqs.take('reduce');
  await cancelJob(work, queue, job);
  await watchdog({}, invocation());
  assert.deepEqual([isOn(), await entries()], [false, 0]);
  await resumeJob(work, queue, job);
  assert.deepEqual(await pump('publish'), ['reduce']);
  assert.deepEqual([isOn(), await entries()], [true, 1]);
  await watchdog({}, invocation());
  assert.ok(isOn());
});

test('many tasks switch it on once for each stage, not once each', async () => {
  const tasks = Array.from({ length: 25 }, (_, task) => ({ job: 'j', stage: 'map', task }));
  await queue.send(tasks);
  const marked = fakeSqs.take('map').filter(({ body }) => (JSON.parse(body) as { first?: true }).first);
  assert.deepEqual(
    marked.map(({ body }) => JSON.parse(body) as object),
    [{ ...tasks[0], first: true }],
  );
});
