/**
 * Chains of invocations: a function sends a message that leads to itself again. Lambda ends such a chain at a depth of
 * 16, unless the function's RecursiveLoop allows it; here as AWS documents it, over the trace that the SDK hands on.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { beforeEach, mock, test } from 'node:test';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { submitJob } from '../../shared/control/operate.ts';
import { isCommitted } from '../../shared/job/protocol/jobend.ts';
import { SqsQueue, sqsClient } from '../../shared/queue/sqs.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { listCaptures } from '../../shared/store/aws/s3list.ts';
import { putWatchedPrefix } from '../../shared/upload/watchedprefixes.ts';
import { HEAVY } from '../heavy.ts';
import { ofType, synthesized } from '../infra/template.ts';
import { demoCaptures } from '../job/cutting.ts';
import { plainConfig } from '../job/harness.ts';
import { CAPTURES, fakeS3, fakeSqs, invocation, sqsEvent, work } from './environment.ts';
import type { QueuedMessage } from './fakesqs.ts';

type Handler = (event: SQSEvent, lambda: Context) => Promise<SQSBatchResponse>;

const NAMES = [...STAGE_ORDER, 'uploads'];
const HANDLERS: Record<string, Handler> = {};
for (const name of NAMES)
  HANDLERS[name] = ((await import(`../../functions/${name}.ts`)) as { handler: Handler }).handler;

/** Invocations of a function in one chain, above which Lambda ends it. */
const MOST_LINEAGE = 16;
const allowed = new Map(
  ofType(synthesized().pipelineTemplate, 'AWS::Lambda::Function').map(([id, { Properties }]) => [
    id.toLowerCase(),
    Properties.RecursiveLoop === 'Allow',
  ]),
);
const mayLoop = (name: string): boolean =>
  [...allowed].some(([id, allows]) => id.startsWith(`function${name}function`) && allows);

/** Longest chain so far, in invocations of one function. */
let longest = 0;

beforeEach(() => {
  fakeS3.objects.clear();
  fakeSqs.queues.clear();
  longest = 0;
});

/** Invokes the function of a queue with one message, as Lambda does. @returns false where Lambda ended the chain instead */
async function invoke(name: string, { body, trace }: Pick<QueuedMessage, 'body' | 'trace'>): Promise<boolean> {
  const lineage = JSON.parse(trace ?? '{}') as Record<string, number>;
  lineage[name] = (lineage[name] ?? 0) + 1;
  longest = Math.max(longest, lineage[name]);
  if (lineage[name] > MOST_LINEAGE && !mayLoop(name)) return false;
  process.env.AWS_LAMBDA_FUNCTION_NAME = name;
  process.env._X_AMZN_TRACE_ID = JSON.stringify(lineage);
  try {
    assert.deepEqual(await HANDLERS[name](sqsEvent([body]), invocation()), { batchItemFailures: [] }, body);
  } finally {
    delete process.env.AWS_LAMBDA_FUNCTION_NAME;
    delete process.env._X_AMZN_TRACE_ID;
  }
  return true;
}

test(
  'the 18th waiting job of a data set runs, though one end has led to the next beginning 17 times',
  HEAVY,
  async () => {
    const path = demoCaptures().find((name) => name.endsWith('trace-545d1f.pcap'))!;
    const queue = new SqsQueue(sqsClient(), JSON.parse(process.env.FLOWSTITCH_QUEUES!) as Record<string, string>);
    const submitted: string[] = [];
    for (let number = 0; number < MOST_LINEAGE + 2; number++) {
      const prefix = `in/${number}/`;
      fakeS3.put(prefix + basename(path), readFileSync(path));
      const { captures } = await listCaptures(fakeS3.client(), CAPTURES, prefix);
      const source = { prefix: `s3://${CAPTURES}/${prefix}`, by: 'submit' } as const;
      submitted.push((await submitJob(work, queue, plainConfig(), captures, source)).job);
    }
    for (let waiting = true; waiting; ) {
      waiting = false;
      for (const stage of STAGE_ORDER)
        for (const message of fakeSqs.take(stage)) {
          waiting = true;
          assert.ok(await invoke(stage, message), `${stage} was stopped`);
        }
    }
    for (const job of submitted) assert.ok(await isCommitted(work, job), job);
    assert.equal(longest, MOST_LINEAGE + 2);
  },
);

test('a prefix that is to be quiet for five hours starts its job then, and not before', async () => {
  const hours = 5;
  await putWatchedPrefix(work, {
    ...{ dataset: 'site', bucket: CAPTURES, prefix: 'site/', options: {} },
    quietSeconds: hours * 3600,
  });
  fakeS3.put('site/a.pcap', readFileSync(demoCaptures()[0]));
  const from = Date.now();
  const record = { s3: { bucket: { name: CAPTURES }, object: { key: 'site/a.pcap' } } };
  await invoke('uploads', { body: JSON.stringify({ Records: [record] }), trace: undefined });
  mock.timers.enable({ apis: ['Date'], now: from });
  try {
    for (;;) {
      const [message, ...others] = fakeSqs.take('uploads');
      if (message === undefined) break;
      assert.deepEqual(others, []);
      assert.deepEqual(fakeSqs.take('plan'), []);
      mock.timers.tick(message.delaySeconds * 1000);
      assert.ok(await invoke('uploads', message), 'uploads was stopped');
    }
    assert.equal(fakeSqs.take('plan').length, 1);
    // Times of writing have whole seconds, and checks a clock of their own, a hundredth of the quiet apart.
    const waited = (Date.now() - from) / 1000;
    assert.ok(waited >= hours * 3600 - 1 && waited <= hours * 3600 * 1.01 + 1, `${waited} s`);
  } finally {
    mock.timers.reset();
  }
  assert.ok(longest > MOST_LINEAGE, `${longest}`);
});
