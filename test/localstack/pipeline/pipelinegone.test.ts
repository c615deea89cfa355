/** A data set on LocalStack whose captures are deleted between two jobs: what was made of them stays. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { submitPrefix } from '../../../cli/commands/submit.ts';
import { jobOptions } from '../../../shared/job/options/options.ts';
import { sharedCloud } from '../cloud.ts';
import { assertAsEmbedded, committed, upload } from '../jobs.ts';
import { localStackEndpoint, SKIPPED } from '../running.ts';
import { demoSamples } from '../samples.ts';
import { newPrefix } from '../stack.ts';

const endpoint = await localStackEndpoint();

describe('captures that are deleted on LocalStack', { skip: endpoint === null ? SKIPPED : false }, () => {
  test('submitted again after one was deleted and one has come: the tables are those of all captures; with --exact, of those that are there', async () => {
    const cloud = await sharedCloud(endpoint!);
    const prefix = newPrefix();
    const place = `s3://${cloud.capturesBucket}/${prefix}`;
    const captures = [...demoSamples(prefix)];
    const [[deleted]] = captures;
    await upload(cloud, new Map(captures.slice(0, -1)));
    const first = await submitPrefix(cloud, place, jobOptions({}));
    assert.equal((await committed(cloud, first.job)).captures, captures.length - 1);
    await cloud.captures.remove([deleted]);
    await upload(cloud, new Map(captures.slice(-1)));
    const second = await submitPrefix(cloud, place, jobOptions({}));
    assert.deepEqual([second.captures, second.kept], [captures.length, 1]);
    await committed(cloud, second.job);
    await assertAsEmbedded(cloud, second.job, new Map(captures));
    const exact = await submitPrefix(cloud, place, jobOptions({}), { exact: true });
    await committed(cloud, exact.job);
    await assertAsEmbedded(cloud, exact.job, new Map(captures.slice(1)));
  });
});
