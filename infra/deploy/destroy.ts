/**
 * `npm run destroy`: removes both stacks. The buckets and everything in them stay,
 * unless `-c dataOnDestroy=delete` is given; a bucket that the stack did not create
 * is never changed. Other arguments are passed to `cdk destroy`.
 */
import { createInterface } from 'node:readline/promises';
import { DeleteBucketCommand, HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { s3Client } from '../../shared/store/aws/s3client.ts';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import { pipelineStackName } from '../names.ts';
import {
  CommandError,
  cloudFormation,
  describeStack,
  runCdk,
  runCommand,
  settingsOf,
  stackBuckets,
} from './command.ts';
import { removeAll } from './removeall.ts';

async function destroy(args: string[]): Promise<number> {
  const settings = settingsOf(args);
  const stack = pipelineStackName(settings);
  const client = cloudFormation(args);
  if ((await describeStack(client, stack)) === undefined)
    throw new CommandError(`there is no stack ${stack} in ${await client.config.region()}: nothing was removed`);
  const buckets = await stackBuckets(client, stack);
  if (settings.dataOnDestroy === 'retain') {
    const code = await runCdk(['destroy', '--all', ...args]);
    const kept = buckets.map((bucket) => `  s3://${bucket}\n`).join('');
    if (code === 0) process.stdout.write(`\nThe data is still there:\n${kept}`);
    return code;
  }
  await confirm(stack, buckets, args);
  const s3 = s3Client();
  // CloudFormation removes empty buckets only.
  for (const bucket of buckets) await emptyBucket(s3, bucket);
  const code = await runCdk(['destroy', '--all', '--force', ...args.filter((arg) => arg !== '--force')]);
  if (code !== 0) return code;
  // A stack deployed with dataOnDestroy=retain leaves them.
  for (const bucket of buckets) await removeBucket(s3, bucket);
  return 0;
}

/** @throws CommandError when the user does not type the stack's name */
async function confirm(stack: string, buckets: readonly string[], args: readonly string[]): Promise<void> {
  if (args.includes('--force')) return;
  const list = buckets.map((bucket) => `  s3://${bucket}\n`).join('');
  process.stdout.write(`This removes ${stack}, and all captures, shards and results permanently:\n${list}`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Type ${stack} to continue: `);
  terminal.close();
  if (answer.trim() !== stack) throw new CommandError('nothing was removed');
}

/** Removes all objects of a bucket; does nothing if the bucket does not exist. */
export async function emptyBucket(s3: S3Client, bucket: string): Promise<void> {
  if (!(await bucketExists(s3, bucket))) return;
  await removeAll(new S3Store(s3, bucket), '');
}

async function removeBucket(s3: S3Client, bucket: string): Promise<void> {
  if (!(await bucketExists(s3, bucket))) return;
  await emptyBucket(s3, bucket);
  await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
}

async function bucketExists(s3: S3Client, bucket: string): Promise<boolean> {
  return s3.send(new HeadBucketCommand({ Bucket: bucket })).then(
    () => true,
    (error: { $metadata?: { httpStatusCode?: number } }) => {
      if (error.$metadata?.httpStatusCode === 404) return false;
      throw error;
    },
  );
}

if (import.meta.main) await runCommand(destroy);
