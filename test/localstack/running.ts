/** The LocalStack that tests run against, when there is one. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Why a test that needs LocalStack is skipped. */
export const SKIPPED = 'LocalStack is not running: npm run test:localstack starts one';

/** LocalStack takes any credentials; its account is 000000000000. */
export const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
export const REGION = 'us-east-1';

/**
 * The endpoint in FLOWSTITCH_LOCALSTACK, e.g. http://127.0.0.1:4566, or null when none is set.
 * @throws Error when one is set and nothing answers there
 */
export async function localStackEndpoint(): Promise<string | null> {
  const endpoint = process.env.FLOWSTITCH_LOCALSTACK;
  if (!endpoint) return null;
  const health = await fetch(`${endpoint}/_localstack/health`).catch(() => null);
  if (!health?.ok) throw new Error(`no LocalStack answers at ${endpoint}, which FLOWSTITCH_LOCALSTACK names`);
  return endpoint;
}

/** What an SDK client is made with. Path-style addressing is S3's; other clients ignore it. */
export function clientConfig(endpoint: string) {
  return { endpoint, region: REGION, credentials: CREDENTIALS, forcePathStyle: true };
}

/**
 * The folder of that LocalStack, with the functions' logs and processes in it.
 * @throws Error when it is not known
 */
export function localStackFolder(): string {
  const folder = process.env.FLOWSTITCH_LOCALSTACK_FOLDER;
  if (!folder) throw new Error('FLOWSTITCH_LOCALSTACK_FOLDER is not set: this test needs the folder of LocalStack');
  return folder;
}

/** What a function has printed so far, in all its environments; empty when it has not run. */
export async function functionLog(functionName: string): Promise<string> {
  return readFile(join(localStackFolder(), 'logs', `${functionName}.log`), 'utf8').catch(() => '');
}

/** What one function of a pipeline's stack has printed so far. */
export async function stackLog(stack: string, name: string): Promise<string> {
  const logs = await readdir(join(localStackFolder(), 'logs'));
  const log = logs.find((file) => file.startsWith(`${stack}-Function${name}`));
  return log === undefined ? '' : functionLog(log.slice(0, -'.log'.length));
}

/** See localstack/executor/flowstitch_lambda/chaos.py. */
export interface Chaos {
  /** Regular expression (Python's): a process that logs a line that matches is killed. */
  killOnLog?: string;
  /** One of the processes that serve an invocation is killed that often. */
  killEverySeconds?: number;
  /** Regular expression: only processes of functions whose name matches. */
  functions?: string;
}

/** Switches the killing of function processes on, for the whole LocalStack, or off (null). */
export async function chaos(what: Chaos | null): Promise<void> {
  const path = join(localStackFolder(), 'chaos.json');
  if (what === null) await rm(path, { force: true });
  else await writeFile(path, JSON.stringify(what));
}
