/** npm run localstack: LocalStack on this machine until Ctrl-C. */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startLocalStack } from './start.ts';

const DEFAULT_PORT = '4566';
const COMPOSE = join(import.meta.dirname, 'compose.yaml');
const LOG_TAIL = 2000;
const USAGE = `npm run localstack -- [--port ${DEFAULT_PORT}] [--folder NEW-FOLDER] [--docker]

Starts LocalStack and runs until Ctrl-C: from PyPI, which needs Python 3.11 or 3.10, or with --docker its container.
`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const next = (endpoint: string): string => `
LocalStack runs at ${endpoint} until Ctrl-C. In another terminal:

  export AWS_ENDPOINT_URL=${endpoint} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  npm run demo:localstack
`;

/** @throws Error when it is not a port */
function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new Error(`--port ${text} is not a port: give a number up to 65535`);
  return port;
}

async function runContainer(port: string): Promise<number> {
  if (spawnSync('docker', ['info'], { stdio: 'ignore' }).status !== 0)
    throw new Error('--docker: Docker does not answer (docker info): start it, or leave --docker out');
  say(next(`http://127.0.0.1:${port}`));
  const env = { ...process.env, FLOWSTITCH_LOCALSTACK_PORT: port };
  const compose = spawn('docker', ['compose', '-f', COMPOSE, 'up', '--abort-on-container-exit'], {
    env,
    stdio: 'inherit',
  });
  // Ctrl-C reaches docker too, which then stops the container: wait for it.
  process.on('SIGINT', () => {}).on('SIGTERM', () => compose.kill('SIGTERM'));
  return new Promise((settle, reject) => compose.on('error', reject).on('exit', (code) => settle(code ?? 1)));
}

async function runHere(port: number, folder: string | undefined): Promise<number> {
  const localStack = await startLocalStack({ port, folder, onLog: say });
  say(`${next(localStack.endpoint)}\nLogs of the functions: ${localStack.folder}/logs`);
  await localStack.ended;
  const log = await localStack.logs().catch(() => '');
  await localStack.stop();
  throw new Error(`LocalStack exited unexpectedly:\n${log.slice(-LOG_TAIL)}`);
}

try {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: DEFAULT_PORT },
      folder: { type: 'string' },
      docker: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const port = portOf(values.port);
  if (values.help) say(USAGE);
  else process.exitCode = await (values.docker ? runContainer(values.port) : runHere(port, values.folder));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
