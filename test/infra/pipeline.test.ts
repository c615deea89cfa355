/** What the pipeline's template promises. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FUNCTION_NAMES, needsOf } from '../../infra/functions.ts';
import { CLEANING_EVENT, ENDED_EVENT, EVENT_SOURCE } from '../../shared/control/jobended.ts';
import { RELEASE } from '../../shared/job/revisions.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { allows, statementsOf } from './policy.ts';
import { ofType, type Resource, synthesized, type Template, theOne } from './template.ts';

const plain = synthesized().pipelineTemplate;
const KEYS = ['arn:aws:kms:eu-west-1:123456789012:key/0a1b', 'arn:aws:kms:eu-west-1:123456789012:key/2c3d'];
const existing = synthesized({
  existingCaptures: 'their-captures',
  capturesKeyArns: KEYS.join(),
}).pipelineTemplate;

const FIFO = ['Plan', 'Balance', 'Commit'];
const STANDARD = ['Map', 'Reduce', 'Publish'];
const STAGE_QUEUES = [...FIFO, ...STANDARD];

const queue = (id: string, template = plain): Resource => theOne(template, 'AWS::SQS::Queue', `Queue${id}`)[1];
const queueArn = (id: string): unknown => ({
  'Fn::GetAtt': [theOne(plain, 'AWS::SQS::Queue', `Queue${id}`)[0], 'Arn'],
});
const bucket = (id: string, template = plain): Resource => theOne(template, 'AWS::S3::Bucket', `Bucket${id}`)[1];
const functionOf = (name: string, template = plain): [string, Resource] =>
  theOne(template, 'AWS::Lambda::Function', `Function${name.replaceAll('-', '')}Function`);
const feedsOf = (name: string, template = plain): Resource[] =>
  ofType(template, 'AWS::Lambda::EventSourceMapping')
    .map(([, mapping]) => mapping)
    .filter(({ Properties }) => Properties.FunctionName.Ref === functionOf(name, template)[0]);

describe('queues', () => {
  test('those of plan, balance and commit are FIFO and keep their dead letters in FIFO; the others are standard', () => {
    for (const id of STAGE_QUEUES) {
      const { Properties } = queue(id);
      assert.equal(Properties.FifoQueue, FIFO.includes(id) ? true : undefined, id);
      const dead = FIFO.includes(id) ? 'DeadFifo' : 'Dead';
      assert.deepEqual(Properties.RedrivePolicy, { deadLetterTargetArn: queueArn(dead), maxReceiveCount: 5 }, id);
    }
    assert.equal(queue('DeadFifo').Properties.FifoQueue, true);
    assert.equal(queue('Dead').Properties.FifoQueue, undefined);
    const { RedrivePolicy } = queue('Uploads').Properties;
    assert.deepEqual(RedrivePolicy, { deadLetterTargetArn: queueArn('UploadsDead'), maxReceiveCount: 5 });
  });

  test('a message stays hidden for six times the time-out of the function that takes it', () => {
    for (const [id, name] of [
      ...STAGE_QUEUES.map((stage) => [stage, stage.toLowerCase()]),
      ['Dead', 'dead-letter'],
      ['DeadFifo', 'dead-letter'],
      ['Uploads', 'uploads'],
    ]) {
      const { Timeout } = functionOf(name)[1].Properties;
      assert.equal(queue(id).Properties.VisibilityTimeout, 6 * Timeout, id);
    }
  });

  test('dead letters outlive the queues they come from', () => {
    for (const [dead, sources] of Object.entries({ Dead: STANDARD, DeadFifo: FIFO, UploadsDead: ['Uploads'] }))
      for (const id of sources)
        assert.ok(queue(dead).Properties.MessageRetentionPeriod > queue(id).Properties.MessageRetentionPeriod, id);
  });

  test('all are encrypted and refuse whoever comes without TLS', () => {
    const policies = ofType(plain, 'AWS::SQS::QueuePolicy').map(([, { Properties }]) => Properties);
    const queues = ofType(plain, 'AWS::SQS::Queue');
    assert.equal(queues.length, STAGE_ORDER.length + 4);
    for (const [id, { Properties }] of queues) {
      assert.equal(Properties.SqsManagedSseEnabled, true, id);
      const statements = policies
        .filter(({ Queues }) => Queues[0].Ref === id)
        .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
      const denied = statements.filter(({ Effect }) => Effect === 'Deny');
      assert.deepEqual(
        denied.map(({ Condition }) => Condition),
        [{ Bool: { 'aws:SecureTransport': 'false' } }],
        id,
      );
    }
  });
});

describe('functions', () => {
  test('there is one for each of the contract, on arm64 and Node 24, with its own role and log group', () => {
    const made = ofType(plain, 'AWS::Lambda::Function');
    assert.equal(made.length, FUNCTION_NAMES.length);
    const roles = new Set<string>();
    const logs = new Set<string>();
    for (const name of FUNCTION_NAMES) {
      const { Properties } = functionOf(name)[1];
      assert.deepEqual(Properties.Architectures, ['arm64']);
      assert.equal(Properties.Runtime, 'nodejs24.x');
      assert.equal(Properties.Handler, 'index.handler');
      assert.equal(Properties.Timeout, needsOf(name).timeoutSeconds);
      roles.add(Properties.Role['Fn::GetAtt'][0]);
      logs.add(Properties.LoggingConfig.LogGroup.Ref);
    }
    assert.equal(roles.size, FUNCTION_NAMES.length);
    assert.equal(logs.size, FUNCTION_NAMES.length);
  });

  test('those that take messages may be led to again by what they send; the watchdog and clean, which take none, may not', () => {
    for (const name of FUNCTION_NAMES) {
      const expected = feedsOf(name).length > 0 ? 'Allow' : undefined;
      assert.equal(functionOf(name)[1].Properties.RecursiveLoop, expected, name);
    }
    assert.deepEqual(
      FUNCTION_NAMES.filter((name) => feedsOf(name).length === 0),
      ['watchdog', 'clean'],
    );
  });

  test('none has reserved concurrency: the event source bounds how many run', () => {
    for (const [id, { Properties }] of ofType(plain, 'AWS::Lambda::Function'))
      assert.equal(Properties.ReservedConcurrentExecutions, undefined, id);
    const bounds = Object.fromEntries(
      FUNCTION_NAMES.map((name) => [
        name,
        feedsOf(name).map(({ Properties }) => Properties.ScalingConfig.MaximumConcurrency),
      ]),
    );
    assert.deepEqual(bounds, {
      plan: [2],
      map: [200],
      balance: [2],
      merge: [50],
      reduce: [100],
      publish: [20],
      commit: [2],
      'dead-letter': [2, 2],
      uploads: [2],
      watchdog: [],
      clean: [],
    });
  });

  test('the bounds fit into an account that allows ten executions, as far as Lambda has bounds that low', () => {
    const { pipelineTemplate } = synthesized({ accountConcurrency: '10' });
    for (const name of FUNCTION_NAMES)
      for (const { Properties } of feedsOf(name, pipelineTemplate))
        assert.equal(Properties.ScalingConfig.MaximumConcurrency, 2, name);
  });

  test('the bounds are settings', () => {
    const { pipelineTemplate } = synthesized({
      mapConcurrency: '3',
      mergeConcurrency: '6',
      reduceConcurrency: '4',
      publishConcurrency: '5',
    });
    const bound = (name: string): unknown =>
      feedsOf(name, pipelineTemplate)[0].Properties.ScalingConfig.MaximumConcurrency;
    assert.deepEqual(['map', 'merge', 'reduce', 'publish'].map(bound), [3, 6, 4, 5]);
  });

  test('every event source takes partial failures, and one message at a time but for uploads', () => {
    for (const name of FUNCTION_NAMES)
      for (const { Properties } of feedsOf(name)) {
        assert.deepEqual(Properties.FunctionResponseTypes, ['ReportBatchItemFailures'], name);
        assert.equal(Properties.BatchSize, name === 'uploads' ? 10 : 1, name);
        assert.equal(Properties.MaximumBatchingWindowInSeconds, name === 'uploads' ? 1 : undefined, name);
      }
  });

  test('each is told of buckets and queues; none of the catalog, only writers of Parquet of DuckDB', () => {
    for (const name of FUNCTION_NAMES) {
      const { Variables } = functionOf(name)[1].Properties.Environment;
      assert.equal(Variables.FLOWSTITCH_WORK.Ref, theOne(plain, 'AWS::S3::Bucket', 'BucketWork')[0]);
      assert.equal(Variables.FLOWSTITCH_RESULTS.Ref, theOne(plain, 'AWS::S3::Bucket', 'BucketResults')[0]);
      assert.equal(Variables.FLOWSTITCH_CAPTURES.Ref, theOne(plain, 'AWS::S3::Bucket', 'BucketCaptures')[0]);
      assert.deepEqual(Object.keys(queueUrls(Variables.FLOWSTITCH_QUEUES)), [...STAGE_ORDER, 'uploads']);
    }
  });

  test('a shorter limit on their time shortens what is above it, and the queues with it', () => {
    const { pipelineTemplate } = synthesized({ mostSeconds: '120' });
    assert.equal(functionOf('map', pipelineTemplate)[1].Properties.Timeout, 120);
    assert.equal(functionOf('dead-letter', pipelineTemplate)[1].Properties.Timeout, 120);
    assert.equal(queue('Map', pipelineTemplate).Properties.VisibilityTimeout, 720);
  });

  test('logs are kept for a bounded time', () => {
    const groups = ofType(plain, 'AWS::Logs::LogGroup');
    assert.equal(groups.length, FUNCTION_NAMES.length);
    for (const [id, { Properties }] of groups) assert.equal(Properties.RetentionInDays, 30, id);
  });
});

/** A JSON text with references in it, each read as the name of what it refers to. */
function queueUrls(joined: { 'Fn::Join': [string, (string | { Ref: string })[]] }): Record<string, string> {
  const [separator, parts] = joined['Fn::Join'];
  return JSON.parse(parts.map((part) => (typeof part === 'string' ? part : part.Ref)).join(separator));
}

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

