/** flowstitch forget in a pipeline: what it says, what it starts, and what it refuses. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { forgetInCloud } from '../../../cli/cloud/forgetting.ts';
import type { Pipeline } from '../../../cli/cloud/pipeline.ts';
import { submitPrefix } from '../../../cli/commands/submit.ts';
import { cleanDue, isForgettingDue, SETTLED_MS } from '../../../shared/control/dataset/duecleanings.ts';
import { jobOptions } from '../../../shared/job/options/options.ts';
import { isCommitted } from '../../../shared/job/protocol/jobend.ts';
import { RELEASE } from '../../../shared/job/revisions.ts';
import { S3Captures } from '../../../shared/store/aws/s3captures.ts';
import { MemoryStore } from '../../job/memorystore.ts';
import { LocalPipeline } from '../../job/pipeline.ts';
import { FakeS3 } from '../../store/fakes3.ts';
import { START_US, scratchFolder, udpCapture } from '../harness.ts';

test('a capture is forgotten by a job and a cleaning, and the next submit leaves it forgotten though it lies there', async (t) => {
  const fake = await FakeS3.start(t);
  const local = new LocalPipeline(join(scratchFolder(t), 'local'), new MemoryStore());
  const s3 = fake.client();
  local.captures = new S3Captures(s3);
  const { store: work, results, queue } = local;
  let started = 0;
  const pipeline: Pipeline = {
    ...{ stack: 'mine', version: RELEASE, capturesBucket: 'captures', resultsBucket: 'results', workBucket: 'work' },
    ...{ work, results, queue, s3 },
    startCleaning: async () => void started++,
  };
  fake.put('site-a/one.pcap', udpCapture(10));
  fake.put('site-a/two.pcap', udpCapture(10, START_US + 1e6));
  const submit = () => submitPrefix(pipeline, 's3://captures/site-a/', jobOptions({}));
  const first = await submit();
  await local.work();
  const one = { capture: 's3://captures/site-a/one.pcap' };
  const forget = (yes: boolean, dataset: string | undefined = 'site-a') =>
    forgetInCloud(pipeline, dataset, one, { yes, json: true });
  await assert.rejects(forgetInCloud(pipeline, undefined, one, {}), /say which data set/);
  await assert.rejects(forget(false, 'site-b'), /no finished results of a data set 'site-b'/);
  assert.equal(await forget(false), 0);
  assert.equal(queue.depth, 0, 'nothing was started');
  assert.equal(await forget(true), 0);
  await local.work();
  const { job } = await submit();
  await local.work();
  assert.notEqual(job, first.job);
  assert.ok(await isCommitted(work, job));
  const { captures } = await local.tables(job);
  assert.deepEqual(captures.map(({ capture, status }) => [capture, status]).sort(), [
    [one.capture, 'forgotten'],
    ['s3://captures/site-a/two.pcap', 'complete'],
  ]);
  assert.equal((await cleanDue(work, results, Date.now() + 2 * SETTLED_MS, () => true)).done, 1);
  assert.ok(!(await isForgettingDue(work, job)));
  assert.equal(started, 0, 'the end of the job starts it');
});
