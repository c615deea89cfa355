/** The pipeline's buckets, and one of captures that was there before. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FUNCTION_NAMES } from '../../infra/functions.ts';
import { bucket, existing, KEYS, plain, queueArn } from './pipelineparts.ts';
import { allows, statementsOf } from './policy.ts';
import { ofType, synthesized, theOne } from './template.ts';

describe('buckets', () => {
  test('there are three; all are private, encrypted, TLS only, and stay when the stack goes, but for a first deployment that fails', () => {
    const buckets = ofType(plain, 'AWS::S3::Bucket');
    assert.equal(buckets.length, 3);
    for (const [id, made] of buckets) {
      assert.deepEqual(
        made.Properties.PublicAccessBlockConfiguration,
        { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        id,
      );
      assert.equal(
        made.Properties.BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault
          .SSEAlgorithm,
        'AES256',
      );
      assert.equal(made.Properties.BucketName, undefined, 'names are CloudFormation’s to draw');
      assert.equal(made.DeletionPolicy, 'RetainExceptOnCreate', id);
      assert.equal(made.UpdateReplacePolicy, 'Retain', id);
      const [[, policy]] = ofType(plain, 'AWS::S3::BucketPolicy').filter(
        ([, { Properties }]) => Properties.Bucket.Ref === id,
      );
      const [statement] = policy.Properties.PolicyDocument.Statement;
      assert.equal(statement.Effect, 'Deny');
      assert.deepEqual(statement.Condition, { Bool: { 'aws:SecureTransport': 'false' } });
    }
  });

  test('they go with the stack when that is asked for', () => {
    for (const [id, { DeletionPolicy }] of ofType(
      synthesized({ dataOnDestroy: 'delete' }).pipelineTemplate,
      'AWS::S3::Bucket',
    ))
      assert.equal(DeletionPolicy, 'Delete', id);
  });

  test('work and results are encrypted with a key of one’s own where one is named, and every function may use it', () => {
    const [key] = KEYS;
    const { pipelineTemplate } = synthesized({ dataKeyArn: key });
    const encryption = (id: string) =>
      bucket(id, pipelineTemplate).Properties.BucketEncryption.ServerSideEncryptionConfiguration[0];
    for (const id of ['Work', 'Results'])
      assert.deepEqual(encryption(id), {
        BucketKeyEnabled: true,
        ServerSideEncryptionByDefault: { KMSMasterKeyID: key, SSEAlgorithm: 'aws:kms' },
      });
    assert.equal(encryption('Captures').ServerSideEncryptionByDefault.SSEAlgorithm, 'AES256');
    for (const name of FUNCTION_NAMES)
      for (const action of ['kms:Decrypt', 'kms:GenerateDataKey'])
        assert.ok(allows(statementsOf(pipelineTemplate, name), action, key), `${name} ${action}`);
  });

  test('only the bucket of captures tells of its objects', () => {
    assert.deepEqual(bucket('Captures').Properties.NotificationConfiguration, {
      QueueConfigurations: [{ Event: 's3:ObjectCreated:*', Queue: queueArn('Uploads') }],
    });
    assert.equal(bucket('Results').Properties.NotificationConfiguration, undefined);
    assert.equal(bucket('Work').Properties.NotificationConfiguration, undefined);
  });

  test('S3 may send to the queue of uploads before the bucket of captures is made', () => {
    const [policyId, policy] = theOne(plain, 'AWS::SQS::QueuePolicy', 'QueueUploadsPolicy');
    assert.ok(bucket('Captures').DependsOn?.includes(policyId));
    const allowed = policy.Properties.PolicyDocument.Statement.filter(
      ({ Effect }: { Effect: string }) => Effect === 'Allow',
    );
    assert.equal(allowed.length, 1);
    assert.deepEqual(allowed[0].Principal, { Service: 's3.amazonaws.com' });
    assert.deepEqual(allowed[0].Condition, { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } });
  });

  test('what a job leaves in the work bucket expires; data sets and captures do not', () => {
    const expiring = (id: string): [string, number][] =>
      bucket(id)
        .Properties.LifecycleConfiguration.Rules.filter((rule: { ExpirationInDays?: number }) => rule.ExpirationInDays)
        .map((rule: { Prefix: string; ExpirationInDays: number }) => [rule.Prefix, rule.ExpirationInDays]);
    assert.deepEqual(expiring('Work'), [
      ['running/', 7],
      ['requests/', 7],
      ['checks/', 7],
      ['jobs/', 30],
      ['shards/', 30],
      ['cleaning/', 30],
    ]);
    assert.deepEqual(expiring('Captures'), []);
    assert.deepEqual(expiring('Results'), [['athena/', 30]]);
  });

  test('unfinished uploads are removed after two days everywhere', () => {
    for (const [id, { Properties }] of ofType(plain, 'AWS::S3::Bucket')) {
      const rule = Properties.LifecycleConfiguration.Rules.find(
        (each: { AbortIncompleteMultipartUpload?: object }) => each.AbortIncompleteMultipartUpload,
      );
      assert.deepEqual(rule.AbortIncompleteMultipartUpload, { DaysAfterInitiation: 2 }, id);
      assert.equal(rule.Status, 'Enabled');
      assert.equal(rule.Prefix, undefined, 'whatever the key');
    }
  });
});

describe('an existing bucket of captures', () => {
  test('is neither made nor removed', () => {
    assert.equal(ofType(existing, 'AWS::S3::Bucket').length, 2);
    assert.equal(JSON.parse(JSON.stringify(existing.Outputs.CapturesBucket.Value)), 'their-captures');
  });

  test('gets a notification beside those it has', () => {
    const [[, { Properties }]] = ofType(existing, 'Custom::S3BucketNotifications');
    assert.equal(Properties.BucketName, 'their-captures');
    assert.equal(Properties.Managed, false, 'what others have configured is merged, not replaced');
    assert.equal(Properties.NotificationConfiguration.QueueConfigurations.length, 1);
  });

  test('is left alone where uploads are not to start jobs', () => {
    const { pipelineTemplate } = synthesized({ existingCaptures: 'their-captures', uploadEvents: 'false' });
    assert.deepEqual(ofType(pipelineTemplate, 'Custom::S3BucketNotifications'), []);
    assert.equal(ofType(pipelineTemplate, 'AWS::Lambda::Function').length, FUNCTION_NAMES.length);
  });

  test('that notifies others of new objects already tells EventBridge too, whose rule sends them to the queue', () => {
    const { pipelineTemplate } = synthesized({ existingCaptures: 'their-captures', uploadEvents: 'eventbridge' });
    const [[, notifications]] = ofType(pipelineTemplate, 'Custom::S3BucketNotifications');
    assert.equal(notifications.Properties.Managed, false);
    assert.deepEqual(notifications.Properties.NotificationConfiguration, { EventBridgeConfiguration: {} });
    const [[ruleId, rule]] = ofType(pipelineTemplate, 'AWS::Events::Rule').filter(([id]) =>
      id.startsWith('BucketUploads'),
    );
    assert.deepEqual(rule.Properties.EventPattern, {
      source: ['aws.s3'],
      'detail-type': ['Object Created'],
      detail: { bucket: { name: ['their-captures'] } },
    });
    assert.deepEqual(rule.Properties.Targets[0].Arn, {
      'Fn::GetAtt': [theOne(pipelineTemplate, 'AWS::SQS::Queue', 'QueueUploads')[0], 'Arn'],
    });
    const [, policy] = theOne(pipelineTemplate, 'AWS::SQS::QueuePolicy', 'QueueUploadsPolicy');
    const allowed = policy.Properties.PolicyDocument.Statement.filter(
      ({ Effect }: { Effect: string }) => Effect === 'Allow',
    );
    assert.deepEqual(
      allowed.map(({ Principal, Condition }: Record<string, unknown>) => [Principal, Condition]),
      [[{ Service: 'events.amazonaws.com' }, { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [ruleId, 'Arn'] } } }]],
    );
  });

  test('names the roles that another account must let in, and no others may use its keys', () => {
    assert.ok(existing.Outputs.CapturesReaders);
    for (const key of KEYS) {
      const readers = FUNCTION_NAMES.filter((name) => allows(statementsOf(existing, name), 'kms:Decrypt', key));
      assert.deepEqual(readers, ['plan', 'map', 'uploads'], key);
    }
  });
});

test('a stack with its own bucket of captures has no custom resource', () => {
  const custom = Object.values(plain.Resources).filter(
    ({ Type }) => Type.startsWith('Custom::') || Type.includes('CustomResource'),
  );
  assert.deepEqual(custom, []);
});
