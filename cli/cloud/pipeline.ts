/** The deployed pipeline: the outputs of its CloudFormation stack, and its buckets and queues. */
import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import type { S3Client } from '@aws-sdk/client-s3';
import { SqsQueue, sqsClient } from '../../shared/queue/sqs.ts';
import type { TaskQueue } from '../../shared/queue/taskqueue.ts';
import { type ClientOptions, clientSettings } from '../../shared/store/aws/awsclient.ts';
import { s3Client } from '../../shared/store/aws/s3client.ts';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { UsageError } from '../usage/usage.ts';
import { DEFAULT_STACK } from './stackname.ts';

/** Few attempts: a user is waiting. */
const ATTEMPTS = 4;

export interface Pipeline {
  stack: string;
  /** Deployed version. */
  version: string;
  capturesBucket: string;
  resultsBucket: string;
  workBucket: string;
  work: ObjectStore;
  results: ObjectStore;
  queue: TaskQueue;
  s3: S3Client;
  /** Tells the clean function that a cleaning is due. @throws Error when that cannot be told */
  startCleaning(): Promise<void>;
}

/** Outputs of the stack that are needed here. */
const OUTPUTS = ['CapturesBucket', 'WorkBucket', 'ResultsBucket', 'Queues', 'Version'] as const;

/**
 * The pipeline of a stack; by default the one named by FLOWSTITCH_STACK, or flowstitch-pipeline.
 * @throws UsageError that says where it was looked for, and what to do
 */
export async function findPipeline(given: string | undefined, options: ClientOptions = {}): Promise<Pipeline> {
  const name = given ?? (process.env.FLOWSTITCH_STACK || DEFAULT_STACK);
  const client = new CloudFormationClient(clientSettings({ attempts: ATTEMPTS, ...options }));
  const found = outputsOf(name, await describe(client, name));
  const s3 = s3Client({ attempts: ATTEMPTS, ...options });
  return {
    stack: name,
    version: found.Version,
    capturesBucket: found.CapturesBucket,
    resultsBucket: found.ResultsBucket,
    workBucket: found.WorkBucket,
    work: new S3Store(s3, found.WorkBucket),
    results: new S3Store(s3, found.ResultsBucket),
    queue: new SqsQueue(sqsClient({ attempts: ATTEMPTS, ...options }), JSON.parse(found.Queues)),
    s3,
    startCleaning: async () => {
      const { startCleaning } = await import('./startcleaning.ts');
      await startCleaning(name, { attempts: ATTEMPTS, ...options });
    },
  };
}

async function describe(client: CloudFormationClient, name: string): Promise<Stack> {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    if (Stacks?.[0] !== undefined) return Stacks[0];
  } catch (error) {
    if (!(error instanceof Error && /does not exist/.test(error.message)))
      throw new UsageError(`cannot look up stack ${name}: ${reasonOf(error)}`);
  }
  throw new UsageError(
    `there is no stack ${name} in ${await whereLooked(client)}: npm run deploy creates one. ` +
      'If it is elsewhere, set region and account with AWS_REGION and AWS_PROFILE, and its name with --stack or FLOWSTITCH_STACK',
  );
}

/** Region and account of a client, as far as known without a request. */
async function whereLooked(client: CloudFormationClient): Promise<string> {
  const { accountId, accessKeyId } = await client.config.credentials();
  const account = accountId === undefined ? `the account of access key ${accessKeyId}` : `account ${accountId}`;
  const endpoint = process.env.AWS_ENDPOINT_URL_CLOUDFORMATION ?? process.env.AWS_ENDPOINT_URL;
  return `${await client.config.region()}, ${account}${endpoint === undefined ? '' : `, at ${endpoint}`}`;
}

function reasonOf(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (message === 'Region is missing')
    return 'no region is set; set AWS_REGION, or a region in the profile that AWS_PROFILE names';
  if (name === 'CredentialsProviderError')
    return `there are no AWS credentials; sign in (aws configure, aws sso login) or set AWS_PROFILE (${message})`;
  if (/^(ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch)/.test(name))
    return `AWS rejected these credentials; sign in again, or set AWS_PROFILE to another profile (${message})`;
  if (/^AccessDenied/.test(name)) return `access denied; allow cloudformation:DescribeStacks (${message})`;
  // Connections refused to several addresses have no message of their own.
  return message || String((error as { code?: unknown }).code ?? name);
}

function outputsOf(name: string, { Outputs = [], StackStatus }: Stack): Record<(typeof OUTPUTS)[number], string> {
  const outputs = Object.fromEntries(Outputs.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
  const missing = OUTPUTS.find((output) => outputs[output] === undefined);
  if (missing === undefined) return outputs;
  throw new UsageError(
    /COMPLETE$/.test(StackStatus ?? '') && !/ROLLBACK|DELETE/.test(StackStatus ?? '')
      ? `stack ${name} is not a Flowstitch pipeline: it has no output ${missing}; --stack names another`
      : `stack ${name} is not ready (${StackStatus}): wait until it is deployed, or deploy it again with npm run deploy`,
  );
}
