/** LocalStack started and stopped: nothing of it is left, however it ends. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startLocalStack } from '../../localstack/start.ts';
import { localStackEndpoint, SKIPPED } from './running.ts';
import { invoke, waitFor } from './stack.ts';
import { deployTryout } from './tryout.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'localstack', 'main.ts');
const skip = (await localStackEndpoint()) === null ? SKIPPED : false;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const gone = (what: string, pids: readonly number[], folder: string): Promise<boolean> =>
  waitFor(`the end of ${what}`, async () => (!pids.some(isAlive) && !existsSync(folder)) || undefined, 20);

/** Runs a function, which leaves its process waiting, and returns the pids of all function processes. */
async function useFunction(endpoint: string, folder: string): Promise<number[]> {
  const { name } = await deployTryout(endpoint);
  assert.equal((await invoke(endpoint, name, { do: 'version' })).payload, 1);
  const records = await readdir(join(folder, 'processes'));
  assert.ok(records.length > 0, 'a function process is recorded');
  return records.map((record) => Number.parseInt(record, 10));
}

/** `npm run localstack` on a free port, once it is ready. */
async function startMain(folder: string): Promise<{ main: ChildProcess; endpoint: string; localStackPid: number }> {
  const main = spawn(process.execPath, [MAIN, '--port', '0', '--folder', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  main.stdout!.on('data', (data) => (printed += data));
  const ready = async () => /runs at (http:\S+)/.exec(printed)?.[1];
  const endpoint = await waitFor('LocalStack', ready, 120);
  assert.match(printed, new RegExp(`export AWS_ENDPOINT_URL=${endpoint} `));
  const children = await readFile(`/proc/${main.pid}/task/${main.pid}/children`, 'utf8').catch(() => '');
  return { main, endpoint, localStackPid: Number.parseInt(children, 10) };
}

test('a folder that is not empty is refused, and left alone', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flowstitch-test-'));
  try {
    await writeFile(join(folder, 'mine'), '');
    await assert.rejects(startLocalStack({ folder }), /is not empty/);
    assert.deepEqual(await readdir(folder), ['mine']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe('LocalStack without Docker', { skip }, () => {
  test('runs side by side with others, and stops without a trace', async () => {
    const one = await startLocalStack();
    const { endpoint, folder, pid } = one;
    try {
      assert.notEqual(endpoint, process.env.FLOWSTITCH_LOCALSTACK);
      const port = Number(new URL(endpoint).port);
      await assert.rejects(startLocalStack({ port }), new RegExp(`port ${port} of 127.0.0.1 is in use`));
      const pids = await useFunction(endpoint, folder);
      assert.match(await one.logs(), /LocalStack version: 4\.13\.1/);
      await one.stop();
      await gone('LocalStack', [pid, ...pids], folder);
      await one.stop();
    } finally {
      await one.stop();
    }
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const)
    test(`stops without a trace when the program that started it gets ${signal}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'flowstitch-test-'));
      const { main, endpoint, localStackPid } = await startMain(folder);
      try {
        const pids = await useFunction(endpoint, folder);
        main.kill(signal);
        await gone('LocalStack', [main.pid!, localStackPid || main.pid!, ...pids], folder);
      } finally {
        main.kill('SIGKILL');
      }
    });
});
