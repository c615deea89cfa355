/** One role per function, from what it needs: statements that name calls, buckets with prefixes, and queues. */
import { Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { EVENT_SOURCE } from '../../shared/control/jobended.ts';
import type { Access, FunctionNeeds, KeyGrants } from '../../shared/stage/functionneeds.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { type FunctionName, isStage, needsOf } from '../functions.ts';
import { watchdogRuleName } from '../names.ts';
import type { Settings } from '../settings.ts';
import type { Buckets } from './buckets.ts';
import type { Queues } from './queues.ts';

/** IAM's actions for each access. A multipart upload that fails is aborted. */
const OBJECT_ACTIONS: Readonly<Record<Access, readonly string[]>> = {
  read: ['s3:GetObject'],
  write: ['s3:PutObject', 's3:AbortMultipartUpload'],
  remove: ['s3:DeleteObject'],
};

/** What a key must allow to whoever writes objects under it; the parts of an upload are read again to be joined. */
export const DATA_KEY_ACTIONS = ['kms:Decrypt', 'kms:GenerateDataKey'] as const;

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
  const needs = needsOf(name);
  const statements = [
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]),
    ...objectStatements(buckets.work, needs.work),
    ...(needs.results === undefined ? [] : objectStatements(buckets.results, needs.results)),
    ...captureStatements(buckets.captures, needs, settings),
    ...(settings.dataKeyArn === undefined ? [] : [allow(DATA_KEY_ACTIONS, [settings.dataKeyArn])]),
    ...queueStatements(queues, name, consumes),
    ...(needs.tells ? [eventStatement(scope)] : []),
    ...(needs.schedule === undefined ? [] : [scheduleStatement(scope, needs.schedule, settings)]),
  ];
  return new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: `What the function ${name} may do`,
    inlinePolicies: { calls: new PolicyDocument({ statements }) },
  });
}

export function allow(actions: readonly string[], resources: readonly string[]): PolicyStatement {
  return new PolicyStatement({ actions: [...actions], resources: [...resources] });
}

/**
 * Calls on objects, and their listing. S3 answers a read of a key that does not exist with 404, which the code needs,
 * to those who may list the bucket, and with 403 to others. Whether that holds under a condition on the prefix is not
 * documented, so there is none: a function may list keys that it may not read.
 */
function objectStatements(bucket: IBucket, grants: KeyGrants): PolicyStatement[] {
  const byActions = new Map<string, string[]>();
  for (const [pattern, accesses] of Object.entries(grants)) {
    const actions = accesses.flatMap((access) => OBJECT_ACTIONS[access]).join();
    byActions.set(actions, [...(byActions.get(actions) ?? []), bucket.arnForObjects(pattern)]);
  }
  const calls = [...byActions].map(([actions, resources]) => allow(actions.split(','), resources));
  if (!Object.values(grants).some((accesses) => accesses.includes('read'))) return calls;
  return [...calls, allow(['s3:ListBucket'], [bucket.bucketArn])];
}

function captureStatements(
  bucket: IBucket,
  { captures }: FunctionNeeds,
  { capturesKeyArns }: Settings,
): PolicyStatement[] {
  if (captures === undefined) return [];
  return [
    allow(['s3:ListBucket'], [bucket.bucketArn]),
    allow(['s3:GetObject', 's3:GetObjectVersion'], [bucket.arnForObjects('*')]),
    ...(capturesKeyArns.length === 0 ? [] : [allow(['kms:Decrypt'], capturesKeyArns)]),
  ];
}

function queueStatements(queues: Queues, name: FunctionName, consumes: readonly IQueue[]): PolicyStatement[] {
  const { movesNoJobs, sendsChecks } = needsOf(name);
  const sends = [
    ...(movesNoJobs ? [] : STAGE_ORDER.map((stage) => queues.stages[stage])),
    ...(sendsChecks ? [queues.uploads] : []),
  ];
  // Lambda itself receives and deletes, with the function's role.
  const receive = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
  // A stage's function keeps its message hidden while it runs.
  if (isStage(name)) receive.push('sqs:ChangeMessageVisibility');
  const arns = (list: readonly IQueue[]): string[] => list.map(({ queueArn }) => queueArn);
  return [
    ...(sends.length > 0 ? [allow(['sqs:SendMessage'], arns(sends))] : []),
    ...(consumes.length > 0 ? [allow(receive, arns(consumes))] : []),
  ];
}

/** Events of ours and of nobody else. */
function eventStatement(scope: Construct): PolicyStatement {
  const bus = Stack.of(scope).formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' });
  const statement = allow(['events:PutEvents'], [bus]);
  statement.addCondition('StringEquals', { 'events:source': EVENT_SOURCE });
  return statement;
}

function scheduleStatement(
  scope: Construct,
  changes: NonNullable<FunctionNeeds['schedule']>,
  settings: Settings,
): PolicyStatement {
  const resourceName = watchdogRuleName(settings);
  const rule = Stack.of(scope).formatArn({ service: 'events', resource: 'rule', resourceName });
  return allow(
    changes.map((change) => `events:${change}Rule`),
    [rule],
  );
}
