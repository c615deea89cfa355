/** flowstitch jobs, status, cancel and resume: what they say of jobs, from files of jobs. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { follow, INTERRUPTED } from '../../../cli/cloud/follow.ts';
import { exitCodeOf } from '../../../cli/cloud/jobend.ts';
import { COMMAND as CANCEL, cancelText } from '../../../cli/commands/cancel.ts';
import { COMMAND as JOBS, jobsText } from '../../../cli/commands/jobs.ts';
import { resumeText } from '../../../cli/commands/resume.ts';
import { COMMAND as STATUS } from '../../../cli/commands/status.ts';
import { aboutDollars, requestCost } from '../../../cli/text/cost.ts';
import {
  percentText,
  progressText,
  rateText,
  remainingText,
  stateText,
  statusText,
} from '../../../cli/text/statustext.ts';
import type { Command } from '../../../cli/usage/command.ts';
import { listJobs } from '../../../shared/control/operate.ts';
import { type JobStatus, jobStates, jobStatus } from '../../../shared/control/status.ts';
import { STAGE_ORDER } from '../../../shared/stage/stages.ts';
import type { CaptureRef } from '../../../shared/store/capturesource.ts';
import { captureRefs } from '../../job/harness.ts';
import { MemoryStore } from '../../job/memorystore.ts';
import { LocalPipeline, madeUpCaptures } from '../../job/pipeline.ts';
import { runCommand, START_US, scratchFolder, udpCapture } from '../harness.ts';

// How the tests themselves were started must not show.
delete process.env.npm_command;

/** Captures of ten packets each. */
async function captures(t: TestContext, count: number): Promise<CaptureRef[]> {
  const folder = scratchFolder(t);
  const paths = Array.from({ length: count }, (_, i) => join(folder, `${i}.pcap`));
  mkdirSync(folder, { recursive: true });
  for (const [i, path] of paths.entries()) writeFileSync(path, udpCapture(10, START_US + i * 60e6, i + 1));
  return captureRefs(paths);
}

const localPipeline = (t: TestContext, store = new MemoryStore()): LocalPipeline =>
  new LocalPipeline(join(scratchFolder(t), 'local'), store);

/** A job as its files tell, without files. */
function made(changes: Partial<JobStatus> = {}): JobStatus {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5);
  return {
    entry: {
      job: '0123456789abcdef',
      dataset: 'site-a',
      source: { prefix: 's3://captures/site-a/', by: 'submit' },
      captures: 42_000,
      bytes: 6.3e12,
      submitted: at,
    },
    software: '0.1.0',
    state: 'running',
    behind: null,
    end: null,
    stages: STAGE_ORDER.map((stage) => {
      if (stage === 'plan') return { stage, tasks: 1, ended: 1, sentAt: at, lastEnd: at + 20_000 };
      if (stage === 'map') return { stage, tasks: 6300, ended: 3969, sentAt: at + 20_000, lastEnd: at + 120_000 };
      return { stage, tasks: null, ended: 0, sentAt: null, lastEnd: null };
    }),
    failures: [{ stage: 'map', task: 17, reason: 'out of \x1b[2Jmemory' }],
    requests: undefined,
    mapped: { packets: 5_000_000_000, captures: 26_460 },
    taskSeconds: 40_000,
    summary: null,
    notInCatalog: null,
    cleaningDue: false,
    ...changes,
  };
}

test('a running job is told stage by stage, with speed, failures by name, and what to type next', () => {
  assert.equal(
    statusText(made(), 's3://results/'),
    `job        0123456789abcdef, version 0.1.0
data set   site-a
captures   42,000, 6.30 TB under s3://captures/site-a/
submitted  2026-01-02 03:04:05 UTC
state      running, 50,000,000 packets/s
  plan  1 of 1 task, 100 %
  map   3,969 of 6,300 tasks, 63 %

1 task failed:
  map task 17 failed on every attempt: out of \\x1b[2Jmemory

next: flowstitch status 0123456789abcdef --watch
`,
  );
});

test('the line of a running job has stage, share, speed, what is left and the time', () => {
  const now = Date.UTC(2026, 0, 2, 3, 6, 10);
  assert.equal(
    progressText(made(), now),
    '2/7 map  3,969 of 6,300 tasks  63 %  50,000,000 packets/s  about 58.7 s left  1 task failed  2 min 5 s',
  );
  assert.equal(progressText(made({ state: 'waiting', behind: 'fedcba9876543210' }), now), 'queued behind fedcba98');
  const [plan] = made().stages;
  const begun = made({ stages: [{ ...plan, ended: 0, sentAt: null, lastEnd: null }], failures: [] });
  assert.equal(progressText(begun, now), '1/7 plan  0 of 1 task  0 %  0.0 s');
});

