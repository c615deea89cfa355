/** Stacks on LocalStack through its CloudFormation: deployed, updated, destroyed, deployed again. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { HeadBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { readAssembly } from '../../localstack/assembly.ts';
import { deployTemplate, destroyStack } from '../../localstack/deploy.ts';
import { clientConfig, functionLog, localStackEndpoint, SKIPPED } from './running.ts';
import { functionProcesses, invoke, uniqueName, waitFor } from './stack.ts';
import { deployTryout } from './tryout.ts';

const found = await localStackEndpoint();

test('a stack that an assembly does not have is refused with the names that it has', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'assembly-'));
  try {
    const artifacts = {
      One: { type: 'aws:cloudformation:stack', properties: { stackName: 'first', templateFile: 'x' } },
    };
    await writeFile(join(folder, 'manifest.json'), JSON.stringify({ artifacts }));
    await assert.rejects(readAssembly(folder, 'other'), /has no stack other: it has first/);
    assert.equal((await readAssembly(folder, 'One')).name, 'first');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe('a stack on LocalStack', { skip: found === null ? SKIPPED : false }, () => {
  const endpoint = found!;
  const s3 = new S3Client(clientConfig(endpoint ?? ''));
  const name = uniqueName('tryout');
  after(() => destroyStack({ endpoint, stackName: name }));

  const upload = (Key: string) => s3.send(new PutObjectCommand({ Bucket: name, Key, Body: 'x' }));
  const isTaken = (key: string) =>
    waitFor(`the upload of ${key} to reach the function`, async () => {
      const log = await functionLog(name);
      return log.includes(`done {"do":"answer","key":"${key}"}`) || undefined;
    });
  const bucketIsThere = () =>
    s3.send(new HeadBucketCommand({ Bucket: name })).then(
      () => true,
      () => false,
    );

  test('an upload goes through the queue to the function', async () => {
    await deployTryout(endpoint, name);
    await upload('first');
    await isTaken('first');
  });

  test('deployed again without a change, it stays as it is', async () => {
    const tryout = await deployTryout(endpoint, name);
    assert.equal(tryout.name, name);
    assert.equal((await invoke(endpoint, name, { do: 'version' })).payload, 1);
  });

  test('deployed again with new code, the new code runs, and what ran goes on to its end with the old', async () => {
    const running = invoke(endpoint, name, { do: 'late', ms: 3000 });
    await waitFor('the process', async () => (await functionProcesses(name)).find(({ request }) => request !== null));
    await deployTryout(endpoint, name, 2);
    const renewed = async () => (await invoke(endpoint, name, { do: 'version' })).payload === 2 || undefined;
    await waitFor('the new code', renewed, 20);
    assert.deepEqual(await running, { payload: 1 });
  });

  test('destroyed, nothing of it is left; and it can be deployed again', async () => {
    await s3.send(new PutObjectCommand({ Bucket: name, Key: 'second', Body: 'x' }));
    await isTaken('second');
    await destroyStack({ endpoint, stackName: name });
    assert.equal(await bucketIsThere(), false);
    await waitFor('its processes to end', async () => (await functionProcesses(name)).length === 0 || undefined);
    await destroyStack({ endpoint, stackName: name });

    await deployTryout(endpoint, name);
    await upload('third');
    await isTaken('third');
  });

  test('a resource that LocalStack cannot make fails the deployment with its name', async () => {
    const template = {
      Resources: {
        Bucket: { Type: 'AWS::S3::Bucket' },
        Tables: { Type: 'AWS::Glue::Database', Properties: { CatalogId: '0', DatabaseInput: { Name: 'x' } } },
      },
    };
    const stackName = uniqueName('unsupported');
    await assert.rejects(deployTemplate({ endpoint, stackName, template }), /AWS::Glue::Database/);
    await destroyStack({ endpoint, stackName });
  });

  test('a resource that fails is named with its reason', async () => {
    const template = { Resources: { Twin: { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'No_Bucket_Name' } } } };
    const stackName = uniqueName('failing');
    await assert.rejects(deployTemplate({ endpoint, stackName, template }), /Twin \(AWS::S3::Bucket\): .*valid/);
    await destroyStack({ endpoint, stackName });
  });
});
