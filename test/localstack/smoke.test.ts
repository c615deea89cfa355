/** npm run smoke on the pipeline of LocalStack: everything but Athena, and nothing is left of it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Cloud, sharedCloud } from './cloud.ts';
import { CREDENTIALS, localStackEndpoint, REGION, SKIPPED } from './running.ts';

const endpoint = await localStackEndpoint();
const SMOKE = join(import.meta.dirname, '..', '..', 'infra', 'smoke', 'smoke.ts');

describe('the smoke test on LocalStack', { skip: endpoint === null ? SKIPPED : false }, () => {
  let cloud: Cloud;
  before(async () => {
    cloud = await sharedCloud(endpoint!);
  });

  async function smoke(...args: string[]): Promise<{ code: number | null; printed: string }> {
    const name = cloud.stack.replace(/-pipeline$/, '');
    const child = spawn(process.execPath, [SMOKE, '-c', `name=${name}`, '-c', 'localstack=true', ...args], {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL: cloud.endpoint,
        AWS_REGION: REGION,
        AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
      });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, printed };
  }

  /** Keys of the three buckets that have the name of this data set in them. */
  async function leftOf(dataset: string): Promise<string[]> {
    const left: string[] = [];
    for (const store of [cloud.captures, cloud.work, cloud.results])
      for await (const { key } of store.list('')) if (key.includes(dataset)) left.push(key);
    return left;
  }

  test('says that the pipeline works and that LocalStack has no Athena, and removes captures, tables and its job', async () => {
    const { code, printed } = await smoke();
    assert.equal(code, 0, printed);
    assert.match(printed, /sessions: [1-9]\d* rows, the same from the cloud and from this machine/);
    assert.match(printed, /Athena is not asked: LocalStack has none\./);
    assert.match(printed, new RegExp(`${cloud.stack} works\\.`));
    const [dataset] = /flowstitch-smoke-[0-9a-f]{8}/.exec(printed)!;
    assert.deepEqual(await leftOf(dataset), []);
  });

  test('leaves all there when it is asked to', async () => {
    const { code, printed } = await smoke('--keep');
    assert.equal(code, 0, printed);
    const [, dataset] = /Left there: .*, data set (\S+)/.exec(printed)!;
    const left = await leftOf(dataset);
    for (const begin of [`${dataset}/`, `datasets/${dataset}/`, `sessions/dataset=${dataset}/`])
      assert.ok(
        left.some((key) => key.startsWith(begin)),
        begin,
      );
  });
});
