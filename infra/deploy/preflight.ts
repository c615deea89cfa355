/**
 * What `npm run deploy` asks the account before anything is made: how many functions may run at once, whether an
 * existing bucket's notifications leave room for ours, and where alarms are sent. The answers are settings, which
 * are given to the CDK beside those of the command line.
 */
import { createInterface } from 'node:readline/promises';
import type { Stack } from '@aws-sdk/client-cloudformation';
import {
  GetBucketNotificationConfigurationCommand,
  type GetBucketNotificationConfigurationCommandOutput as Notifications,
  type S3Client,
} from '@aws-sdk/client-s3';
import { answerOf } from '../../shared/store/aws/s3errors.ts';
import { ALARM_OUTPUT } from '../names.ts';
import { NO_EMAIL, type Settings } from '../settings.ts';
import { AwsError, awsRequest } from './awsrequest.ts';
import { CommandError } from './command.ts';

type Client = Parameters<typeof awsRequest>[0];

/**
 * Concurrent executions that the account allows functions without a reserve of their own.
 * @throws CommandError where it may not be asked
 */
export async function accountConcurrency(client: Client): Promise<number> {
  try {
    const { AccountLimit } = await awsRequest<{ AccountLimit: { UnreservedConcurrentExecutions: number } }>(client, {
      service: 'lambda',
      path: '/2016-08-19/account-settings/',
    });
    return AccountLimit.UnreservedConcurrentExecutions;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new CommandError(
      `cannot ask how many functions this account may run at once (${error.code}: ${error.message}): allow ` +
        "lambda:GetAccountSettings, or say it with '-c accountConcurrency=1000'",
      { cause: error },
    );
  }
}

/**
 * What a bucket notifies of new objects already, beside us: S3 takes no second notification of the same.
 * @param stackId id of our stack, by which the CDK names ours; undefined before the first deployment
 * @returns ARNs of queues, topics and functions
 */
export function otherListeners(notifications: Partial<Notifications>, stackId: string | undefined): string[] {
  const { QueueConfigurations = [], TopicConfigurations = [], LambdaFunctionConfigurations = [] } = notifications;
  const all = [
    ...QueueConfigurations.map((each) => ({ ...each, arn: each.QueueArn })),
    ...TopicConfigurations.map((each) => ({ ...each, arn: each.TopicArn })),
    ...LambdaFunctionConfigurations.map((each) => ({ ...each, arn: each.LambdaFunctionArn })),
  ];
  return all
    .filter(({ Id }) => stackId === undefined || !Id?.startsWith(`${stackId}-`))
    .filter(({ Events = [] }) => Events.some((event) => event.startsWith('s3:ObjectCreated:')))
    .map(({ arn }) => arn ?? 'unknown');
}

/**
 * How uploads into an existing bucket are to start jobs.
 * @param given whether uploadEvents was chosen by the user
 * @returns the setting's value, and what to tell the user
 * @throws CommandError where the bucket cannot be used as it was chosen, or cannot be looked at
 */
export async function uploadEvents(
  s3: S3Client,
  { existingCaptures: bucket, uploadEvents: chosen }: Settings,
  given: boolean,
  stackId: string | undefined,
): Promise<{ value: Settings['uploadEvents']; note?: string }> {
  if (bucket === undefined || chosen !== true) return { value: chosen };
  const notifications = await notificationsOf(s3, bucket);
  const others = otherListeners(notifications, stackId);
  if (others.length === 0) return { value: true };
  const told = `the bucket ${bucket} notifies ${others.join(', ')} of new objects, and S3 takes no second notification of the same`;
  if (given)
    throw new CommandError(
      `${told}: leave uploadEvents out, or give '-c uploadEvents=eventbridge' to hear of uploads through ` +
        "EventBridge, or '-c uploadEvents=false' to start jobs with 'flowstitch submit' alone. Nothing was made",
    );
  return { value: 'eventbridge', note: `${told}: uploads reach Flowstitch through EventBridge` };
}

async function notificationsOf(s3: S3Client, bucket: string): Promise<Notifications> {
  try {
    return await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }));
  } catch (error) {
    const { code, message, status } = answerOf(error);
    if (code === 'NoSuchBucket' || status === 404)
      throw new CommandError(`there is no bucket ${bucket}: check existingCaptures. Nothing was made`, {
        cause: error,
      });
    if (status === 403)
      throw new CommandError(
        `cannot look at the notifications of ${bucket} (${code}: ${message}): allow s3:GetBucketNotification, or say how ` +
          "uploads start jobs with '-c uploadEvents=eventbridge' or '-c uploadEvents=false'. Nothing was made",
        { cause: error },
      );
    if (status === 301)
      throw new CommandError(`the bucket ${bucket} is in another region: deploy there. Nothing was made`, {
        cause: error,
      });
    throw new CommandError(`cannot look at the notifications of ${bucket} (${code}: ${message})`, { cause: error });
  }
}

/**
 * Where alarms are sent: as before, or as the user answers at the first deployment.
 * @param given whether alarmEmail was given on the command line or in cdk.json
 * @param ask asks the user; undefined where there is no terminal
 * @returns the setting's value; undefined where it stays as it is
 */
export async function alarmEmail(
  given: boolean,
  stack: Stack | undefined,
  ask: ((question: string) => Promise<string>) | undefined,
): Promise<string | undefined> {
  if (given) return undefined;
  // A stack whose first deployment failed is there, without outputs.
  const outputs = stack?.Outputs ?? [];
  if (outputs.length > 0) return outputs.find(({ OutputKey }) => OutputKey === ALARM_OUTPUT)?.OutputValue;
  const answer = (await ask?.('E-mail address for alarms (a job that fails or stalls; empty: none): '))?.trim();
  return answer === '' ? NO_EMAIL : answer;
}

/** Asks on the terminal. */
export async function askUser(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}
