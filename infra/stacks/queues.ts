/**
 * The queues, one per stage: FIFO or standard, as its description says. A message that was received five times and not
 * deleted is moved to the dead-letter queue of its kind.
 */
import { Duration } from 'aws-cdk-lib';
import { type DeadLetterQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import { MOST_RECEIVES } from '../../shared/stage/functionneeds.ts';
import { isWide, STAGE_ORDER } from '../../shared/stage/stages.ts';
import { type FunctionName, timeoutSeconds } from '../functions.ts';
import type { Settings } from '../settings.ts';

/** AWS's recommendation for queues that feed functions: room for the retries of a throttled invocation. */
const VISIBILITY_FACTOR = 6;
/** A huge job may take days; a message must outlive it. */
const RETENTION = Duration.days(7);
/** SQS's maximum: on a standard queue a dead letter keeps the age of its message. */
const DEAD_RETENTION = Duration.days(14);

export class Queues extends Construct {
  readonly stages: Readonly<Record<Stage, Queue>>;
  readonly uploads: Queue;
  readonly dead: Queue;
  readonly deadFifo: Queue;
  readonly uploadsDead: Queue;
  private readonly settings: Settings;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.settings = settings;
    const deadLetters = { retentionPeriod: DEAD_RETENTION, consumer: 'dead-letter' as const };
    this.dead = this.queue('Dead', { ...deadLetters, fifo: false });
    this.deadFifo = this.queue('DeadFifo', { ...deadLetters, fifo: true });
    this.uploadsDead = this.queue('UploadsDead', { retentionPeriod: DEAD_RETENTION, fifo: false });
    const stageQueue = (stage: Stage): Queue => {
      const fifo = !isWide(stage);
      return this.queue(stageId(stage), { fifo, consumer: stage, dead: fifo ? this.deadFifo : this.dead });
    };
    this.stages = Object.fromEntries(STAGE_ORDER.map((stage) => [stage, stageQueue(stage)])) as Record<Stage, Queue>;
    this.uploads = this.queue('Uploads', { fifo: false, consumer: 'uploads', dead: this.uploadsDead });
  }

  /** URL of each queue that functions send to, for FLOWSTITCH_QUEUES. */
  get urls(): Record<Stage | 'uploads', string> {
    const urls = STAGE_ORDER.map((stage) => [stage, this.stages[stage].queueUrl]);
    return { ...(Object.fromEntries(urls) as Record<Stage, string>), uploads: this.uploads.queueUrl };
  }

  private queue(
    id: string,
    options: { fifo: boolean; consumer?: FunctionName; dead?: Queue; retentionPeriod?: Duration },
  ): Queue {
    const { fifo, consumer, dead, retentionPeriod = RETENTION } = options;
    const deadLetterQueue: DeadLetterQueue | undefined = dead && { queue: dead, maxReceiveCount: MOST_RECEIVES };
    return new Queue(this, id, {
      // The CDK wants undefined, not false, for a standard queue.
      fifo: fifo || undefined,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod,
      visibilityTimeout: consumer && Duration.seconds(this.visibilitySeconds(consumer)),
      deadLetterQueue,
    });
  }

  private visibilitySeconds(consumer: FunctionName): number {
    return VISIBILITY_FACTOR * timeoutSeconds(consumer, this.settings);
  }
}

function stageId(stage: Stage): string {
  return stage[0].toUpperCase() + stage.slice(1);
}
