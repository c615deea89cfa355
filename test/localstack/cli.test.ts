/** The commands for the cloud as a person types them, on the pipeline that LocalStack runs. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { listJobs } from '../../shared/control/operate.ts';
import type { JobStatus } from '../../shared/control/status.ts';
import { type Outcome, scratchFolder, startFlowstitch } from '../cli/harness.ts';
import { type Cloud, sharedCloud } from './cloud.ts';
import { assertAsEmbedded, committed, putMarker, submit, upload } from './jobs.ts';
import { CREDENTIALS, localStackEndpoint, REGION, SKIPPED } from './running.ts';
import { cutSamples, demoSamples } from './samples.ts';
import { waitFor } from './stack.ts';

const endpoint = await localStackEndpoint();

describe('the command line on the pipeline of LocalStack', { skip: endpoint === null ? SKIPPED : false }, () => {
  let cloud: Cloud;
  before(async () => {
    cloud = await sharedCloud(endpoint!);
  });

  const flowstitch = (
    args: string[],
    env: NodeJS.ProcessEnv = {},
    onText?: Parameters<typeof startFlowstitch>[1],
  ): Promise<Outcome> =>
    startFlowstitch(args, onText, {
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      FLOWSTITCH_STACK: cloud.stack,
      ...env,
    });

  test('submit --wait ends with the summary; jobs and status tell of the job; sql answers from the bucket of results', async (t) => {
    const captures = demoSamples('cli demo+1/');
    await upload(cloud, captures);
    const place = `s3://${cloud.capturesBucket}/cli demo+1/`;
    const submitted = await flowstitch(['submit', place, '--packets', '--wait']);
    assert.equal(submitted.code, 0, submitted.stderr);
    assert.match(
      submitted.stderr,
      /^12 captures, [\d.]+ [KM]B under s3:\/\/.*\ndata set cli-demo-1-\w{8}, job \w{16}: started\n/,
    );
    const [, dataset, job] = /data set (\S+), job (\w+):/.exec(submitted.stderr)!;
    assert.match(submitted.stdout, /\nsessions {6}\d+, \d+ spanning several captures/);
    assert.match(submitted.stdout, /\nrequests {6}\d.* reads, .* writes and listings, .* sends: (about|less than) /);
    await assertAsEmbedded(cloud, job, captures);

    const again = await flowstitch(['submit', place, '--packets']);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, new RegExp(`job ${job}: was done before\n`));

    const listed = await flowstitch(['jobs', '--dataset', dataset]);
    assert.match(listed.stdout, new RegExp(`^job .*\n-.*\n${job}  ${dataset}  committed +12 `));
    const status = JSON.parse((await flowstitch(['status', job.slice(0, 10), '--json'])).stdout) as JobStatus;
    assert.deepEqual([status.entry.job, status.state, status.summary?.captures], [job, 'committed', 12]);

    const sql = await flowstitch(
      [
        'sql',
        'select (select count(*) from sessions) as s, (select count(*) from packets) as p',
        '--data',
        `s3://${cloud.resultsBucket}/`,
        '--dataset',
        dataset,
        '--csv',
      ],
      { XDG_CACHE_HOME: scratchFolder(t) },
    );
    const { sessions, conservation } = status.summary!;
    assert.equal(sql.stderr, '');
    assert.equal(sql.stdout, `s,p\n${sessions},${conservation.inSessions + conservation.fragmentsCompleted}\n`);
  });

  test('a job is watched, left with Ctrl-C, cancelled in the middle and resumed, and its tables are those of the embedded run', async () => {
    const captures = await cutSamples(11, 40, (number) => `cli-cancel/${number}`);
    await upload(cloud, captures);
    const { job } = await submit(cloud, 'cli-cancel/');
    let pressed = false;
    const watched = await flowstitch(['status', job, '--watch'], {}, (_, kill) => {
      // Pressed twice it would end the program at once.
      if (!pressed) kill('SIGINT');
      pressed = true;
    });
    assert.equal(watched.code, 130, watched.stderr);
    assert.match(
      watched.stderr,
      new RegExp(`the job keeps running: flowstitch status ${job} --watch follows it again`),
    );

    const cancelled = await flowstitch(['cancel', job]);
    assert.equal(cancelled.code, 0, cancelled.stderr);
    assert.match(cancelled.stdout, new RegExp(`^job ${job} is cancelled; .* Remaining: .*commit\n`));
    assert.equal((await flowstitch(['status', job, '--watch'])).code, 1);
    const resumed = await flowstitch(['resume', job, '--wait']);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stderr, new RegExp(`^job ${job}: continues\n`));
    await committed(cloud, job);
    await assertAsEmbedded(cloud, job, captures);
  });

  test('a capture that ends in the middle makes exit code 2, and is named', async () => {
    const [[, bytes]] = demoSamples('');
    await cloud.captures.put('cli-damaged/cut.pcap', bytes.subarray(0, bytes.length - 7));
    const place = `s3://${cloud.capturesBucket}/cli-damaged/`;
    const { code, stdout } = await flowstitch(['submit', place, '--wait', '--dataset', 'cli-damaged']);
    assert.equal(code, 2);
    assert.match(
      stdout,
      /1 capture could not be read completely:\n {2}s3:\/\/.*cli-damaged\/cut\.pcap: truncated at byte/,
    );
  });

  test('prefixes are watched, listed and left alone again; a marker with an unknown option is told by jobs', async () => {
    const place = `s3://${cloud.capturesBucket}/cli-watched/`;
    const watched = await flowstitch(['watch', place, '--quiet-for', '1h', '--packets']);
    assert.equal(watched.code, 0, watched.stderr);
    assert.match(
      (await flowstitch(['watch'])).stdout,
      /\ncli-watched +s3:\/\/.*\/cli-watched\/ +after 1h of quiet +--packets\n/,
    );
    assert.match(
      (await flowstitch(['watch', '--off', place])).stdout,
      /^data set cli-watched: .* is no longer watched\n$/,
    );
    const isListed = ({ stdout }: { stdout: string }): boolean =>
      (JSON.parse(stdout) as { dataset: string }[]).some(({ dataset }) => dataset === 'cli-watched');
    assert.equal(isListed(await flowstitch(['watch', place, '--json'])), true);
    assert.equal(isListed(await flowstitch(['watch', '--off', place, '--json'])), false);
    const elsewhere = await flowstitch(['watch', `s3://${cloud.resultsBucket}/x/`]);
    assert.match(elsewhere.stderr, /^flowstitch: cannot watch s3:.*only uploads to the pipeline's own bucket/);

    await putMarker(cloud, 'cli-watched/', { paquets: true } as object);
    const refused = await waitFor('the refusal', async () => {
      const { stdout } = await flowstitch(['jobs', '--dataset', 'cli-watched']);
      return /rejected automatic start:\n/.test(stdout) ? stdout : undefined;
    });
    assert.match(refused, /s3:\/\/.*\/cli-watched\/_READY: unknown option 'paquets'/);
    assert.deepEqual(await listJobs(cloud.work, 'cli-watched'), []);
  });

  test('what is not there is told in one sentence', async () => {
    const cases: [string[], RegExp][] = [
      [
        ['submit', 's3://no-such-bucket-of-anybody/'],
        /^flowstitch: there is no bucket no-such-bucket-of-anybody; check its name\n$/,
      ],
      [
        ['submit', `s3://${cloud.capturesBucket}/nothing/`],
        /^flowstitch: there are no captures under s3:\/\/.*\/nothing\//,
      ],
      [['status', '00'], /^flowstitch: there is no job 00 in this pipeline\n$/],
      [
        ['jobs', '--stack', 'nowhere'],
        /^flowstitch: there is no stack nowhere in us-east-1, .*: npm run deploy creates one/,
      ],
      [['sql', 'select 1', '--data', `s3://${cloud.resultsBucket}/x/`], /has no finished results yet/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await flowstitch(args);
      assert.deepEqual([code, stdout], [1, ''], args.join(' '));
      assert.match(stderr, message);
    }
  });
});
