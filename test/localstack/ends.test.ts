/** A rule of EventBridge that waits for the end of jobs, on LocalStack: what it sends on when a job was committed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { JobEnded } from '../../shared/control/jobended.ts';
import { type Cloud, sharedCloud } from './cloud.ts';
import { committed, datasetOfPrefix, submit, upload } from './jobs.ts';
import { clientConfig, localStackEndpoint, SKIPPED } from './running.ts';
import { demoSamples } from './samples.ts';
import { newPrefix, uniqueName, waitFor } from './stack.ts';

const endpoint = await localStackEndpoint();

describe('the end of a job on LocalStack', { skip: endpoint === null ? SKIPPED : false }, () => {
  const events = new EventBridgeClient(clientConfig(endpoint ?? ''));
  const sqs = new SQSClient(clientConfig(endpoint ?? ''));
  const name = uniqueName('ends');
  let cloud: Cloud;
  let QueueUrl: string | undefined;
  before(async () => {
    cloud = await sharedCloud(endpoint!);
    ({ QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name })));
  });
  after(async () => {
    await events.send(new RemoveTargetsCommand({ Rule: name, Ids: ['queue'] }));
    await events.send(new DeleteRuleCommand({ Name: name }));
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
  });

  test('reaches a rule for committed jobs of one data set, with the counts of the summary', async () => {
    const prefix = newPrefix();
    const dataset = datasetOfPrefix(cloud, prefix);
    const EventPattern = JSON.stringify({
      source: ['flowstitch'],
      'detail-type': ['Flowstitch Job Ended'],
      detail: { dataset: [dataset], state: ['committed'] },
    });
    await events.send(new PutRuleCommand({ Name: name, EventPattern }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    await events.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: 'queue', Arn: Attributes?.QueueArn }] }));
    const captures = demoSamples(prefix);
    await upload(cloud, captures);
    const { job } = await submit(cloud, prefix);
    const summary = await committed(cloud, job);
    const body = await waitFor('the event', async () => {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
      return Messages[0]?.Body;
    });
    const { detail } = JSON.parse(body) as { detail: JobEnded & { stack: string } };
    assert.deepEqual(
      [detail.stack, detail.job, detail.dataset, detail.state, detail.captures, detail.packets, detail.sessions],
      [cloud.stack, job, dataset, 'committed', captures.size, summary.packets, summary.sessions],
    );
  });
});
