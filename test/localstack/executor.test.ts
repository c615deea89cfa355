/** The executor that runs LocalStack's functions as Node processes: the limits of Lambda, and always an answer. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { destroyStack } from '../../localstack/deploy.ts';
import { chaos, clientConfig, functionLog, localStackEndpoint, SKIPPED } from './running.ts';
import { functionProcesses, invoke, waitFor } from './stack.ts';
import { deployTryout, MAX_RECEIVES, MEMORY_MB, TIMEOUT_SECONDS, type Tryout } from './tryout.ts';

const found = await localStackEndpoint();

describe('a function on LocalStack', { skip: found === null ? SKIPPED : false }, () => {
  const endpoint = found!;
  const sqs = new SQSClient(clientConfig(endpoint ?? ''));
  let tryout: Tryout;
  before(async () => {
    tryout = await deployTryout(endpoint);
  });
  after(() => destroyStack({ endpoint, stackName: tryout.name }));

  const order = (event: object) => invoke(endpoint, tryout.name, event);
  const send = (body: object) =>
    sqs.send(new SendMessageCommand({ QueueUrl: tryout.queue, MessageBody: JSON.stringify(body) }));
  const taken = async (text: string): Promise<number> => {
    const log = await functionLog(tryout.name);
    return log.split('\n').filter((line) => line.startsWith('taken ') && line.includes(text)).length;
  };
  const nextDead = async (): Promise<unknown> => {
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: tryout.dead, WaitTimeSeconds: 1 }));
    return Messages?.[0] && JSON.parse(Messages[0].Body!);
  };

  test('answers, and is given a context', async () => {
    const { payload, error } = await order({ do: 'answer', word: 'grüß' });
    assert.equal(error, undefined);
    const { word, context } = payload as { word: string; context: Record<string, unknown> };
    assert.equal(word, 'grüß');
    assert.equal(context.functionName, tryout.name);
    assert.equal(context.memoryLimitInMB, String(MEMORY_MB));
    assert.match(String(context.awsRequestId), /^[0-9a-f-]{36}$/);
    assert.equal(context.invokedFunctionArn, `arn:aws:lambda:us-east-1:000000000000:function:${tryout.name}`);
    const left = Number(context.left);
    assert.ok(left > 0 && left <= TIMEOUT_SECONDS * 1000, `${left} ms left`);
  });

  test('has its own environment variables and Lambda’s, and none of the machine’s', async () => {
    const { payload } = await order({ do: 'environment' });
    const env = payload as Record<string, string>;
    assert.equal(env.GREETING, 'hello');
    assert.equal(env.AWS_ENDPOINT_URL, endpoint);
    assert.equal(env.AWS_REGION, 'us-east-1');
    assert.equal(env.AWS_LAMBDA_FUNCTION_NAME, tryout.name);
    assert.equal(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE, String(MEMORY_MB));
    assert.equal(env.node, process.execPath);
    assert.equal(env.cwd, env.LAMBDA_TASK_ROOT);
    assert.equal(env.FLOWSTITCH_LOCALSTACK, undefined);
    assert.ok(existsSync(env.TMPDIR));
  });

  test('an error goes back with type, message and stack', async () => {
    const { error } = await order({ do: 'throw' });
    assert.equal(error?.errorType, 'RangeError');
    assert.equal(error.errorMessage, 'as it was told');
    assert.match(error.trace!.join('\n'), /at handler.*index\.mjs/);
  });

  test('a function that fails at its start says why', async () => {
    const { error } = await invoke(endpoint, `${tryout.name}-broken`, {});
    assert.equal(error?.errorType, 'SyntaxError');
    assert.match(error.errorMessage, /broken at its start/);
  });

  test('a process that exits or is killed is answered for at once, and the next invocation has a new one', async () => {
    const exits: [object, RegExp][] = [
      [{ do: 'exit', status: 3 }, /Runtime exited with error: exit status 3/],
      [{ do: 'exit', status: 0 }, /Runtime exited without providing a reason/],
      [{ do: 'kill' }, /Runtime exited with error: signal: SIGKILL/],
    ];
    for (const [event, words] of exits) {
      const { error } = await order(event);
      assert.equal(error?.errorType, 'Runtime.ExitError');
      assert.match(error.errorMessage, words);
    }
    assert.deepEqual((await order({ do: 'sleep', ms: 1 })).error, undefined);
  });

  test('a process that passes the function’s memory is killed', async () => {
    const { error } = await order({ do: 'hoard', mb: MEMORY_MB * 2 });
    assert.equal(error?.errorType, 'Runtime.OutOfMemory');
    assert.match(error.errorMessage, new RegExp(`\\d+ MB of memory in use, the function's limit is ${MEMORY_MB} MB`));
    assert.equal((await order({ do: 'hoard', mb: 16 })).payload, 'hoarded');
  });

  test('a process that passes the function’s time is killed, busy or not', async () => {
    for (const event of [{ do: 'spin' }, { do: 'sleep', ms: 60_000 }]) {
      const { error } = await order(event);
      assert.equal(error?.errorType, 'Sandbox.Timedout');
      assert.match(error.errorMessage, new RegExp(`Task timed out after ${TIMEOUT_SECONDS}.00 seconds`));
    }
  });

  test('two invocations at once run side by side, in a process each', async () => {
    const answers = await Promise.all([order({ do: 'sleep', ms: 1500 }), order({ do: 'sleep', ms: 1500 })]);
    const [one, two] = answers.map(({ payload }) => payload as { from: number; to: number; pid: number });
    assert.notEqual(one.pid, two.pid);
    assert.ok(one.from < two.to && two.from < one.to, 'their times overlap');
  });

  test('nothing goes on after the answer, and files in /tmp go with the process', async () => {
    await order({ do: 'kill' });
    const { payload } = await order({ do: 'environment' });
    const { TMPDIR, pid } = payload as { TMPDIR: string; pid: number };
    assert.equal((await order({ do: 'leave' })).payload, 1);
    await new Promise((wake) => setTimeout(wake, 600));
    assert.doesNotMatch(await functionLog(tryout.name), /after the answer/);
    process.kill(pid, 'SIGKILL');
    await waitFor('a new process', async () => (await order({ do: 'leave' })).payload === 1 || undefined);
    await waitFor('the old /tmp to go', async () => !existsSync(TMPDIR) || undefined);
  });

  test('two messages are served side by side', async () => {
    await send({ do: 'sleep', ms: 1500, mark: 'abreast-1' });
    await send({ do: 'sleep', ms: 1500, mark: 'abreast-2' });
    await waitFor('two processes at work', async () => {
      const busy = (await functionProcesses(tryout.name)).filter(({ request }) => request !== null);
      return busy.length >= 2 || undefined;
    });
  });

  test('a message whose function is killed every time ends in the dead-letter queue', async () => {
    const poison = { do: 'kill', mark: 'poison' };
    await send(poison);
    assert.deepEqual(await waitFor('the dead letter', nextDead), poison);
    assert.equal(await taken('poison'), MAX_RECEIVES);
  });

  test('chaos: a process is killed for what it logs, as long as the test wants it', async () => {
    await chaos({ killOnLog: 'taken .*"mark":"doomed"', functions: `^${tryout.name}$` });
    try {
      await send({ do: 'sleep', ms: 2000, mark: 'doomed' });
      await waitFor('the second try', async () => (await taken('"doomed"')) >= 2 || undefined);
    } finally {
      await chaos(null);
    }
    await waitFor('its success', async () => /done .*"doomed"/.test(await functionLog(tryout.name)) || undefined);
  });

  test('chaos: a process at work is killed every so often', async () => {
    await chaos({ killEverySeconds: 0.5, functions: `^${tryout.name}$` });
    try {
      const { error } = await order({ do: 'sleep', ms: 3000 });
      assert.match(error?.errorMessage ?? '', /signal: SIGKILL/);
    } finally {
      await chaos(null);
    }
    assert.equal((await order({ do: 'sleep', ms: 1000 })).error, undefined);
  });
});
