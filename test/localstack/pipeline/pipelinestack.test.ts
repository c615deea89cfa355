/**
 * The pipeline's own stack on LocalStack: deployed, destroyed, deployed again. That a destroyed stack leaves its data
 * is a matter of DeletionPolicy, which LocalStack does not heed: test/infra/ holds the template to it.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation';
import { DescribeRuleCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { ListBucketsCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { emptyBucket } from '../../../infra/deploy/destroy.ts';
import { pipelineStackName, watchdogRuleName } from '../../../infra/names.ts';
import { readSettings, type Settings } from '../../../infra/settings.ts';
import { addStacks, codeFrom, newApp } from '../../../infra/stacks/stacks.ts';
import { deployTemplate, destroyStack } from '../../../localstack/deploy.ts';
import { clientConfig, functionLog, localStackEndpoint, SKIPPED } from '../running.ts';
import { uniqueName, waitFor } from '../stack.ts';

const found = await localStackEndpoint();
/** Says which functions are asked what: the stack is looked at here, and not the code. */
const HANDLER = 'export const handler = async (event) => { console.log(JSON.stringify(event)); };\n';

/** Synthesizes the stack with stand-ins for the functions, and deploys it. */
async function deploy(endpoint: string, context: Record<string, string>): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'flowstitch-stack-'));
  try {
    const code = join(folder, 'code');
    await mkdir(code);
    await writeFile(join(code, 'index.mjs'), HANDLER);
    const app = newApp({ outdir: join(folder, 'out') });
    const settings = readSettings({ localstack: 'true', ...context });
    addStacks(
      app,
      settings,
      codeFrom(() => code),
    );
    app.synth();
    return await deployTemplate({
      endpoint,
      stackName: pipelineStackName(settings),
      assemblyFolder: join(folder, 'out'),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('the stack of the pipeline on LocalStack', { skip: found === null ? SKIPPED : false }, () => {
  const endpoint = found ?? '';
  const config = clientConfig(endpoint);
  const s3 = new S3Client(config);
  const name = uniqueName('fs');
  const settings: Settings = readSettings({ name });
  const stackName = pipelineStackName(settings);
  after(() => destroyStack({ endpoint, stackName }));

  /** Buckets of this stack: CloudFormation begins their names with its own. */
  async function bucketsThere(): Promise<string[]> {
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
    return Buckets.map(({ Name = '' }) => Name).filter((bucket) => bucket.startsWith(stackName));
  }

  /** What the function of uploads has been asked, once that holds a text. */
  async function uploadsHears(text: string): Promise<void> {
    const client = new CloudFormationClient(config);
    const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName: stackName }));
    const uploads = StackResources.find(
      ({ ResourceType, LogicalResourceId }) =>
        ResourceType === 'AWS::Lambda::Function' && LogicalResourceId?.startsWith('Functionuploads'),
    );
    await waitFor(`the function of uploads to hear of ${text}`, async () =>
      (await functionLog(uploads?.PhysicalResourceId ?? '')).includes(text) ? true : undefined,
    );
  }

  test('it deploys; an upload comes to the function of uploads, and the watchdog sleeps', async () => {
    const outputs = await deploy(endpoint, { name });
    assert.equal((await bucketsThere()).length, 3);
    await s3.send(new PutObjectCommand({ Bucket: outputs.CapturesBucket, Key: 'site-a/first.pcap', Body: 'x' }));
    await uploadsHears('site-a/first.pcap');
    const rule = await new EventBridgeClient(config).send(
      new DescribeRuleCommand({ Name: watchdogRuleName(settings) }),
    );
    assert.equal(rule.State, 'DISABLED');
  });

  test('its queues are what the template says: hidden for six time-outs, dead after five tries', async () => {
    const outputs = await deploy(endpoint, { name });
    const sqs = new SQSClient(config);
    for (const [stage, QueueUrl] of Object.entries(JSON.parse(outputs.Queues) as Record<string, string>)) {
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
      assert.equal(QueueUrl.endsWith('.fifo'), ['plan', 'balance', 'commit'].includes(stage), stage);
      const long = ['map', 'balance', 'merge', 'reduce', 'publish'].includes(stage);
      assert.equal(Attributes?.VisibilityTimeout, long ? '5400' : '1800', stage);
      assert.equal(JSON.parse(Attributes?.RedrivePolicy ?? '{}').maxReceiveCount, 5, stage);
    }
  });

  test('destroyed, nothing is left of it', async () => {
    await destroyStack({ endpoint, stackName });
    assert.deepEqual(await bucketsThere(), []);
  });

  test('deployed again, it works', async () => {
    const outputs = await deploy(endpoint, { name });
    await s3.send(new PutObjectCommand({ Bucket: outputs.CapturesBucket, Key: 'site-a/second.pcap', Body: 'x' }));
    await uploadsHears('site-a/second.pcap');
  });

  test('a bucket is emptied before it is removed, and one that is gone already is no error', async () => {
    const { WorkBucket: Bucket } = await deploy(endpoint, { name });
    for (const Key of ['jobs/a', "shards/with space, + and 'quotes'"])
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    await emptyBucket(s3, Bucket);
    assert.equal((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
    await emptyBucket(s3, uniqueName('none'));
  });
});