test('a share is never 100 before the last task, and a stage without tasks is done', () => {
  assert.deepEqual(
    [percentText(6299, 6300), percentText(6300, 6300), percentText(0, 0), percentText(0, 3)],
    ['99 %', '100 %', '100 %', '0 %'],
  );
});

test('captures without packets have a speed of their own, and before the first task ended there is none', () => {
  assert.equal(rateText(made({ mapped: { packets: 0, captures: 250 } })), '2.5 captures/s');
  const stages = made().stages.map((stage) => ({ ...stage, lastEnd: null }));
  assert.equal(rateText(made({ stages })), undefined);
});

test('where a job goes no further it says why, and what goes on with it', () => {
  const failed = made({ state: 'failed', end: { state: 'failed', stage: 'reduce', task: 3, reason: 'no room' } });
  assert.match(statusText(failed, 's3://results/'), /state {6}failed: reduce task 3: no room\n/);
  assert.match(statusText(failed, 's3://results/'), /next: flowstitch resume 0123456789abcdef\n$/);
  const cancelled = made({ state: 'cancelled', end: { state: 'cancelled', at: Date.UTC(2026, 0, 2, 3, 5, 0) } });
  assert.match(statusText(cancelled, 's3://results/'), /state {6}cancelled 2026-01-02 03:05:00 UTC\n/);
  const superseded = made({ state: 'superseded', end: { state: 'superseded', by: 'fedcba9876543210' } });
  assert.match(
    statusText(superseded, 's3://results/'),
    /superseded: not run, for job fedcba9876543210 has all its captures\n/,
  );
  assert.match(statusText(superseded, 's3://results/'), /next: flowstitch status fedcba9876543210 --watch\n$/);
  assert.equal(stateText(superseded), 'superseded by fedcba98');
});