test('cleaning is started each day, at the end of each job of this stack, and when it is asked for', () => {
  const rules = (template: Template): Resource['Properties'][] =>
    ofType(template, 'AWS::Events::Rule')
      .map(([, { Properties }]) => Properties)
      .filter(({ Targets }) => Targets[0].Arn['Fn::GetAtt'][0] === functionOf('clean', template)[0]);
  const [due, schedule] = rules(plain);
  assert.deepEqual(due.EventPattern, {
    source: [EVENT_SOURCE],
    'detail-type': [ENDED_EVENT, CLEANING_EVENT],
    detail: { stack: ['flowstitch-pipeline'] },
  });
  assert.equal(schedule.ScheduleExpression, 'rate(1 day)');
  for (const { Targets } of [due, schedule]) assert.ok(Targets[0].RetryPolicy.MaximumRetryAttempts > 0);
  const weekly = rules(synthesized({ cleanDays: '7' }).pipelineTemplate);
  assert.equal(weekly[1].ScheduleExpression, 'rate(7 days)');
  assert.equal(rules(synthesized({ cleanDays: '0' }).pipelineTemplate).length, 1);
});

test('the watchdog sleeps until a job begins', () => {
  const [, rule] = theOne(plain, 'AWS::Events::Rule', 'Watchdog');
  assert.equal(rule.Properties.State, 'DISABLED');
  assert.equal(rule.Properties.ScheduleExpression, 'rate(5 minutes)');
  assert.equal(rule.Properties.Name, 'flowstitch-watchdog');
  assert.deepEqual(rule.Properties.Targets[0].Arn, { 'Fn::GetAtt': [functionOf('watchdog')[0], 'Arn'] });
});

