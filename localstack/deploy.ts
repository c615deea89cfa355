/** Deploys a stack to LocalStack through its CloudFormation, from a CDK cloud assembly or from a template. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type Asset, readAssembly } from './assembly.ts';
import { zipFolder } from './zip.ts';

const ACCOUNT = '000000000000';
const REGION = 'us-east-1';
const POLL_MS = 250;
const DEPLOY_SECONDS = 300;
const BOOTSTRAP_STACK = 'CDKToolkit';
const ASSET_BUCKET = `cdk-hnb659fds-assets-${ACCOUNT}-${REGION}`;
/** What CDK's templates expect to find: the bucket of their assets and the version of what made it. */
const BOOTSTRAP = {
  Resources: {
    Bucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: ASSET_BUCKET } },
    Version: {
      Type: 'AWS::SSM::Parameter',
      Properties: { Name: '/cdk-bootstrap/hnb659fds/version', Type: 'String', Value: '30' },
    },
  },
};

export interface Deployment {
  /** e.g. http://127.0.0.1:4566 */
  endpoint: string;
  /** Name of the stack at the endpoint. */
  stackName: string;
  /** A CDK cloud assembly (cdk.out); its files are uploaded first. */
  assemblyFolder?: string;
  /** Stack of the assembly, by name or construct id; by default the one called stackName. */
  source?: string;
  /** Instead of an assembly: a template that needs no files. */
  template?: object;
  parameters?: Record<string, string>;
}

interface Clients {
  cloudFormation: CloudFormationClient;
  s3: S3Client;
}

/** Credentials and region are LocalStack's own: a deployment can never reach an account of somebody's environment. */
function clients(endpoint: string): Clients {
  const config = { endpoint, region: REGION, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  return { cloudFormation: new CloudFormationClient(config), s3: new S3Client({ ...config, forcePathStyle: true }) };
}

async function describe({ cloudFormation }: Clients, name: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    if (/does not exist/.test((error as Error).message)) return undefined;
    throw error;
  }
}

/** Why the resources of a stack failed, a line each. */
async function failures({ cloudFormation }: Clients, stackId: string): Promise<string> {
  const { StackEvents = [] } = await cloudFormation.send(new DescribeStackEventsCommand({ StackName: stackId }));
  const failed = StackEvents.filter(({ ResourceStatus }) => ResourceStatus?.endsWith('_FAILED'));
  return failed
    .map((event) => `  ${event.LogicalResourceId} (${event.ResourceType}): ${event.ResourceStatusReason}`)
    .join('\n');
}

/** Waits until nothing is in progress any more. Undefined: the stack is gone. */
async function settle(all: Clients, name: string): Promise<Stack | undefined> {
  const deadline = Date.now() + DEPLOY_SECONDS * 1000;
  for (;;) {
    const stack = await describe(all, name);
    if (stack === undefined || !stack.StackStatus?.endsWith('_IN_PROGRESS')) return stack;
    if (Date.now() > deadline) throw new Error(`stack ${name} is still ${stack.StackStatus} after ${DEPLOY_SECONDS} s`);
    await sleep(POLL_MS);
  }
}

async function upload({ s3 }: Clients, { path, packaging, bucket, key }: Asset): Promise<void> {
  const place = {
    Bucket: bucket.replace(/\$\{AWS::AccountId\}/, ACCOUNT).replace(/\$\{AWS::Region\}/, REGION),
    Key: key,
  };
  // Keys are digests of the content.
  const there = await s3.send(new HeadObjectCommand(place)).then(
    () => true,
    () => false,
  );
  if (there) return;
  const Body = packaging === 'zip' ? await zipFolder(path) : await readFile(path);
  await s3.send(new PutObjectCommand({ ...place, Body }));
}

/** Creates the stack, or updates it. Returns its outputs. */
async function apply(
  all: Clients,
  name: string,
  template: string,
  values: Record<string, string>,
): Promise<Record<string, string>> {
  const request = {
    StackName: name,
    ...(await templateOf(all, name, template)),
    Parameters: Object.entries(values).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue })),
    Capabilities: ['CAPABILITY_IAM' as const, 'CAPABILITY_NAMED_IAM' as const, 'CAPABILITY_AUTO_EXPAND' as const],
  };
  const before = await settle(all, name);
  const exists = before !== undefined && before.StackStatus !== 'DELETE_COMPLETE';
  try {
    await all.cloudFormation.send(exists ? new UpdateStackCommand(request) : new CreateStackCommand(request));
  } catch (error) {
    if (!/No updates are to be performed/.test((error as Error).message)) throw error;
  }
  const stack = await settle(all, name);
  if (stack?.StackStatus !== 'CREATE_COMPLETE' && stack?.StackStatus !== 'UPDATE_COMPLETE') {
    const why = stack?.StackId ? await failures(all, stack.StackId) : '';
    throw new Error(
      `stack ${name} ended as ${stack?.StackStatus ?? 'nothing'}: ${stack?.StackStatusReason ?? ''}\n${why}`,
    );
  }
  return Object.fromEntries((stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey!, OutputValue!]));
}

/** A template goes along with the request up to 51,200 bytes, and over the asset bucket beyond. */
async function templateOf({ s3 }: Clients, name: string, template: string) {
  if (Buffer.byteLength(template) <= 51_200) return { TemplateBody: template };
  const Key = `${name}.template.json`;
  await s3.send(new PutObjectCommand({ Bucket: ASSET_BUCKET, Key, Body: template }));
  return { TemplateURL: `https://s3.${REGION}.amazonaws.com/${ASSET_BUCKET}/${Key}` };
}

/**
 * Deploys a stack, for the first time or once more, and waits for it.
 * @returns the stack's outputs
 * @throws Error with the resources that failed and why
 */
export async function deployTemplate(deployment: Deployment): Promise<Record<string, string>> {
  const { endpoint, stackName, assemblyFolder, source, template, parameters = {} } = deployment;
  const all = clients(endpoint);
  if ((await describe(all, BOOTSTRAP_STACK)) === undefined)
    await apply(all, BOOTSTRAP_STACK, JSON.stringify(BOOTSTRAP), {});
  if (assemblyFolder === undefined) return apply(all, stackName, JSON.stringify(template), parameters);
  const stack = await readAssembly(assemblyFolder, source ?? stackName);
  for (const asset of stack.assets) await upload(all, asset);
  return apply(all, stackName, await readFile(stack.templatePath, 'utf8'), parameters);
}

/**
 * Removes a stack and waits for it; a stack that is not there is removed already.
 * @throws Error with the resources that could not be removed
 */
export async function destroyStack({ endpoint, stackName }: { endpoint: string; stackName: string }): Promise<void> {
  const all = clients(endpoint);
  const before = await describe(all, stackName);
  if (before === undefined) return;
  await all.cloudFormation.send(new DeleteStackCommand({ StackName: stackName }));
  const stack = await settle(all, stackName);
  if (stack === undefined || stack.StackStatus === 'DELETE_COMPLETE') return;
  throw new Error(`stack ${stackName} ended as ${stack.StackStatus}:\n${await failures(all, before.StackId!)}`);
}
