/**
 * The pipeline stack: buckets, queues, functions, alarms. It has no custom
 * resource, unless a notification is added to an existing bucket.
 */
import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import type { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { CLEANING_EVENT, ENDED_EVENT, EVENT_SOURCE } from '../../shared/control/jobended.ts';
import { RELEASE } from '../../shared/job/revisions.ts';
import { SOFTWARE } from '../../shared/text/software.ts';
import { FUNCTION_NAMES, type FunctionName, needsOf } from '../functions.ts';
import { ALARM_OUTPUT, pipelineStackName, watchdogRuleName } from '../names.ts';
import type { Settings } from '../settings.ts';
import { Alarms } from './alarms.ts';
import { Buckets } from './buckets.ts';
import { Compute } from './compute.ts';
import { Queues } from './queues.ts';

export interface PipelineProps extends StackProps {
  settings: Settings;
  /** The code of each function. */
  code: Readonly<Record<FunctionName, Code>>;
}

export class PipelineStack extends Stack {
  readonly buckets: Buckets;
  readonly queues: Queues;
  readonly compute: Compute;

  constructor(scope: Construct, id: string, props: PipelineProps) {
    const { settings, code } = props;
    super(scope, id, {
      ...props,
      stackName: pipelineStackName(settings),
      description: `Flowstitch ${SOFTWARE}: packet captures to sessions`,
    });
    this.queues = new Queues(this, 'Queue', settings);
    this.buckets = new Buckets(this, 'Bucket', settings, this.queues.uploads);
    this.compute = new Compute(this, 'Function', { settings, code, buckets: this.buckets, queues: this.queues });
    this.watchdog(settings);
    this.cleaning(settings);
    new Alarms(this, 'Alarm', settings, this.queues, this.compute);
    this.outputs(settings);
  }

  /** Disabled until a stage's function enables it; the watchdog disables it when no job runs. */
  private watchdog(settings: Settings): void {
    new Rule(this, 'Watchdog', {
      ruleName: watchdogRuleName(settings),
      description: 'Invokes the watchdog; enabled while jobs run',
      schedule: Schedule.rate(Duration.minutes(5)),
      enabled: false,
      targets: [new LambdaTarget(this.compute.functions.watchdog)],
    });
  }

  /** By its schedule, by the end of each job, and by whoever asks for it. What fails is tried again, and then by the next of these. */
  private cleaning(settings: Settings): void {
    const { clean } = this.compute.functions;
    const target = { retryAttempts: 10, maxEventAge: Duration.hours(2) };
    new Rule(this, 'CleaningDue', {
      description: 'Invokes the clean function when a job has ended or a cleaning is asked for',
      eventPattern: {
        source: [EVENT_SOURCE],
        detailType: [ENDED_EVENT, CLEANING_EVENT],
        detail: { stack: [pipelineStackName(settings)] },
      },
      targets: [new LambdaTarget(clean, target)],
    });
    if (settings.cleanDays === 0) return;
    new Rule(this, 'CleaningSchedule', {
      description: 'Invokes the clean function',
      schedule: Schedule.rate(Duration.days(settings.cleanDays)),
      targets: [new LambdaTarget(clean, target)],
    });
  }

  private outputs(settings: Settings): void {
    const { captures, work, results } = this.buckets;
    const values = {
      CapturesBucket: captures.bucketName,
      WorkBucket: work.bucketName,
      ResultsBucket: results.bucketName,
      Queues: this.toJsonString(this.queues.urls),
      Version: RELEASE,
      ...(settings.alarmEmail === undefined ? {} : { [ALARM_OUTPUT]: settings.alarmEmail }),
    };
    for (const [name, value] of Object.entries(values)) new CfnOutput(this, name, { value });
    if (settings.existingCaptures === undefined) return;
    const readers = FUNCTION_NAMES.filter((name) => needsOf(name).captures);
    const roles = readers.map((name) => this.compute.functions[name].role?.roleArn);
    // The owner of a bucket or key in another account needs their names.
    new CfnOutput(this, 'CapturesReaders', { value: this.toJsonString(roles) });
  }
}
