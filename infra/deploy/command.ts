/** What `npm run deploy` and `npm run destroy` share: settings from their arguments, the CDK's command line, error messages. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CloudFormationClient,
  DescribeStacksCommand,
  paginateListStackResources,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { clientSettings } from '../../shared/store/aws/awsclient.ts';
import { readSettings, type Settings } from '../settings.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** The default name of the stack that `cdk bootstrap` creates. */
const BOOTSTRAP_STACK = 'CDKToolkit';

/** An error that the user can fix. */
export class CommandError extends Error {
  override name = 'CommandError';
}

/** The values of an option given as `--name value` or `--name=value`. */
function optionValues(args: readonly string[], names: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    const [name, ...value] = arg.split('=');
    if (names.includes(arg)) return args.slice(at + 1, at + 2);
    return names.includes(name) && name.startsWith('--') ? [value.join('=')] : [];
  });
}

/** The context that a CDK command would use: that of cdk.json, and what is given with -c. */
export function contextOf(args: readonly string[]): Record<string, unknown> {
  const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> };
  const given = optionValues(args, ['-c', '--context']).map((text): [string, string] => {
    const [name, ...value] = text.split('=');
    return [name, value.join('=')];
  });
  return { ...context, ...Object.fromEntries(given) };
}

/**
 * The settings that a CDK command would use.
 * @throws SettingsError for those that cannot be used
 */
export function settingsOf(args: readonly string[]): Settings {
  return readSettings(contextOf(args));
}

/** A client for the account and region that the CDK will use. */
export function cloudFormation(args: readonly string[]): CloudFormationClient {
  const [profile] = optionValues(args, ['--profile']);
  if (profile !== undefined) process.env.AWS_PROFILE = profile;
  return new CloudFormationClient(clientSettings({ attempts: 3 }));
}

/** A stack; undefined if it does not exist. @throws CommandError without credentials or region */
export async function describeStack(client: CloudFormationClient, name: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    if (error instanceof Error && /does not exist/.test(error.message)) return undefined;
    throw new CommandError(awsSentence(error), { cause: error });
  }
}

/** Names of the buckets that a stack has created. */
export async function stackBuckets(client: CloudFormationClient, stack: string): Promise<string[]> {
  const buckets: string[] = [];
  for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client }, { StackName: stack }))
    for (const { ResourceType, PhysicalResourceId } of StackResourceSummaries)
      if (ResourceType === 'AWS::S3::Bucket' && PhysicalResourceId !== undefined) buckets.push(PhysicalResourceId);
  return buckets;
}

/** @throws CommandError where the account and region have not been prepared for the CDK */
export async function requireBootstrap(client: CloudFormationClient, args: readonly string[]): Promise<void> {
  const [name = BOOTSTRAP_STACK] = optionValues(args, ['--toolkit-stack-name']);
  if ((await describeStack(client, name)) !== undefined) return;
  throw new CommandError(
    `this account is not prepared for the CDK in ${await client.config.region()}: run 'npx cdk bootstrap' once, ` +
      'which creates a bucket for code and the roles that deploy it',
  );
}

/** Why a request to AWS failed, and what to do about it. */
function awsSentence(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (/Region is missing/.test(message))
    return 'no region is set: set AWS_REGION, or a region in the profile that AWS_PROFILE names';
  if (name === 'CredentialsProviderError' || /Could not load credentials/.test(message))
    return `there are no AWS credentials: set AWS_PROFILE to one of your profiles, or log in ('aws sso login') (${message})`;
  if (/^(?:ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch)/.test(name))
    return `AWS rejected these credentials (${message}): log in again, or set AWS_PROFILE to another profile`;
  if (/^AccessDenied/.test(name)) return `these credentials may not describe stacks: ${message}`;
  return `the request to AWS failed: ${message}`;
}

/** Runs the CDK's command line in the foreground. @returns its exit code */
export function runCdk(args: readonly string[]): Promise<number> {
  const cdk = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  return new Promise((resolve, reject) => {
    spawn(process.execPath, [cdk, ...args], { cwd: ROOT, stdio: 'inherit' })
      .on('error', reject)
      .on('close', (code) => resolve(code ?? 1));
  });
}

/** Runs a command and sets the exit code; an error that the user can fix is printed without a stack trace. */
export async function runCommand(command: (args: string[]) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command(process.argv.slice(2));
  } catch (error) {
    process.exitCode = 1;
    if (!(error instanceof Error) || !['CommandError', 'SettingsError'].includes(error.name)) throw error;
    process.stderr.write(`${error.message}\n`);
  }
}
