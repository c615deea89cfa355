/** The functions, each with its own role and log group, and their event sources. */
import { Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import {
  type Code,
  EventSourceMapping,
  Architecture as LambdaArchitecture,
  Function as LambdaFunction,
  RecursiveLoop,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { isWide } from '../../shared/stage/stages.ts';
import { CONCURRENCY } from '../concurrency.ts';
import { FUNCTION_NAMES, type FunctionName, isStage, needsOf, timeoutSeconds } from '../functions.ts';
import { METRICS, pipelineStackName, watchdogRuleName } from '../names.ts';
import type { Settings } from '../settings.ts';
import type { Buckets } from './buckets.ts';
import type { Queues } from './queues.ts';
import { functionRole } from './roles.ts';

/** Events handled together: those of one upload arrive within a moment. */
const UPLOADS_BATCH = { batchSize: 10, maxBatchingWindow: Duration.seconds(1) };

export interface ComputeProps {
  settings: Settings;
  buckets: Buckets;
  queues: Queues;
  /** The code of each function. */
  code: Readonly<Record<FunctionName, Code>>;
}

export class Compute extends Construct {
  readonly functions: Readonly<Record<FunctionName, LambdaFunction>>;
  private readonly props: ComputeProps;

  constructor(scope: Construct, id: string, props: ComputeProps) {
    super(scope, id);
    this.props = props;
    this.functions = Object.fromEntries(FUNCTION_NAMES.map((name) => [name, this.makeFunction(name)])) as Record<
      FunctionName,
      LambdaFunction
    >;
  }

  private makeFunction(name: FunctionName): LambdaFunction {
    const { settings, code } = this.props;
    const { description, memoryMB, diskMiB } = needsOf(name);
    const scope = new Construct(this, name);
    const consumes = this.feeds(name);
    const logGroup = new LogGroup(scope, 'Log', {
      retention: settings.logDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const made = new LambdaFunction(scope, 'Function', {
      description,
      runtime: Runtime.NODEJS_24_X,
      architecture: settings.architecture === 'arm64' ? LambdaArchitecture.ARM_64 : LambdaArchitecture.X86_64,
      handler: 'index.handler',
      code: code[name],
      timeout: Duration.seconds(timeoutSeconds(name, settings)),
      memorySize: memoryMB,
      ephemeralStorageSize: Size.mebibytes(diskMiB),
      environment: this.environment(),
      logGroup,
      // Lambda ends a chain of 16 invocations of a function that one event has led to, and each job's end begins the next
      // one. Chains are bounded where they are continued: docs/cloud.md.
      ...(consumes.length > 0 && { recursiveLoop: RecursiveLoop.ALLOW }),
      role: functionRole(scope, name, { ...this.props, logGroup, consumes }),
    });
    for (const [number, queue] of consumes.entries())
      new EventSourceMapping(scope, `Feed${number === 0 ? '' : number}`, {
        target: made,
        eventSourceArn: queue.queueArn,
        reportBatchItemFailures: true,
        maxConcurrency: this.concurrency(name),
        ...(name === 'uploads' ? UPLOADS_BATCH : { batchSize: 1 }),
      });
    return made;
  }

  /** The queues that feed a function. */
  private feeds(name: FunctionName): Queue[] {
    const { queues } = this.props;
    if (isStage(name)) return [queues.stages[name]];
    if (name === 'dead-letter') return [queues.dead, queues.deadFifo];
    return name === 'uploads' ? [queues.uploads] : [];
  }

  /**
   * A limit on the event source, never reserved concurrency: messages above it are not received,
   * rather than throttled until they become dead letters.
   */
  private concurrency(name: FunctionName): number {
    const { settings } = this.props;
    return isStage(name) && isWide(name) ? settings[`${name}Concurrency`] : CONCURRENCY.least;
  }

  private environment(): Record<string, string> {
    const { settings, buckets, queues } = this.props;
    return {
      FLOWSTITCH_STACK: pipelineStackName(settings),
      FLOWSTITCH_WORK: buckets.work.bucketName,
      FLOWSTITCH_RESULTS: buckets.results.bucketName,
      FLOWSTITCH_CAPTURES: buckets.captures.bucketName,
      FLOWSTITCH_QUEUES: Stack.of(this).toJsonString(queues.urls),
      FLOWSTITCH_WATCHDOG: watchdogRuleName(settings),
      FLOWSTITCH_SHARD_DAYS: String(settings.shardDays),
      FLOWSTITCH_LEASE_SECONDS: String(settings.leaseSeconds),
      POWERTOOLS_SERVICE_NAME: METRICS.service,
      POWERTOOLS_METRICS_NAMESPACE: METRICS.namespace,
      POWERTOOLS_LOG_LEVEL: 'INFO',
    };
  }
}
