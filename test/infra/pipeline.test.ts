/** What the pipeline's template promises. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FUNCTION_NAMES, needsOf } from '../../infra/functions.ts';
import { CLEANING_EVENT, ENDED_EVENT, EVENT_SOURCE } from '../../shared/control/jobended.ts';
import { RELEASE } from '../../shared/job/revisions.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { FIFO, feedsOf, functionOf, plain, queue, queueArn, STAGE_QUEUES, STANDARD } from './pipelineparts.ts';
import { ofType, type Resource, synthesized, type Template, theOne } from './template.ts';

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
