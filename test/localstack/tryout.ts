/** A small stack to try LocalStack with: a bucket whose uploads go to a queue, a function that takes them from there, dead letters. */
import { deployTemplate } from '../../localstack/deploy.ts';
import { ASSET_BUCKET, type Assembly, uniqueName, withAssembly } from './stack.ts';

/** Does what the event says, or what the body of each of its messages says. S3 sends a test event when notifications are set up. */
const CODE = `
import { randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
const kept = [];
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const ways = {
  answer: (order, context) => ({ ...order, context: { ...context, left: context.getRemainingTimeInMillis() } }),
  environment: () => ({ ...process.env, node: process.execPath, pid: process.pid, cwd: process.cwd() }),
  throw: () => { throw new RangeError('as it was told'); },
  version: () => VERSION,
  exit: ({ status }) => process.exit(status),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  hoard: async ({ mb }) => { for (let n = 0; n < mb; n += 8) { kept.push(Buffer.alloc(8 << 20, 1)); await sleep(5); } return 'hoarded'; },
  spin: () => { for (;;); },
  sleep: async ({ ms }) => { const from = Date.now(); await sleep(ms); return { from, to: Date.now(), pid: process.pid }; },
  late: async ({ ms }) => { await sleep(ms); return (await import('./late.mjs')).default; },
  leave: () => { writeFileSync(tmpdir() + '/' + randomUUID(), 'x'); setTimeout(() => console.log('after the answer'), 300); return readdirSync(tmpdir()).length; },
};
const run = (order, context) => ways[order.do](order, context);
export async function handler(event, context) {
  if (!event.Records) return run(event, context);
  for (const record of event.Records) {
    const body = JSON.parse(record.body);
    if (body.Event === 's3:TestEvent') continue;
    const orders = body.Records ? body.Records.map(({ s3 }) => ({ do: 'answer', key: s3.object.key })) : [body];
    for (const order of orders) {
      console.log('taken ' + JSON.stringify(order) + ' for the ' + record.attributes.ApproximateReceiveCount + '. time');
      await run(order, context);
      console.log('done ' + JSON.stringify(order));
    }
  }
}
`;
const BROKEN = `throw new SyntaxError('broken at its start');`;

const arn = (id: string): object => ({ 'Fn::GetAtt': [id, 'Arn'] });
export const MEMORY_MB = 192;
export const TIMEOUT_SECONDS = 4;
export const MAX_RECEIVES = 3;

function lambda(name: string, key: string): object {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Role: arn('Role'),
      Code: { S3Bucket: ASSET_BUCKET, S3Key: `${key}.zip` },
      MemorySize: MEMORY_MB,
      Timeout: TIMEOUT_SECONDS,
      Environment: { Variables: { GREETING: 'hello' } },
    },
  };
}

function template(name: string, key: string): object {
  return {
    Parameters: { Concurrency: { Type: 'Number', Default: 2 } },
    Resources: {
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: {
          AssumeRolePolicyDocument: {
            Version: '2012-10-17',
            Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
          },
        },
      },
      Dead: { Type: 'AWS::SQS::Queue', Properties: { QueueName: `${name}-dead` } },
      Queue: {
        Type: 'AWS::SQS::Queue',
        Properties: {
          QueueName: name,
          VisibilityTimeout: TIMEOUT_SECONDS,
          RedrivePolicy: { deadLetterTargetArn: arn('Dead'), maxReceiveCount: MAX_RECEIVES },
        },
      },
      QueuePolicy: {
        Type: 'AWS::SQS::QueuePolicy',
        Properties: {
          Queues: [{ Ref: 'Queue' }],
          PolicyDocument: {
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Principal: { Service: 's3.amazonaws.com' },
                Action: 'sqs:SendMessage',
                Resource: arn('Queue'),
              },
            ],
          },
        },
      },
      Bucket: {
        Type: 'AWS::S3::Bucket',
        DependsOn: 'QueuePolicy',
        Properties: {
          BucketName: name,
          NotificationConfiguration: {
            QueueConfigurations: [{ Event: 's3:ObjectCreated:*', Queue: arn('Queue') }],
          },
        },
      },
      Function: lambda(name, key),
      Broken: lambda(`${name}-broken`, `${key}-broken`),
      Mapping: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          FunctionName: { Ref: 'Function' },
          EventSourceArn: arn('Queue'),
          BatchSize: 1,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ScalingConfig: { MaximumConcurrency: { Ref: 'Concurrency' } },
        },
      },
    },
    Outputs: {
      Queue: { Value: { Ref: 'Queue' } },
      Dead: { Value: { Ref: 'Dead' } },
      Bucket: { Value: { Ref: 'Bucket' } },
    },
  };
}

export interface Tryout {
  /** Name of the stack, its bucket, its queue and its function; the function `NAME-broken` fails at its start. */
  name: string;
  queue: string;
  dead: string;
}

/**
 * Deploys the stack under a new name, or once more under an old one.
 * @param version of the function's code, which the function returns when told `version`
 */
export async function deployTryout(endpoint: string, name = uniqueName('tryout'), version = 1): Promise<Tryout> {
  const key = `${name}-${version}`;
  const code: Assembly['code'] = {
    [key]: { 'index.mjs': `const VERSION = ${version};${CODE}`, 'late.mjs': `export default ${version};` },
    [`${key}-broken`]: { 'index.mjs': BROKEN },
  };
  const { Queue, Dead } = await withAssembly(
    { stackName: name, template: template(name, key), code },
    (assemblyFolder) => deployTemplate({ endpoint, assemblyFolder, stackName: name }),
  );
  return { name, queue: Queue, dead: Dead };
}
