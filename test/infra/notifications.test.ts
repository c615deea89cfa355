/**
 * An existing bucket's notifications are merged, never replaced. What does it is the CDK's own function, in Python
 * inside the template: it is run here as it is, with a boto3 that remembers.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ofType, synthesized } from './template.ts';

const QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:uploads';
const THEIRS = {
  TopicConfigurations: [
    { Id: 'theirs', TopicArn: 'arn:aws:sns:eu-west-1:123456789012:theirs', Events: ['s3:ObjectCreated:*'] },
  ],
  QueueConfigurations: [
    { Id: 'theirs too', QueueArn: 'arn:aws:sqs:eu-west-1:123456789012:theirs', Events: ['s3:ObjectRemoved:*'] },
  ],
};

/** boto3 with one bucket, which the file bucket.json holds. */
const BOTO3 = `
import json
class S3:
  def get_bucket_notification_configuration(self, Bucket):
    return json.load(open('bucket.json'))
  def put_bucket_notification_configuration(self, Bucket, NotificationConfiguration, SkipDestinationValidation):
    json.dump(NotificationConfiguration, open('bucket.json', 'w'))
def client(name):
  return S3()
`;

/** Calls the function as CloudFormation does; its answer, which it would send over HTTP, is printed. */
const CALL = `
import json, urllib.request
class Answer:
  def read(self): pass
  status = 200
  reason = 'OK'
  def __enter__(self): return self
  def __exit__(self, *_): pass
def urlopen(request, *_, **__):
  print(json.loads(request.data)['Status'])
  return Answer()
urllib.request.urlopen = urlopen
import index
class Context:
  log_stream_name = 'log'
index.handler(json.load(open('event.json')), Context())
`;

const hasPython = spawnSync('python3', ['--version']).status === 0;

test('notifications that are there stay when ours comes and when it goes', {
  skip: !hasPython && 'there is no python3, in which the function is written',
}, () => {
  const { pipelineTemplate } = synthesized({ existingCaptures: 'their-captures' });
  const [[, resource]] = ofType(pipelineTemplate, 'Custom::S3BucketNotifications');
  const handler = ofType(pipelineTemplate, 'AWS::Lambda::Function').find(([id]) =>
    id.startsWith('BucketNotifications'),
  );
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-notifications-'));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  try {
    write('index.py', handler?.[1].Properties.Code.ZipFile);
    write('boto3.py', BOTO3);
    write('call.py', CALL);
    write('bucket.json', JSON.stringify(THEIRS));
    const call = (RequestType: string): typeof THEIRS => {
      const { Managed, BucketName, NotificationConfiguration } = resource.Properties;
      const [ours] = NotificationConfiguration.QueueConfigurations;
      const ResourceProperties = {
        BucketName,
        // CloudFormation hands every value on as text.
        Managed: String(Managed),
        NotificationConfiguration: { QueueConfigurations: [{ ...ours, QueueArn: QUEUE }] },
      };
      const stack = 'arn:aws:cloudformation:eu-west-1:123456789012:stack/flowstitch-pipeline/0a1b';
      const ids = { StackId: stack, RequestId: 'r', LogicalResourceId: 'l', ResponseURL: 'http://127.0.0.1/' };
      write('event.json', JSON.stringify({ RequestType, ResourceProperties, ...ids }));
      const printed = execFileSync('python3', ['call.py'], { cwd: folder, encoding: 'utf8', timeout: 30_000 });
      assert.match(printed, /^SUCCESS$/m);
      return JSON.parse(readFileSync(join(folder, 'bucket.json'), 'utf8'));
    };
    const merged = call('Create');
    assert.deepEqual(merged.TopicConfigurations, THEIRS.TopicConfigurations);
    assert.deepEqual(
      merged.QueueConfigurations.map(({ QueueArn }) => QueueArn),
      [THEIRS.QueueConfigurations[0].QueueArn, QUEUE],
    );
    const left = call('Delete');
    assert.deepEqual(left.TopicConfigurations, THEIRS.TopicConfigurations);
    assert.deepEqual(left.QueueConfigurations, THEIRS.QueueConfigurations);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
