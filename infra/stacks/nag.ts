/**
 * The accepted AwsSolutions findings of cdk-nag, each with its reason. Any other
 * finding fails the tests, and `npm run deploy`.
 */
import { Stack, Validations } from 'aws-cdk-lib';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { TABLE_NAMES } from '../../shared/table/tables.ts';
import { FUNCTION_NAMES, needsOf } from '../functions.ts';
import type { PipelineStack } from './pipeline.ts';
import { READ_FOLDERS } from './tableaccess.ts';

const NO_ACCESS_LOGS = {
  captures:
    'Access logs would be a fourth bucket of unbounded size. Who reads captures is answered by CloudTrail data events, which an account has for all its buckets or none.',
  work: "Only the pipeline's own roles read and write it, millions of times a job, and their calls are logged with each task.",
  results: 'Athena logs every query with its user; reading files directly is answered by CloudTrail data events.',
};

/** Why permission for all keys of these patterns is as narrow as possible. */
const ANY_KEY_LIKE = {
  work: {
    'jobs/*': 'Keys begin with the digest of the job, which is known only when it is submitted.',
    'datasets/*': 'Keys begin with the name of the data set, which people choose when they upload.',
    'running/*': 'Keys begin with the name of the data set, which people choose when they upload.',
    'shards/*': 'Keys begin with the digest of what was decoded and how, so that every job can reuse them.',
    'shards/*/summary.json':
      'The summaries of groups that are about to expire are removed before a job relies on them; their keys are digests.',
    'cleaning/*': 'Keys name the job behind which a cleaning is due.',
    'jobs/*/end.json': 'Keys begin with the digest of the job: one of which files are removed cannot go on.',
    'datasets/*/replaced.json': 'Keys begin with the name of the data set, which people choose when they upload.',
    'datasets/*/chains/*': 'Keys begin with the name of the data set, which people choose when they upload.',
    'behind/*': 'Keys are the names of data sets, which people choose when they upload.',
    'requests/*': 'Keys begin with the id of a request to start a job, drawn when it is made.',
    'sources/*': 'Keys are the names of data sets, which people choose when they upload.',
    'checks/*': 'Keys begin with the name of the data set, which people choose when they upload.',
  },
  results: {
    ...Object.fromEntries(
      TABLE_NAMES.map((table) => [
        `${table}/*`,
        'Keys begin with data set and job, which are known only when a job is submitted.',
      ]),
    ),
    '_delta_log/*': 'Keys are the numbers of entries in the log of the results.',
    'sessions/*/_SUCCESS': 'The folder of the marker is named after data set and job.',
    'datasets/*': 'Keys begin with the name of the data set, which people choose when they upload.',
  },
  captures: 'People put captures under names of their choice; the bucket is theirs and the pipeline only reads it.',
} as const;

const ANALYSTS = {
  folders: 'Files of tables and results of queries have keys that begin with their table, data set and job.',
  dataAccess: 'Lake Formation decides for which tables it hands out credentials; the call has no resource to name.',
};

function acknowledge(scope: IConstruct | undefined, id: string, reason: string | undefined): void {
  if (scope === undefined || reason === undefined)
    throw new Error(`${id}: no construct, or no reason in infra/stacks/nag.ts`);
  Validations.of(scope).acknowledge({ id, reason });
}

/** Attaches the reasons to their resources. */
export function acknowledgeFindings(pipeline: PipelineStack): void {
  const { captures, work, results } = pipeline.buckets;
  acknowledge(work, 'AwsSolutions-S1', NO_ACCESS_LOGS.work);
  acknowledge(results, 'AwsSolutions-S1', NO_ACCESS_LOGS.results);
  if (captures.node.defaultChild !== undefined) acknowledge(captures, 'AwsSolutions-S1', NO_ACCESS_LOGS.captures);
  for (const name of FUNCTION_NAMES) {
    const { role } = pipeline.compute.functions[name];
    const needs = needsOf(name);
    const keys = (bucket: IBucket, patterns: readonly string[], reasons: Readonly<Record<string, string>>): void => {
      for (const pattern of patterns)
        acknowledge(role, `AwsSolutions-IAM5[Resource::${nagName(bucket)}/${pattern}]`, reasons[pattern]);
    };
    keys(work, Object.keys(needs.work), ANY_KEY_LIKE.work);
    keys(results, Object.keys(needs.results ?? {}), ANY_KEY_LIKE.results);
    if (needs.captures) keys(captures, ['*'], { '*': ANY_KEY_LIKE.captures });
  }
  acknowledgeNotificationHandler(pipeline);
}

/** Attaches the reasons to the policy of analysts. Its bucket is of the other stack, so that cdk-nag has the import's name. */
export function acknowledgeAnalysts(pipeline: PipelineStack, policy: IConstruct): void {
  const imported = Stack.of(policy).resolve(pipeline.exportValue(pipeline.buckets.results.bucketArn));
  for (const folder of READ_FOLDERS)
    acknowledge(policy, `AwsSolutions-IAM5[Resource::${imported['Fn::ImportValue']}/${folder}*]`, ANALYSTS.folders);
  acknowledge(policy, 'AwsSolutions-IAM5[Resource::*]', ANALYSTS.dataAccess);
}

/** The CDK's own function that adds to the notifications of an existing bucket. */
function acknowledgeNotificationHandler(pipeline: PipelineStack): void {
  const handler = pipeline.node.children.find(({ node }) => node.id.startsWith('BucketNotificationsHandler'));
  if (handler === undefined) return;
  acknowledge(
    handler,
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]',
    'The CDK gives its own function the managed policy for writing logs and nothing else; the calls on the bucket are in a policy that names the bucket. It runs during a deployment only.',
  );
}

/** A bucket's ARN as cdk-nag writes it: references in angle brackets. */
function nagName(bucket: IBucket): string {
  const text = (part: unknown): string => {
    if (typeof part === 'string') return part;
    const {
      Ref,
      'Fn::GetAtt': attribute,
      'Fn::Join': join,
    } = part as {
      Ref?: string;
      'Fn::GetAtt'?: string[];
      'Fn::Join'?: [string, unknown[]];
    };
    if (join !== undefined) return join[1].map(text).join(join[0]);
    return `<${Ref ?? attribute?.join('.')}>`;
  };
  return text(Stack.of(bucket).resolve(bucket.bucketArn));
}
