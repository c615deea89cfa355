/** Jobs on LocalStack: started in all ways, twice at once, side by side and in turns. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { submitPrefix } from '../../../cli/commands/submit.ts';
import { listJobs } from '../../../shared/control/operate.ts';
import type { JobEntry } from '../../../shared/control/start.ts';
import { jobStatus } from '../../../shared/control/status.ts';
import type { CurrentJob } from '../../../shared/job/dataset/currentjob.ts';
import { jobOptions } from '../../../shared/job/options/options.ts';
import { currentKey, turnPrefix } from '../../../shared/job/protocol/keys.ts';
import { sqsClient } from '../../../shared/queue/sqs.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import { putWatchedPrefix } from '../../../shared/upload/watchedprefixes.ts';
import { type Cloud, sharedCloud } from '../cloud.ts';
import { assertAsEmbedded, committed, datasetOfPrefix, putMarker, submit, upload } from '../jobs.ts';
import { CREDENTIALS, localStackEndpoint, REGION, SKIPPED, stackLog } from '../running.ts';
import { cutSamples, demoSamples } from '../samples.ts';
import { newPrefix, waitFor } from '../stack.ts';

const endpoint = await localStackEndpoint();

// All at once: their jobs run side by side.
const options = { skip: endpoint === null ? SKIPPED : false, concurrency: true };

describe('jobs of a pipeline on LocalStack', options, () => {
  let cloud: Cloud;
  before(async () => {
    cloud = await sharedCloud(endpoint!);
  });

  /** The one job of a data set, once there is one. */
  const firstJob = (dataset: string): Promise<JobEntry> =>
    waitFor(`a job of ${dataset}`, async () => (await listJobs(cloud.work, dataset)).at(0));

  /** Asserts that a data set has had one job, and that this one had one turn. */
  async function assertOneJob(dataset: string, job: string): Promise<void> {
    const jobs = await listJobs(cloud.work, dataset);
    assert.deepEqual(
      jobs.map((entry) => entry.job),
      [job],
    );
    let turns = 0;
    for await (const _ of cloud.work.list(turnPrefix(dataset))) turns++;
    assert.equal(turns, 1);
  }

  /** What the function of uploads said of a marker each time it heard of it. */
  async function outcomesOf(marker: string): Promise<string[]> {
    const lines = (await stackLog(cloud.stack, 'uploads')).split('\n').filter((line) => line.includes('"uploaded"'));
    const said = lines.map((line) => JSON.parse(line) as { key: string; outcome: string; job?: string });
    return said.filter(({ key }) => key === marker).map(({ outcome, job }) => `${outcome} ${job}`);
  }

  test('a marker put twice at once, and an event that comes once more, with a key that is hard to encode: one job', async () => {
    const prefix = `${newPrefix()}year 2026+%2F/é"'/`;
    const dataset = datasetOfPrefix(cloud, prefix);
    const captures = demoSamples(prefix);
    await upload(cloud, captures);
    await Promise.all([putMarker(cloud, prefix), putMarker(cloud, prefix)]);
    const marker = `${prefix}_READY`;
    const encoded = encodeURIComponent(marker).replaceAll('%20', '+');
    const event = { Records: [{ s3: { bucket: { name: cloud.capturesBucket }, object: { key: encoded } } }] };
    const sqs = sqsClient({ endpoint: cloud.endpoint, region: REGION, credentials: CREDENTIALS });
    await sqs.send(new SendMessageCommand({ QueueUrl: cloud.queueUrls.uploads, MessageBody: JSON.stringify(event) }));
    const { job, source } = await firstJob(dataset);
    assert.deepEqual(source, { prefix: `s3://${cloud.capturesBucket}/${prefix}`, by: 'marker' });
    await committed(cloud, job);
    const outcomes = await waitFor('all events', async () => {
      const said = await outcomesOf(marker);
      return said.length >= 3 ? said : undefined;
    });
    assert.deepEqual(new Set(outcomes), new Set([`submitted ${job}`]));
    await assertOneJob(dataset, job);
    await assertAsEmbedded(cloud, job, captures);
  });

  test('many uploads to an automatic data set, and then quiet: one job over all of them', async () => {
    const prefix = newPrefix();
    const dataset = datasetOfPrefix(cloud, prefix);
    await putWatchedPrefix(cloud.work, { dataset, bucket: cloud.capturesBucket, prefix, quietSeconds: 4, options: {} });
    const captures = await cutSamples(11, 40, (number) => `${prefix}${number % 7}/${number}`);
    await upload(cloud, captures);
    const { job, source, captures: count } = await firstJob(dataset);
    assert.deepEqual([source.by, count], ['quiet', captures.size]);
    await committed(cloud, job);
    await assertOneJob(dataset, job);
    await assertAsEmbedded(cloud, job, captures);
  });

  test('submit, twice at once: one job', async () => {
    const prefix = newPrefix();
    const captures = demoSamples(prefix);
    await upload(cloud, captures);
    const place = `s3://${cloud.capturesBucket}/${prefix}`;
    const both = await Promise.all([1, 2].map(() => submitPrefix(cloud, place, jobOptions({}))));
    assert.equal(both[0].job, both[1].job);
    const [{ job, dataset }] = both;
    await committed(cloud, job);
    assert.equal((await submitPrefix(cloud, place, jobOptions({}))).state, 'committed');
    await assertOneJob(dataset, job);
    await assertAsEmbedded(cloud, job, captures);
  });

  test('jobs of two data sets run side by side', async () => {
    const prefixes = [newPrefix(), newPrefix()];
    const samples = [demoSamples(prefixes[0]), await cutSamples(12, 20, (number) => `${prefixes[1]}${number}`)];
    for (const captures of samples) await upload(cloud, captures);
    const jobs = await Promise.all(prefixes.map((prefix) => submit(cloud, prefix, { packets: true })));
    assert.deepEqual(
      jobs.map(({ state }) => state),
      ['began', 'began'],
    );
    for (const [number, { job }] of jobs.entries()) {
      await committed(cloud, job);
      await assertAsEmbedded(cloud, job, samples[number]);
    }
  });

  test('two jobs of one data set run one after the other, and the second one’s tables are the current ones', async () => {
    const prefix = newPrefix();
    const captures = demoSamples(prefix);
    await upload(cloud, captures);
    const first = await submit(cloud, prefix);
    const second = await submit(cloud, prefix, { 'tcp-timeout': '1s' });
    assert.deepEqual([first.state, second.state], ['began', 'waits']);
    const waiting = await jobStatus(cloud.work, second.job);
    assert.deepEqual([waiting.state, waiting.behind], ['waiting', first.job]);
    await committed(cloud, first.job);
    await committed(cloud, second.job);
    const [before, behind] = await Promise.all([first, second].map(({ job }) => jobStatus(cloud.work, job)));
    // S3 tells whole seconds.
    assert.ok(behind.stages[0].sentAt! >= before.stages.at(-1)!.lastEnd!, 'the second began when the first had ended');
    const current = await getJson<CurrentJob>(cloud.results, currentKey(before.entry.dataset));
    assert.equal(current?.job, second.job);
    for (const { job } of [first, second]) await assertAsEmbedded(cloud, job, captures);
    const [{ sessions: one }, { sessions: other }] = [before.summary!, behind.summary!];
    assert.ok(other > one, `${other} sessions with the short timeout, ${one} without`);
  });
});
