/**
 * The three buckets: captures for uploads, work for jobs and shards, results for
 * queries. They are separate so that nothing the pipeline writes can start a job.
 */
import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type CfnBucket,
  EventType,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ATHENA_PREFIX } from '../names.ts';
import type { Settings } from '../settings.ts';

/** What a start, a check or a running job leaves is kept for as long as somebody may look into what happened. */
const TRACE_DAYS = 7;
/** Results of Athena queries: the query can be run again. */
const ATHENA_DAYS = 30;
/** No upload takes longer; the parts of an unfinished one cost as much as an object. */
const UNFINISHED_UPLOAD_DAYS = 2;

export class Buckets extends Construct {
  readonly captures: IBucket;
  readonly work: Bucket;
  readonly results: Bucket;

  /** @param uploads the queue that is notified of new captures */
  constructor(scope: Construct, id: string, settings: Settings, uploads: Queue) {
    super(scope, id);
    const expiring = [
      ...['running/', 'requests/', 'checks/'].map((prefix) => expiry(prefix, TRACE_DAYS)),
      // A job's files hold the intervals with which later jobs go on: they are of use as long as shards are.
      ...['jobs/', 'shards/', 'cleaning/'].map((prefix) => expiry(prefix, settings.shardDays)),
    ];
    this.work = this.bucket('Work', settings, expiring, settings.dataKeyArn);
    this.results = this.bucket('Results', settings, [expiry(ATHENA_PREFIX, ATHENA_DAYS)], settings.dataKeyArn);
    this.captures =
      settings.existingCaptures === undefined
        ? this.ownCaptures(settings, uploads)
        : this.existingCaptures(settings.existingCaptures, settings.uploadEvents, uploads);
  }

  /** @param keyArn KMS key; undefined: S3's own. With a bucket key, which takes one request to KMS for many objects. */
  private bucket(id: string, settings: Settings, lifecycleRules: LifecycleRule[], keyArn?: string): Bucket {
    const key = keyArn === undefined ? undefined : Key.fromKeyArn(this, `${id}Key`, keyArn);
    return new Bucket(this, id, {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: key === undefined ? BucketEncryption.S3_MANAGED : BucketEncryption.KMS,
      encryptionKey: key,
      bucketKeyEnabled: key === undefined ? undefined : true,
      enforceSSL: true,
      // Kept, but not those of a first deployment that failed: they are empty, and would be nobody's.
      removalPolicy:
        settings.dataOnDestroy === 'delete' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      lifecycleRules: [
        { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(UNFINISHED_UPLOAD_DAYS) },
        ...lifecycleRules,
      ],
    });
  }

  /**
   * No versioning: rotating captures are written once, one that is overwritten during a job is detected and
   * named, and a deleted capture should be gone.
   */
  private ownCaptures(settings: Settings, uploads: Queue): Bucket {
    const bucket = this.bucket('Captures', settings, []);
    const resource = bucket.node.defaultChild as CfnBucket;
    // The bucket's own property, rather than the CDK's notification construct, which adds a function of its own.
    resource.notificationConfiguration = {
      queueConfigurations: [{ event: EventType.OBJECT_CREATED, queue: uploads.queueArn }],
    };
    // By account and not by bucket: S3 checks that it may send before it creates the bucket, so the policy comes first.
    const { policyDependable } = uploads.addToResourcePolicy(
      new PolicyStatement({
        sid: 'UploadEvents',
        principals: [new ServicePrincipal('s3.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [uploads.queueArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    );
    if (policyDependable !== undefined) resource.node.addDependency(policyDependable);
    return bucket;
  }

  /** The CDK's construct adds our notification to those that the bucket has, and removes only ours. */
  private existingCaptures(name: string, uploadEvents: Settings['uploadEvents'], uploads: Queue): IBucket {
    const bucket = Bucket.fromBucketName(this, 'Captures', name);
    if (uploadEvents === true) bucket.addEventNotification(EventType.OBJECT_CREATED, new SqsDestination(uploads));
    if (uploadEvents === 'eventbridge') this.uploadsByRule(bucket, uploads);
    return bucket;
  }

  /**
   * S3 sends an event to one queue, topic or function at most, and to EventBridge besides. EventBridge stays turned on for the
   * bucket when the stack is destroyed: the construct cannot know whether others use it.
   */
  private uploadsByRule(bucket: IBucket, uploads: Queue): void {
    bucket.enableEventBridgeNotification();
    new Rule(this, 'Uploads', {
      description: `New objects of ${bucket.bucketName}, for the uploads function`,
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: { bucket: { name: [bucket.bucketName] } },
      },
      targets: [new SqsQueue(uploads)],
    });
  }
}

function expiry(prefix: string, days: number): LifecycleRule {
  return { id: `expire-${prefix.replaceAll('/', '')}`, prefix, expiration: Duration.days(days) };
}
