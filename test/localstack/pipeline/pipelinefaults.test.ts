/** The pipeline on LocalStack when all goes wrong at once: doubled messages, killed functions, a capture that kills whoever reads it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { s3Url } from '../../../shared/store/aws/s3errors.ts';
import { random, SEED } from '../../job/harness.ts';
import { type Cloud, sharedCloud } from '../cloud.ts';
import { assertAsEmbedded, type Captures, committed, SMALL_SIZES, submit, upload } from '../jobs.ts';
import { Killer } from '../killer.ts';
import { doubleMessages } from '../messages.ts';
import { chaos, localStackEndpoint, SKIPPED } from '../running.ts';
import { cutSamples, nastyKey } from '../samples.ts';
import { newPrefix } from '../stack.ts';

const endpoint = await localStackEndpoint();

describe('the pipeline on LocalStack, with faults', { skip: endpoint === null ? SKIPPED : false }, () => {
  let cloud: Cloud;
  before(async () => {
    cloud = await sharedCloud(endpoint!);
  });
  after(() => chaos(null));

  async function uploadCut(): Promise<{ prefix: string; captures: Captures }> {
    const prefix = newPrefix();
    const captures = await cutSamples(SEED, 30, (number) => nastyKey(prefix, number));
    await upload(cloud, captures);
    return { prefix, captures };
  }

  test(`every message twice, and functions killed at random moments: the same rows (SEED=${SEED})`, async () => {
    const { prefix, captures } = await uploadCut();
    const stop = new AbortController();
    const killer = new Killer(cloud.stack, random(SEED));
    try {
      const { job } = await submit(cloud, prefix, { packets: true });
      const doubling = doubleMessages(cloud, job, stop.signal);
      const { damaged, mapTasks } = await committed(cloud, job);
      assert.deepEqual(damaged, []);
      assert.ok((await doubling) > mapTasks, 'messages were doubled');
      const { map, reduce, publish } = killer.kills;
      assert.ok(map > 0 && reduce > 0 && publish > 0, JSON.stringify(killer.kills));
      await assertAsEmbedded(cloud, job, captures);
    } finally {
      stop.abort();
      await killer.stop();
    }
  });

  test(`a capture that kills its function each time is named, and nothing else is lost (SEED=${SEED})`, async () => {
    const { prefix, captures } = await uploadCut();
    const poison = [...captures.keys()].find((key) => key.includes('plus+plus'))!;
    await chaos({ killOnLog: '"message":"reading".*plus.plus', functions: cloud.stack });
    // Several captures share its task.
    const { job } = await submit(cloud, prefix, { packets: true }, { ...SMALL_SIZES, taskBytes: 300_000 });
    // Five deaths of up to 15 s each before the capture is left out; as many again after a dead letter, where another
    // death came in between.
    const { damaged } = await committed(cloud, job, 400);
    await chaos(null);
    const name = s3Url(cloud.capturesBucket, poison);
    assert.deepEqual(
      damaged.map(({ capture, reason }) => [capture, reason]),
      [[name, 'capture_given_up']],
    );
    const [{ reason, detail }] = damaged;
    await assertAsEmbedded(cloud, job, captures, new Map([[name, { reason, detail }]]));
  });
});