test('a committed job ends with its summary, what it took, and what its requests cost', async (t) => {
  const pipeline = localPipeline(t);
  const { job } = await pipeline.submit(await captures(t, 2));
  await pipeline.work();
  const known = await jobStatus(pipeline.store, job);
  const at = Date.now();
  const stages = known.stages.map((stage) => ({ ...stage, sentAt: at, lastEnd: at + 4000 }));
  const requests = { 's3.get': 1_000_000, 's3.put': 100_000, 's3.list': 900, 's3.delete': 1e9, 'sqs.send': 630 };
  const text = statusText({ ...known, stages, taskSeconds: 7200, requests }, 's3://results/');
  assert.match(text, /state {6}committed\n/);
  assert.match(text, /\nsessions {6}2, none spanning several captures\n/);
  assert.match(text, /\ntime {10}4\.0 s, 5 packets\/s; 2 h 0 min of function time\n/);
  assert.match(text, /\nrequests {6}1,000,000 reads, 100,900 writes and listings, 630 sends: about \$0\.90\n/);
  assert.match(text, /\nnext: flowstitch sql --query \w+ --data s3:\/\/results\/ --dataset test\n$/);
  const behind = statusText({ ...known, notInCatalog: 'AccessDenied: no \x1b[2Jgrant' }, 's3://results/');
  assert.match(
    behind,
    /Athena does not see this job yet, .* tried again every five minutes: AccessDenied: no .*\[2Jgrant\n$/,
  );
  assert.ok(!behind.includes('\x1b'));
});

test('the cost of requests is that of each kind, removals are free', () => {
  const dollars = requestCost({ 's3.put': 1000, 's3.get': 10_000, 's3.delete': 5, bytesRead: 1e12 });
  assert.equal(dollars.toFixed(6), '0.009000');
  const texts = ['less than $0.01', 'about $0.50', 'about $12', 'about $1,235'];
  assert.deepEqual([0.002, 0.5, 12.3, 1234.5].map(aboutDollars), texts);
});

test('jobs are a table with their states; starts that could not be stand below', async (t) => {
  const pipeline = localPipeline(t);
  const { job: first } = await pipeline.submit(madeUpCaptures('a', 'b'));
  const { job: second } = await pipeline.submit(madeUpCaptures('a'));
  const entries = await listJobs(pipeline.store);
  const at = Date.UTC(2026, 0, 2, 3, 4, 5);
  for (const entry of entries) entry.submitted = at;
  entries.sort((a, b) => b.captures - a.captures);
  const refused = [{ at, object: 's3://captures/x/_READY', reason: "unknown option 'paquets'" }];
  assert.equal(
    jobsText(entries, await jobStates(pipeline.store, entries), refused, undefined, 'captures'),
    `job               data set  state                   captures  size   submitted
----------------  --------  ----------------------  --------  -----  -----------------------
${first}  test      running                 2         200 B  2026-01-02 03:04:05 UTC
${second}  test      queued behind ${first.slice(0, 8)}  1         100 B  2026-01-02 03:04:05 UTC

1 rejected automatic start:
  2026-01-02 03:04:05 UTC  s3://captures/x/_READY: unknown option 'paquets'
`,
  );
  assert.equal(
    jobsText([], [], [], undefined, 'captures'),
    'there are no jobs yet: flowstitch submit s3://captures/PREFIX/ starts one\n',
  );
  assert.equal(jobsText([], [], [], 'x', 'captures'), "there are no jobs of data set 'x'\n");
});

test('cancelling says what remains, stage by stage, and what goes on with it', async (t) => {
  const pipeline = localPipeline(t);
  const { job } = await pipeline.submit(await captures(t, 3));
  await pipeline.work(2);
  assert.equal(
    await cancelText(pipeline.store, pipeline.queue, job.slice(0, 8)),
    `job ${job} is cancelled; running tasks finish. Remaining: map 2 of 3 tasks, then balance, merge, reduce, publish, commit

next: flowstitch resume ${job} continues it
`,
  );
  assert.equal(await cancelText(pipeline.store, pipeline.queue, job), `job ${job} has already ended: cancelled\n`);
  const { text } = await resumeText(pipeline.store, pipeline.queue, job.slice(0, 8));
  assert.equal(text, `job ${job}: continues\n\nnext: flowstitch status ${job} --watch\n`);
  await pipeline.work();
  assert.equal(await cancelText(pipeline.store, pipeline.queue, job), `job ${job} has already ended: committed\n`);
  assert.equal(remainingText(await jobStatus(pipeline.store, job)), 'nothing');
  assert.match((await resumeText(pipeline.store, pipeline.queue, job)).text, /is complete: there is nothing to retry/);
});

test('resuming names the job that waits before it, and the one that tries again what could not be read', async (t) => {
  const pipeline = localPipeline(t);
  const { job: first } = await pipeline.submit(madeUpCaptures('a'));
  await cancelText(pipeline.store, pipeline.queue, first);
  const { job: second } = await pipeline.submit(madeUpCaptures('b'));
  assert.match(
    (await resumeText(pipeline.store, pipeline.queue, first)).text,
    new RegExp(`queued behind job ${second}\n`),
  );

  const other = localPipeline(t);
  const [one, two] = await captures(t, 2);
  const { job } = await other.submit([one, { ...two, refused: { reason: 'capture_archived', detail: 'restore it' } }]);
  await other.work();
  const resumed = await resumeText(other.store, other.queue, job);
  assert.equal(
    resumed.text.split('\n')[0],
    `job ${job} is left as it is; job ${resumed.job} retries 1 capture that could not be read`,
  );
});

class Lines {
  readonly columns = null;
  text = '';

  write(text: string): void {
    this.text += text;
  }
}

test('watching shows each stage, and ends when the job has', async (t) => {
  const pipeline = localPipeline(t);
  const { job } = await pipeline.submit(await captures(t, 2));
  const lines = new Lines();
  const watched = follow(pipeline.store, job, lines, 1);
  for (let done = 1; done > 0; ) {
    done = (await pipeline.work(1)).length;
    // Long enough for the watcher to look.
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  const ended = await watched;
  assert.ok(ended !== INTERRUPTED && ended.state === 'committed');
  assert.match(lines.text, /^1\/7 plan {2}0 of 1 task/);
  assert.match(lines.text, /\n2\/7 map {2}\d of 2 tasks/);
});

test('exit codes: 0 committed whole, 2 committed with damage, 1 failed or cancelled', async (t) => {
  const pipeline = localPipeline(t);
  const [one, two] = await captures(t, 2);
  const refused = { reason: 'capture_archived', detail: 'restore it' };
  const whole = await pipeline.submit([one]);
  const damaged = await pipeline.submit([one, { ...two, refused }]);
  await pipeline.work();
  const cancelled = await pipeline.submit(madeUpCaptures('a'));
  await cancelText(pipeline.store, pipeline.queue, cancelled.job);
  const codes: number[] = [];
  for (const { job } of [whole, damaged, cancelled]) {
    const ended = await follow(pipeline.store, job, null, 1);
    assert.ok(ended !== INTERRUPTED);
    codes.push(exitCodeOf(ended));
  }
  assert.deepEqual(codes, [0, 2, 1]);
});

test('mistakes in the call are noticed before anybody is asked', async () => {
  const cases: [Command, string[], RegExp][] = [
    [STATUS, [], /status: give the id of one job, or its first digits; flowstitch jobs lists them/],
    [STATUS, ['01', '02'], /status: give the id of one job/],
    [CANCEL, ['site-a'], /cancel: 'site-a' is not a job id; flowstitch jobs lists them/],
    [CANCEL, ['01', '--wait'], /cancel: unknown option --wait; flowstitch cancel --help lists the options/],
    [JOBS, ['0123'], /jobs: takes no arguments; flowstitch status JOB shows one job/],
  ];
  for (const [command, args, message] of cases) await assert.rejects(runCommand(command, args), message);
});
