// Loads the function's handler and calls it for every request that comes over the socket. Runs inside the function's process.

import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const env = process.env;
const executor = new Socket({ fd: Number(env.FLOWSTITCH_LAMBDA_FD), readable: true, writable: true });
delete env.FLOWSTITCH_LAMBDA_FD;
// Without the executor there is nobody to answer: LocalStack is gone.
executor.on('error', () => process.exit(1));
executor.on('close', () => process.exit(1));

const send = (message) => new Promise((sent) => executor.write(`${JSON.stringify(message)}\n`, sent));

const named = (name, message) => Object.assign(new Error(message), { name });

function errorOf(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

async function load(handler) {
  const dot = handler.lastIndexOf('.');
  const base = join(env.LAMBDA_TASK_ROOT, handler.slice(0, dot));
  const file = ['.mjs', '.js', '.cjs'].map((extension) => base + extension).find((path) => existsSync(path));
  if (file === undefined) {
    throw named('Runtime.ImportModuleError', `Cannot find module '${handler.slice(0, dot)}' in the function's code`);
  }
  const module = await import(pathToFileURL(file));
  const found = module[handler.slice(dot + 1)] ?? module.default?.[handler.slice(dot + 1)];
  if (typeof found !== 'function') {
    throw named('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
  }
  return found;
}

function contextOf(request) {
  return {
    awsRequestId: request.id,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: request.arn,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, request.deadline - Date.now()),
  };
}

async function answer(handler, request) {
  env._X_AMZN_TRACE_ID = request.trace;
  try {
    const result = await handler(JSON.parse(request.event), contextOf(request));
    return { result: JSON.stringify(result ?? null) };
  } catch (error) {
    console.error(error);
    return { error: errorOf(error) };
  }
}

try {
  const handler = await load(env._HANDLER);
  await send({ ready: true });
  createInterface({ input: executor }).on('line', async (line) => {
    const request = JSON.parse(line);
    const message = await answer(handler, request);
    // The executor waits for this line: whatever the handler printed is in the log before the answer is out.
    process.stdout.write(`END RequestId: ${request.id}\n`, () => send(message));
  });
} catch (error) {
  console.error(error);
  await send({ error: errorOf(error) });
  process.exit(1);
}
