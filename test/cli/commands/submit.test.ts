/** flowstitch submit: what is listed, what is said, and which job comes of it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Pipeline } from '../../../cli/cloud/pipeline.ts';
import { COMMAND, submissionText, submitPrefix } from '../../../cli/commands/submit.ts';
import { cancelJob, findJob } from '../../../shared/control/operate.ts';
import type { CurrentJob } from '../../../shared/job/dataset/currentjob.ts';
import type { Job } from '../../../shared/job/jobconfig.ts';
import { jobOptions } from '../../../shared/job/options/options.ts';
import { currentKey, inputsKey, jobKey } from '../../../shared/job/protocol/keys.ts';
import { RELEASE } from '../../../shared/job/revisions.ts';
import { S3Captures } from '../../../shared/store/aws/s3captures.ts';
import type { CaptureRef } from '../../../shared/store/capturesource.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import { MemoryStore } from '../../job/memorystore.ts';
import { LocalPipeline } from '../../job/pipeline.ts';
import { literal } from '../../literal.ts';
import { CREDENTIALS, FakeS3 } from '../../store/fakes3.ts';
import { OUTPUTS, startFakeStack } from '../cloud/fakestack.ts';
import { runCommand, START_US, scratchFolder, startFlowstitch, udpCapture } from '../harness.ts';

// How the tests themselves were started must not show.
delete process.env.npm_command;

const PLAIN = jobOptions({});

/** A pipeline whose bucket of captures is a fake S3. */
async function pipelineOn(t: TestContext): Promise<{ fake: FakeS3; local: LocalPipeline; pipeline: Pipeline }> {
  const fake = await FakeS3.start(t);
  const local = new LocalPipeline(join(scratchFolder(t), 'local'), new MemoryStore());
  const s3 = fake.client();
  local.captures = new S3Captures(s3);
  const { store: work, results, queue } = local;
  const names = {
    stack: 'mine',
    version: RELEASE,
    capturesBucket: 'captures',
    resultsBucket: 'results',
    workBucket: 'work',
  };
  return { fake, local, pipeline: { ...names, work, results, queue, s3, startCleaning: async () => {} } };
}

test('a prefix becomes a job over its captures; the same again is the same job, and it is told how it stands', async (t) => {
  const { fake, local, pipeline } = await pipelineOn(t);
  fake.put('site-a/one.pcap', udpCapture(10));
  fake.put('site-a/two.pcap', udpCapture(10, START_US + 1e6));
  fake.put('site-a/', new Uint8Array(0));
  fake.put('site-b/three.pcap', udpCapture(10));
  const first = await submitPrefix(pipeline, 's3://captures/site-a/', PLAIN);
  const { job, bytes } = first;
  assert.deepEqual([first.state, first.dataset, first.captures], ['began', 'site-a', 2]);
  assert.equal(bytes, 2 * udpCapture(10).length);
  assert.equal(
    submissionText(first, 's3://captures/site-a/', true),
    `2 captures, 1.71 KB under s3://captures/site-a/; skipped: 1 folder marker
data set site-a, job ${job}: started

next: flowstitch status ${job} --watch
`,
  );
  const { source } = await findJob(local.store, job);
  assert.deepEqual(source, { prefix: 's3://captures/site-a/', by: 'submit' });

  const other = await submitPrefix(pipeline, 's3://captures/site-a/', jobOptions({ packets: true }));
  assert.deepEqual([other.state, other.behind], ['waits', job]);
  assert.match(submissionText(other, 's3://captures/site-a/', true), new RegExp(`queued behind job ${job}`));
  await cancelJob(local.store, local.queue, other.job);

  await local.work();
  const again = await submitPrefix(pipeline, 's3://captures/site-a/', PLAIN);
  assert.deepEqual([again.job, again.state], [job, 'committed']);
  assert.match(submissionText(again, 's3://captures/site-a/', true), /: was done before\n/);

  const ended = await submitPrefix(pipeline, 's3://captures/site-a/', jobOptions({ packets: true }));
  assert.deepEqual([ended.job, ended.state], [other.job, 'ended']);
  const text = submissionText(ended, 's3://captures/site-a/', true);
  assert.match(text, /has failed or was cancelled; resume continues it/);
  assert.match(text, new RegExp(`next: flowstitch resume ${other.job}\n`));
});

test('a job that was done before another becomes the newest again', async (t) => {
  const { fake, local, pipeline } = await pipelineOn(t);
  fake.put('site-a/one.pcap', udpCapture(10));
  const place = 's3://captures/site-a/';
  const { job } = await submitPrefix(pipeline, place, PLAIN);
  await local.work();
  const slower = jobOptions({ 'udp-timeout': '5m' });
  const { job: second } = await submitPrefix(pipeline, place, slower);
  await local.work();
  const current = async () => (await getJson<CurrentJob>(local.results, currentKey('site-a')))?.job;
  assert.equal(await current(), second);
  const again = await submitPrefix(pipeline, place, PLAIN);
  assert.deepEqual([again.job, again.state, again.shownAgain], [job, 'began', true]);
  assert.match(submissionText(again, place, true), /was done before; its tables become current again\n/);
  assert.deepEqual(
    (await local.work()).map(({ stage }) => stage),
    ['commit'],
  );
  assert.equal(await current(), job);
});

