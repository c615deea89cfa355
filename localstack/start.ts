/**
 * LocalStack on this machine, without Docker: from PyPI, on its own port and folder, its Lambda functions run as Node processes
 * by the package in executor/. Any number of them can run side by side; none leaves a process or a file behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { preparePython } from './python.ts';

const HOST = '127.0.0.1';
const START_SECONDS = 120;
const LOG = 'localstack.log';
const LOG_TAIL = 3000;

export interface LocalStackOptions {
  /** TCP port, by default a free one. */
  port?: number;
  /** Folder for all its files, made if need be; it has to be empty, and is removed at the end. By default a temporary one. */
  folder?: string;
  /** Invocations that run at the same time; by default processors + 2. */
  running?: number;
  /** Told what is being done, a line each. */
  onLog?: (line: string) => void;
}

export interface LocalStack {
  /** e.g. http://127.0.0.1:4566 */
  readonly endpoint: string;
  /** logs/FUNCTION.log, processes/PID.json, and chaos.json if a test puts one there; see executor/. */
  readonly folder: string;
  /** Process id; it leads a process group with all function processes in it. */
  readonly pid: number;
  /** Settles when it has exited, by itself or by stop(). */
  readonly ended: Promise<void>;
  /** LocalStack's own log. */
  logs(): Promise<string>;
  /** Ends all its processes and removes its folder. Any number of times. */
  stop(): Promise<void>;
}

/** @throws Error when the port is taken */
async function claimPort(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((settle, reject) => {
    server.once('error', () => reject(new Error(`port ${port} of ${HOST} is in use: choose another with --port`)));
    server.listen(port, HOST, settle);
  });
  const { port: claimed } = server.address() as { port: number };
  await new Promise((settle) => server.close(settle));
  return claimed;
}

/** @throws Error when there is something in the folder already */
async function claimFolder(folder: string | undefined): Promise<string> {
  if (folder === undefined) return mkdtemp(join(tmpdir(), 'flowstitch-localstack-'));
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0)
    throw new Error(`folder ${folder} is not empty: LocalStack removes its folder at the end, give it one of its own`);
  return resolve(folder);
}

/** Only what is named here reaches LocalStack: no credentials, proxies or settings of the person who starts it. */
function environment(port: number, folder: string, running: number | undefined): NodeJS.ProcessEnv {
  const { PATH, LANG } = process.env;
  return {
    PATH,
    LANG,
    HOME: join(folder, 'home'),
    TMPDIR: join(folder, 'tmp'),
    FILESYSTEM_ROOT: join(folder, 'filesystem'),
    GATEWAY_LISTEN: `${HOST}:${port}`,
    // Names below localhost.localstack.cloud need a name server; queue URLs with the address alone do not.
    LOCALSTACK_HOST: `${HOST}:${port}`,
    SQS_ENDPOINT_STRATEGY: 'path',
    SKIP_SSL_CERT_DOWNLOAD: '1',
    DISABLE_EVENTS: '1',
    DNS_ADDRESS: '0',
    // Its services call each other directly, not over HTTP: a message to a function costs less than half.
    IN_MEMORY_CLIENT: '1',
    OVERRIDE_IN_DOCKER: '0',
    // A stack that deploys here has no resource that was silently left out.
    CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES: '0',
    LAMBDA_RUNTIME_EXECUTOR: 'node',
    LAMBDA_KEEPALIVE_MS: '120000',
    LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: '0.01',
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC: '0.01',
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC: '2',
    FLOWSTITCH_LAMBDA_NODE: process.execPath,
    FLOWSTITCH_LAMBDA_FOLDER: folder,
    FLOWSTITCH_LAMBDA_MAX_RUNNING: running?.toString(),
  };
}

async function launch(python: string, port: number, folder: string, running?: number): Promise<ChildProcess> {
  for (const part of ['home', 'tmp', 'logs', 'processes']) await mkdir(join(folder, part), { recursive: true });
  const log = await open(join(folder, LOG), 'a');
  try {
    return spawn(python, ['-m', 'localstack.runtime.main'], {
      cwd: folder,
      env: environment(port, folder, running),
      // A group of its own, which can be ended as a whole. Our end of the pipe closes with us, and LocalStack ends (guard.py).
      detached: true,
      stdio: ['pipe', log.fd, log.fd],
    });
  } finally {
    await log.close();
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

async function waitUntilHealthy(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const answer = await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(2000) }).catch(
      () => null,
    );
    if (answer?.ok) return;
    await sleep(100);
  }
  const how =
    child.exitCode === null && child.signalCode === null ? `was not ready in ${START_SECONDS} s` : 'ended at its start';
  throw new Error(`LocalStack ${how}`);
}

/**
 * Starts LocalStack and waits until it answers (about 10 s; a minute longer when it has to be installed first).
 * While it runs, SIGINT, SIGTERM and the end of this process stop it; where this process is killed, it stops by itself.
 * @throws NoPython; Error when the port or the folder is taken, or LocalStack does not start (with the end of its log)
 */
export async function startLocalStack(options: LocalStackOptions = {}): Promise<LocalStack> {
  const say = options.onLog ?? (() => {});
  const python = await preparePython(say);
  const port = await claimPort(options.port ?? 0);
  const folder = await claimFolder(options.folder);
  const endpoint = `http://${HOST}:${port}`;
  say(`starting LocalStack at ${endpoint}, its files are in ${folder}`);
  const child = await launch(python, port, folder, options.running);
  const pid = child.pid!;
  const ended = new Promise<void>((settle) => child.once('exit', () => settle()));
  const removal = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 } as const;

  const stopNow = (): void => {
    killGroup(pid);
    rmSync(folder, removal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    release();
    stopNow();
    process.kill(process.pid, signal);
  };
  const release = (): void => {
    process.off('exit', stopNow);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
  process.on('exit', stopNow);
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

  const logs = (): Promise<string> => readFile(join(folder, LOG), 'utf8');
  const stop = async (): Promise<void> => {
    release();
    killGroup(pid);
    await ended;
    await rm(folder, removal);
  };
  try {
    await waitUntilHealthy(endpoint, child);
  } catch (error) {
    const tail = (await logs()).slice(-LOG_TAIL);
    await stop();
    throw new Error(`${(error as Error).message}; the end of its log:\n${tail}`, { cause: error });
  }
  return { endpoint, folder, pid, ended, logs, stop };
}