describe('alarms', () => {
  const alarms = (template: Template): [string, Resource][] => ofType(template, 'AWS::CloudWatch::Alarm');

  test('watch dead letters of each kind, the age of each queue, errors of each function, throttles and stalled jobs', () => {
    const text = JSON.stringify(alarms(plain));
    for (const id of ['Dead', 'DeadFifo', 'UploadsDead', ...STAGE_QUEUES, 'Uploads'])
      assert.ok(text.includes(`["${theOne(plain, 'AWS::SQS::Queue', `Queue${id}`)[0]}","QueueName"]`), id);
    for (const name of FUNCTION_NAMES) {
      const watched = alarms(plain).filter(([, { Properties }]) =>
        JSON.stringify(Properties).includes(functionOf(name)[0]),
      );
      assert.equal(watched.length, 2, `${name}: its errors, and the throttles of all`);
    }
  });

  test('on what the watchdog counts are those of one stack: the functions are told its name, which their metrics carry', () => {
    const { pipelineTemplate: lab } = synthesized({ name: 'lab' });
    for (const [template, stack] of [
      [plain, 'flowstitch-pipeline'],
      [lab, 'lab-pipeline'],
    ] as const) {
      for (const metric of ['JobStalled', 'CatalogBehind', 'CleaningFailed']) {
        const [[, { Properties }]] = alarms(template).filter(([, alarm]) => alarm.Properties.MetricName === metric);
        assert.equal(Properties.Namespace, 'Flowstitch');
        assert.deepEqual(Properties.Dimensions, [
          { Name: 'service', Value: 'flowstitch' },
          { Name: 'stack', Value: stack },
        ]);
      }
      for (const name of FUNCTION_NAMES)
        assert.equal(functionOf(name, template)[1].Properties.Environment.Variables.FLOWSTITCH_STACK, stack, name);
    }
  });

  test('are quiet while nothing runs, and are sent on only where there is somebody to send them to', () => {
    for (const [id, { Properties }] of alarms(plain)) {
      assert.equal(Properties.TreatMissingData, 'notBreaching', id);
      assert.equal(Properties.AlarmActions, undefined, id);
    }
    const { pipelineTemplate } = synthesized({ alarmEmail: 'somebody@example.org' });
    const [[topic]] = ofType(pipelineTemplate, 'AWS::SNS::Topic');
    for (const [id, { Properties }] of alarms(pipelineTemplate))
      assert.deepEqual(Properties.AlarmActions, [{ Ref: topic }], id);
  });
});

test('outputs are what the command line looks for', () => {
  const names = Object.keys(plain.Outputs).filter((name) => !name.startsWith('ExportsOutput'));
  assert.deepEqual(names.sort(), ['CapturesBucket', 'Queues', 'ResultsBucket', 'Version', 'WorkBucket']);
  assert.equal(plain.Outputs.Version.Value, RELEASE);
});
