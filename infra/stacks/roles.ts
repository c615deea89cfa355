/** One role a function, from what grants.ts says: statements that name calls, buckets with prefixes, and queues. */
import { Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { STAGES } from '../../shared/job/keys.ts';
import { TABLE_NAMES } from '../../shared/table/tables.ts';
import type { FunctionName } from '../functions.ts';
import { watchdogRuleName } from '../names.ts';
import type { Settings } from '../settings.ts';
import type { Buckets } from './buckets.ts';
import { CATALOG_ACTIONS, GRANTS, type Grants, type KeyGrants, OBJECT_ACTIONS } from './grants.ts';
import type { Queues } from './queues.ts';

export interface RoleProps {
  settings: Settings;
  buckets: Buckets;
  queues: Queues;
  logGroup: LogGroup;
  /** Queues that feed the function. */
  consumes: readonly IQueue[];
}

export function functionRole(scope: Construct, name: FunctionName, props: RoleProps): Role {
  const { settings, buckets, queues, logGroup, consumes } = props;
  const grants = GRANTS[name];
  const statements = [
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]),
    ...objectStatements(buckets.work, grants.work),
    ...(grants.results === undefined ? [] : objectStatements(buckets.results, grants.results)),
    ...captureStatements(buckets.captures, grants, settings),
    ...queueStatements(queues, grants, consumes),
    ...(grants.catalog && !settings.localstack ? [catalogStatement(scope, settings)] : []),
    ...(grants.schedule === undefined ? [] : [scheduleStatement(scope, grants.schedule, settings)]),
  ];
  return new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: `What the function ${name} may do`,
    inlinePolicies: { calls: new PolicyDocument({ statements }) },
  });
}

function allow(
  actions: readonly string[],
  resources: readonly string[],
  conditions?: PolicyStatement['conditions'],
): PolicyStatement {
  return new PolicyStatement({ actions: [...actions], resources: [...resources], conditions });
}

/**
 * Calls on objects, and their listing. Without leave to list, S3 answers 403 for a key that is not there, where the
 * code needs to hear 404: IfExists, since it is not documented that such a request has a prefix.
 */
function objectStatements(bucket: IBucket, grants: KeyGrants): PolicyStatement[] {
  const byActions = new Map<string, string[]>();
  for (const [pattern, accesses] of Object.entries(grants)) {
    const actions = accesses.flatMap((access) => OBJECT_ACTIONS[access]).join();
    byActions.set(actions, [...(byActions.get(actions) ?? []), bucket.arnForObjects(pattern)]);
  }
  const calls = [...byActions].map(([actions, resources]) => allow(actions.split(','), resources));
  if (!Object.values(grants).some((accesses) => accesses.includes('read'))) return calls;
  const listed = { StringLikeIfExists: { 's3:prefix': Object.keys(grants) } };
  return [...calls, allow(['s3:ListBucket'], [bucket.bucketArn], listed)];
}

function captureStatements(bucket: IBucket, { captures }: Grants, { capturesKeyArn }: Settings): PolicyStatement[] {
  if (captures === undefined) return [];
  return [
    allow(['s3:ListBucket'], [bucket.bucketArn]),
    allow(['s3:GetObject', 's3:GetObjectVersion'], [bucket.arnForObjects('*')]),
    ...(capturesKeyArn === undefined ? [] : [allow(['kms:Decrypt'], [capturesKeyArn])]),
  ];
}

function queueStatements(queues: Queues, grants: Grants, consumes: readonly IQueue[]): PolicyStatement[] {
  const sends = [...STAGES.map((stage) => queues.stages[stage]), ...(grants.sendsChecks ? [queues.uploads] : [])];
  // Lambda itself receives and deletes, in the name of the function's role.
  const receive = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
  if (grants.leases) receive.push('sqs:ChangeMessageVisibility');
  const arns = (list: readonly IQueue[]): string[] => list.map(({ queueArn }) => queueArn);
  return [allow(['sqs:SendMessage'], arns(sends)), ...(consumes.length > 0 ? [allow(receive, arns(consumes))] : [])];
}

function catalogStatement(scope: Construct, { database }: Settings): PolicyStatement {
  const arn = (resource: string, resourceName?: string): string =>
    Stack.of(scope).formatArn({ service: 'glue', resource, resourceName });
  const tables = TABLE_NAMES.map((table) => arn('table', `${database}/${table}`));
  return allow(CATALOG_ACTIONS, [arn('catalog'), arn('database', database), ...tables]);
}

function scheduleStatement(
  scope: Construct,
  changes: NonNullable<Grants['schedule']>,
  settings: Settings,
): PolicyStatement {
  const resourceName = watchdogRuleName(settings);
  const rule = Stack.of(scope).formatArn({ service: 'events', resource: 'rule', resourceName });
  return allow(
    changes.map((change) => `events:${change}Rule`),
    [rule],
  );
}
