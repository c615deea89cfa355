/** The alarms: dead letters, old messages, functions that fail or are throttled, jobs without progress. */
import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type FunctionName, isStage } from '../functions.ts';
import { METRICS, pipelineStackName } from '../names.ts';
import type { Settings } from '../settings.ts';
import type { Compute } from './compute.ts';
import type { Queues } from './queues.ts';

const PERIOD = Duration.minutes(5);
/** A task may be tried five times, and wait behind a huge job. */
const OLD_TASK = Duration.hours(8);
/** A delayed check comes within 15 minutes. */
const OLD_UPLOAD = Duration.hours(1);

export class Alarms extends Construct {
  private readonly topic: Topic | undefined;

  constructor(scope: Construct, id: string, settings: Settings, queues: Queues, compute: Compute) {
    super(scope, id);
    this.topic = settings.alarmEmail === undefined ? undefined : this.makeTopic(settings.alarmEmail);
    this.deadLetters(queues);
    for (const [stage, queue] of Object.entries(queues.stages)) this.oldMessages(stage, queue, OLD_TASK);
    this.oldMessages('uploads', queues.uploads, OLD_UPLOAD);
    this.functionAlarms(compute);
    this.counted(
      settings,
      'JobStalled',
      'A job made no progress for 15 minutes: flowstitch status shows which, flowstitch resume retries it',
    );
    this.counted(
      settings,
      'CatalogBehind',
      "The log of the results cannot be written, so Athena does not see a committed job; it is tried again every five minutes: the watchdog's log has the reason",
    );
    this.counted(
      settings,
      'CleaningFailed',
      "A later job has read captures again that were forgotten, so nothing is removed: the clean function's log says which, forget them once more",
    );
  }

  /** An alarm on what the watchdog or the clean function counts under this name. */
  private counted(settings: Settings, metricName: string, description: string): void {
    const metric = new Metric({
      namespace: METRICS.namespace,
      metricName,
      dimensionsMap: { service: METRICS.service, stack: pipelineStackName(settings) },
      statistic: 'Sum',
      period: PERIOD,
    });
    this.alarm(metricName, description, metric);
  }

  private makeTopic(email: string): Topic {
    const topic = new Topic(this, 'Topic', { displayName: 'Flowstitch alarms', enforceSSL: true });
    topic.addSubscription(new EmailSubscription(email));
    return topic;
  }

  /**
   * The dead-letter function removes dead letters at once, so received messages count as well as visible ones.
   * Nobody reads the dead letters of uploads: a listing finds the same objects.
   */
  private deadLetters(queues: Queues): void {
    const letters = { dead: queues.dead, 'dead-fifo': queues.deadFifo, 'uploads-dead': queues.uploadsDead };
    for (const [name, queue] of Object.entries(letters))
      this.alarm(
        `DeadLetters-${name}`,
        `Messages failed on every attempt and were moved to ${name}`,
        new MathExpression({
          expression: 'FILL(waiting, 0) + FILL(received, 0)',
          usingMetrics: {
            waiting: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: PERIOD }),
            received: queue.metricNumberOfMessagesReceived({ statistic: 'Sum', period: PERIOD }),
          },
          label: 'dead letters',
          period: PERIOD,
        }),
      );
  }

  private oldMessages(name: string, queue: Queue, age: Duration): void {
    this.alarm(
      `OldMessages-${name}`,
      `The oldest message of ${name} has been waiting for more than ${age.toHours()} h`,
      queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: PERIOD }),
      age.toSeconds(),
    );
  }

  private functionAlarms({ functions }: Compute): void {
    // Two, for an alarm takes ten metrics at most.
    const throttles: Record<'Throttles' | 'ThrottlesBeside', Record<string, IMetric>> = {
      Throttles: {},
      ThrottlesBeside: {},
    };
    for (const [name, made] of Object.entries(functions)) {
      this.alarm(
        `Errors-${name}`,
        `The function ${name} failed with an error: see its log`,
        made.metricErrors({ statistic: 'Sum', period: PERIOD }),
      );
      throttles[isStage(name as FunctionName) ? 'Throttles' : 'ThrottlesBeside'][name.replaceAll('-', '_')] =
        made.metricThrottles({ statistic: 'Sum', period: PERIOD });
    }
    for (const [id, usingMetrics] of Object.entries(throttles))
      this.alarm(
        id,
        "Invocations were throttled: the account's limit of concurrent executions is below what the functions use together",
        new MathExpression({
          expression: Object.keys(usingMetrics)
            .map((name) => `FILL(${name}, 0)`)
            .join(' + '),
          usingMetrics,
          label: 'throttled invocations',
          period: PERIOD,
        }),
      );
  }

  /** An alarm on anything above `threshold`. */
  private alarm(id: string, alarmDescription: string, metric: IMetric, threshold = 0): void {
    const alarm = new Alarm(this, id, {
      alarmDescription,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    if (this.topic !== undefined) alarm.addAlarmAction(new SnsAction(this.topic));
  }
}
