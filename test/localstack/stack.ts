/** Helpers of the tests that deploy a stack to LocalStack and drive it. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { clientConfig, localStackFolder, REGION } from './running.ts';

/** A name that no other test uses, fit for buckets, queues, functions and stacks. */
export const uniqueName = (prefix: string): string => `${prefix}-${randomBytes(4).toString('hex')}`;

/** A prefix of captures, and with it a data set, that no other test uses. */
export const newPrefix = (): string => `${uniqueName('site')}/`;

/**
 * Asks until there is an answer.
 * @throws Error when there is none within so many seconds
 */
export async function waitFor<T>(
  what: string | (() => Promise<string>),
  ask: () => Promise<T | undefined>,
  seconds = 60,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline)
      throw new Error(`waited ${seconds} s in vain for ${typeof what === 'string' ? what : await what()}`);
    await sleep(100);
  }
}

/** What a function answered, or how it failed. */
export interface Invocation {
  payload: unknown;
  error?: { errorType: string; errorMessage: string; trace?: string[] };
}

/** Asks Lambda. @returns what it answered, and whether that is a function's error */
async function lambda<T>(
  endpoint: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ answered: T; failed: boolean }> {
  const answer = await fetch(`${endpoint}/2015-03-31/${path}`, {
    method,
    headers: { authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/lambda/aws4_request` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return { answered: JSON.parse(text) as T, failed: answer.headers.has('x-amz-function-error') };
}

/** Invokes a function and waits for its answer. */
export async function invoke(endpoint: string, functionName: string, event: unknown): Promise<Invocation> {
  const path = `functions/${functionName}/invocations`;
  const { answered, failed } = await lambda<unknown>(endpoint, 'POST', path, event);
  return failed ? { payload: answered, error: answered as Invocation['error'] } : { payload: answered };
}

/** For as long the pollers of a mapping that was disabled may still take a message; see localstack/executor. */
export const POLLERS_END_MS = 6000;

/** Lets the messages of a queue go to its function, or holds them back. */
export async function feed(endpoint: string, queueUrl: string, on: boolean): Promise<void> {
  const queue = queueUrl.slice(queueUrl.lastIndexOf('/') + 1);
  const { answered } = await lambda<{ EventSourceMappings: { UUID: string; EventSourceArn: string }[] }>(
    endpoint,
    'GET',
    'event-source-mappings/',
  );
  const mapping = answered.EventSourceMappings.find(({ EventSourceArn }) => EventSourceArn.endsWith(`:${queue}`));
  await lambda(endpoint, 'PUT', `event-source-mappings/${mapping!.UUID}`, { Enabled: on });
  if (!on) await sleep(POLLERS_END_MS);
}

/** Shortens a queue's visibility timeout, so that what a killed function left comes back soon. */
export async function hurry(endpoint: string, queueUrl: string, seconds: number): Promise<void> {
  const sqs = new SQSClient(clientConfig(endpoint));
  await sqs.send(
    new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { VisibilityTimeout: String(seconds) } }),
  );
}

/** How many messages a queue has: visible, received and not yet deleted, delayed. */
export async function messageCounts(endpoint: string, queueUrl: string): Promise<Record<string, string>> {
  const sqs = new SQSClient(clientConfig(endpoint));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return Attributes ?? {};
}

export interface FunctionProcess {
  pid: number;
  function: string;
  /** The invocation that it serves, null while it waits for one. */
  request: string | null;
}

/** The living processes of functions, in the folder that FLOWSTITCH_LOCALSTACK_FOLDER names. */
export async function functionProcesses(functionName?: string): Promise<FunctionProcess[]> {
  const folder = join(localStackFolder(), 'processes');
  const found: FunctionProcess[] = [];
  for (const name of await readdir(folder)) {
    // A process may end, or its record be half written, while this reads.
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    if (text.endsWith('}')) found.push(JSON.parse(text));
  }
  return found.filter((one) => functionName === undefined || one.function === functionName);
}

/** A cloud assembly of one stack, as CDK writes it. */
export interface Assembly {
  stackName: string;
  template: object;
  /** Folders to be packed, by their key without `.zip`: the text of each file by its name. */
  code: Record<string, Record<string, string>>;
}

/** Where CDK's default synthesizer puts assets. */
export const ASSET_BUCKET = { 'Fn::Sub': 'cdk-hnb659fds-assets-$' + '{AWS::AccountId}-$' + '{AWS::Region}' };

/** Writes an assembly into a temporary folder, runs the work and removes the folder. */
export async function withAssembly<T>(assembly: Assembly, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'assembly-'));
  const { stackName, template, code } = assembly;
  const write = (name: string, content: object): Promise<void> =>
    writeFile(join(folder, name), JSON.stringify(content));
  try {
    for (const [key, files] of Object.entries(code)) {
      await mkdir(join(folder, `asset.${key}`));
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, `asset.${key}`, name), text);
    }
    await write(`${stackName}.template.json`, template);
    await write(`${stackName}.assets.json`, {
      files: Object.fromEntries(
        Object.keys(code).map((key) => [
          key,
          {
            source: { path: `asset.${key}`, packaging: 'zip' },
            destinations: { current: { bucketName: ASSET_BUCKET['Fn::Sub'], objectKey: `${key}.zip` } },
          },
        ]),
      ),
    });
    await write('manifest.json', {
      artifacts: {
        [`${stackName}.assets`]: { type: 'cdk:asset-manifest', properties: { file: `${stackName}.assets.json` } },
        [stackName]: {
          type: 'aws:cloudformation:stack',
          properties: { templateFile: `${stackName}.template.json`, stackName },
          dependencies: [`${stackName}.assets`],
        },
      },
    });
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