test('captures that are gone or archived keep their sessions; with --exact, and where nothing was read of them, they do not', async (t) => {
  const { fake, local, pipeline } = await pipelineOn(t);
  const place = 's3://captures/site-a/';
  fake.put('site-a/one.pcap', udpCapture(10));
  fake.put('site-a/two.pcap', udpCapture(10, START_US + 1e6));
  fake.put('site-a/cold.pcap', udpCapture(10, START_US + 2e6), { storageClass: 'GLACIER' });
  const first = await submitPrefix(pipeline, place, PLAIN);
  assert.deepEqual([first.captures, first.kept], [3, 0]);
  await local.work();
  fake.objects.delete('site-a/one.pcap');
  fake.objects.delete('site-a/cold.pcap');
  fake.put('site-a/two.pcap', udpCapture(10, START_US + 1e6), { storageClass: 'GLACIER' });
  fake.put('site-a/three.pcap', udpCapture(10, START_US + 3e6));
  const second = await submitPrefix(pipeline, place, PLAIN);
  assert.deepEqual([second.captures, second.kept, second.refused], [3, 2, []]);
  assert.match(
    submissionText(second, place, true),
    /^3 captures, \S+ KB of the data set and under s3:\/\/captures\/site-a\/\n2 captures of these cannot be read there now; the data set keeps their sessions, and --exact leaves them out\n/,
  );
  const exact = await submitPrefix(pipeline, place, PLAIN, { exact: true });
  assert.deepEqual([exact.captures, exact.kept, exact.refused.length], [2, 0, 1]);
  const namesOf = async (job: string) =>
    (await getJson<CaptureRef[]>(local.store, inputsKey(job)))!.map(({ name, kept = false }) => [name.slice(-9), kept]);
  assert.deepEqual((await namesOf(second.job)).sort(), [
    ['/one.pcap', true],
    ['/two.pcap', true],
    ['hree.pcap', false],
  ]);
  assert.deepEqual((await namesOf(exact.job)).sort(), [
    ['/two.pcap', false],
    ['hree.pcap', false],
  ]);
});

test('a job behind others keeps what they will have', async (t) => {
  const { fake, pipeline } = await pipelineOn(t);
  const place = 's3://captures/site-a/';
  fake.put('site-a/one.pcap', udpCapture(10));
  assert.equal((await submitPrefix(pipeline, place, PLAIN)).state, 'began');
  fake.objects.delete('site-a/one.pcap');
  fake.put('site-a/two.pcap', udpCapture(10));
  const second = await submitPrefix(pipeline, place, PLAIN);
  assert.deepEqual([second.state, second.captures, second.kept], ['waits', 2, 1]);
});

test('another data set with the same captures is named; one over others is not', async (t) => {
  const { fake, local, pipeline } = await pipelineOn(t);
  const place = 's3://captures/site-a/';
  fake.put('site-a/one.pcap', udpCapture(10));
  fake.put('site-b/two.pcap', udpCapture(10));
  for (const [from, dataset] of [
    [place, 'whole'],
    ['s3://captures/site-b/', 'elsewhere'],
  ])
    await submitPrefix(pipeline, from, jobOptions({ dataset }));
  await local.work();
  const submission = await submitPrefix(pipeline, place, PLAIN);
  assert.deepEqual(submission.shared, [{ dataset: 'whole', captures: 1 }]);
  assert.match(
    submissionText(submission, place, true),
    /\nnote: data set whole has 1 capture of these too: their sessions are in both/,
  );
});

test("the pipeline's own buckets are no captures", async (t) => {
  const { fake, local, pipeline } = await pipelineOn(t);
  fake.put('sessions/x.pcap', udpCapture(10));
  for (const [bucket, what] of [
    ['results', 'results'],
    ['work', 'working files'],
  ])
    await assert.rejects(
      submitPrefix(pipeline, `s3://${bucket}/sessions/`, PLAIN),
      new RegExp(`^UsageError: s3://${bucket}/ holds the pipeline's ${what}, and no captures: .*s3://captures/PREFIX/`),
    );
  assert.equal(local.queue.depth, 0);
});

test('options and data set go into the job', async (t) => {
  const { fake, local, pipeline } = await pipelineOn(t);
  fake.put('a b/one.pcap', udpCapture(4));
  const options = jobOptions({ packets: true, dataset: 'mine', 'tcp-timeout': '10m', 'shard-by': '2tuple' });
  const { job, dataset } = await submitPrefix(pipeline, 's3://captures/a b/', options, { requesterPays: true });
  assert.equal(dataset, 'mine');
  const { config } = (await getJson<Job>(local.store, jobKey(job)))!;
  assert.deepEqual([config.packets, config.sharding.by, config.sessions.tcpInactivityUs], [true, '2tuple', 600e6]);
  assert.notEqual(config.sizes.captureBytes, undefined, 'sizes are those of the cloud');
  const captures = (await getJson<CaptureRef[]>(local.store, inputsKey(job)))!;
  assert.deepEqual(
    captures.map(({ name, requesterPays }) => [name, requesterPays]),
    [['s3://captures/a b/one.pcap', true]],
  );
});

test('a capture that is archived is named before the run, with the remedy; where all are, there is no job', async (t) => {
  const { fake, local, pipeline } = await pipelineOn(t);
  fake.put('site-a/cold.pcap', udpCapture(10), { storageClass: 'GLACIER' });
  const place = 's3://captures/site-a/';
  await assert.rejects(
    submitPrefix(pipeline, place, PLAIN),
    /no capture under s3:\/\/captures\/site-a\/ can be read: .*restore-object/,
  );
  assert.equal(local.queue.depth, 0);
  fake.put('site-a/warm.pcap', udpCapture(10));
  const submission = await submitPrefix(pipeline, place, PLAIN);
  assert.equal(submission.state, 'began');
  assert.deepEqual(
    submission.refused.map(({ capture, reason }) => [capture, reason]),
    [['s3://captures/site-a/cold.pcap', 'capture_archived']],
  );
  const text = submissionText(submission, place, true);
  assert.match(
    text,
    /\n1 capture cannot be read and will be reported as unreadable:\n {2}s3:\/\/captures\/site-a\/cold\.pcap is archived .*restore-object/,
  );
});

test('a prefix under which nothing lies is an error that says what does', async (t) => {
  const { fake, pipeline } = await pipelineOn(t);
  fake.put('site-a/', new Uint8Array(0));
  fake.put('site-a/_READY', new Uint8Array(0));
  await assert.rejects(
    submitPrefix(pipeline, 's3://captures/site-a/', PLAIN),
    /there are no captures under s3:\/\/captures\/site-a\/: only 1 folder marker, 1 _READY marker$/,
  );
  await assert.rejects(
    submitPrefix(pipeline, 's3://captures/site-z/', PLAIN),
    /no captures under s3:\/\/captures\/site-z\/: no key begins with this prefix/,
  );
});

test('a folder without its slash takes its neighbours along, and one is told', async (t) => {
  const { fake, pipeline } = await pipelineOn(t);
  fake.put('site/one.pcap', udpCapture(10));
  fake.put('site-b/two.pcap', udpCapture(10));
  const submission = await submitPrefix(pipeline, 's3://captures/site', PLAIN);
  assert.equal(submission.captures, 2);
  assert.match(
    submissionText(submission, 's3://captures/site', true),
    /\nnote: 1 capture of these is not in the folder; s3:\/\/captures\/site\/ is the folder alone\n/,
  );
  const whole = await submitPrefix(pipeline, 's3://captures/site/', PLAIN);
  assert.equal(whole.besides, 0);
});

test('a bucket in another region is refused before anything is listed', async (t) => {
  const { fake, local, pipeline } = await pipelineOn(t);
  fake.fail(({ method, key }) => method === 'HEAD' && key === '', {
    error: { status: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'eu-west-1' } },
  });
  await assert.rejects(
    submitPrefix(pipeline, 's3://captures/site-a/', PLAIN),
    /bucket captures is in eu-west-1, Flowstitch in us-east-1: .*Deploy Flowstitch in eu-west-1/,
  );
  assert.equal(local.queue.depth, 0);
});

test('mistakes in the call are noticed before anybody is asked', async () => {
  const cases: [string[], RegExp][] = [
    [[], /submit: give one prefix of captures, as s3:/],
    [['s3://a/', 's3://b/'], /submit: give one prefix/],
    [['captures/'], /'captures\/' does not begin with s3:\/\//],
    [['s3://captures/', '--buckets', '0'], /--buckets takes a whole number from 1 to 65536, not '0'/],
    [['s3://captures/', '--tcp-timeout', 'long'], /--tcp-timeout takes a duration/],
    [['s3://captures/', '--dataset', 'a/b'], /--dataset takes up to 64 letters/],
    [['s3://captures/', '--out', 'x'], /submit: unknown option --out; flowstitch submit --help/],
  ];
  for (const [args, message] of cases) await assert.rejects(runCommand(COMMAND, args), message);
});

test('another version than the one deployed is refused with both versions, exit code 1', async (t) => {
  const endpoint = await startFakeStack(t, { name: 'mine', outputs: { ...OUTPUTS, Version: '0.0.1' } });
  const { code, stdout, stderr } = await startFlowstitch(['submit', 's3://captures/x/', '--stack', 'mine'], undefined, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: CREDENTIALS.region,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(
    stderr,
    new RegExp(`^flowstitch: cannot submit: stack mine has version 0\\.0\\.1 and this is ${literal(RELEASE)}`),
  );
});
