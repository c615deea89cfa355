/** flowstitch watch: prefixes that start jobs by themselves. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { COMMAND, sourcesText, startWatching, stopWatching } from '../../../cli/commands/watch.ts';
import { getWatchedPrefix, listWatchedPrefixes } from '../../../shared/upload/watchedprefixes.ts';
import { MemoryStore } from '../../job/memorystore.ts';
import { runCommand } from '../harness.ts';

delete process.env.npm_command;

const NAMES = { capturesBucket: 'captures', stack: 'mine' };

test('a prefix is watched under its own name, with what its jobs are to do', async () => {
  const work = new MemoryStore();
  const given = { packets: true, 'tcp-timeout': '10m' };
  const text = await startWatching({ work, ...NAMES }, 's3://captures/site-a/', { quietSeconds: 300 }, given);
  assert.deepEqual(await getWatchedPrefix(work, 'site-a'), {
    dataset: 'site-a',
    bucket: 'captures',
    prefix: 'site-a/',
    quietSeconds: 300,
    options: given,
  });
  assert.match(text, /^data set site-a: uploads to s3:\/\/captures\/site-a\/ start a job after 5m of quiet\n/);
  assert.match(text, /next: flowstitch submit s3:\/\/captures\/site-a\/ --packets --tcp-timeout 10m\n$/);
});

test('asked for again it is changed; another prefix under the same name is refused', async () => {
  const work = new MemoryStore();
  await startWatching({ work, ...NAMES }, 's3://captures/site-a/', { quietSeconds: 120 }, { packets: true });
  await startWatching({ work, ...NAMES }, 's3://captures/site-a/', { quietSeconds: 60 }, {});
  assert.deepEqual(
    (await listWatchedPrefixes(work)).map(({ quietSeconds, options }) => [quietSeconds, options]),
    [[60, {}]],
  );
  await assert.rejects(
    startWatching({ work, ...NAMES }, 's3://captures/site-b/', { quietSeconds: 60 }, { dataset: 'site-a' }),
    /data set site-a already watches s3:\/\/captures\/site-a\/: .*--dataset, or .*watch --off site-a/,
  );
  const text = await startWatching({ work, ...NAMES }, 's3://captures/site-b/', { quietSeconds: 60 }, { dataset: 'b' });
  assert.match(text, /submit s3:\/\/captures\/site-b\/ --dataset b\n$/);
  assert.deepEqual((await getWatchedPrefix(work, 'b'))?.options, {});
});

test('another bucket than the one that tells of uploads is refused with a sentence', async () => {
  const work = new MemoryStore();
  await assert.rejects(
    startWatching({ work, ...NAMES }, 's3://elsewhere/site-a/', { quietSeconds: 60 }, {}),
    /cannot watch s3:\/\/elsewhere\/site-a\/: only uploads to the pipeline's own bucket, s3:\/\/captures\/, notify it.*deploy stack mine/,
  );
  assert.deepEqual(await listWatchedPrefixes(work), []);
});

test('it ends for a prefix or for a data set, and is an error for what is not watched', async () => {
  const work = new MemoryStore();
  await startWatching({ work, ...NAMES }, 's3://captures/a/', { quietSeconds: 60 }, {});
  await startWatching(
    { work, ...NAMES },
    's3://captures/a/',
    { quietSeconds: 60 },
    { dataset: 'a-long', 'tcp-timeout': '1h' },
  );
  await startWatching({ work, ...NAMES }, 's3://captures/b/', { quietSeconds: 60 }, {});
  assert.equal(
    await stopWatching(work, 's3://captures/a/'),
    'data set a-long: s3://captures/a/ is no longer watched\ndata set a: s3://captures/a/ is no longer watched\n',
  );
  assert.match(await stopWatching(work, 'b'), /^data set b: s3:\/\/captures\/b\/ is no longer watched\n$/);
  await assert.rejects(stopWatching(work, 'b'), /b is not watched; flowstitch watch lists what is/);
  await assert.rejects(stopWatching(work, 's3://captures/b/'), /is not watched/);
});

test('the list has prefixes, quiet and options', async () => {
  const work = new MemoryStore();
  assert.match(
    sourcesText([], 'captures'),
    /^nothing is watched: flowstitch watch s3:\/\/captures\/PREFIX\/ starts a job after uploads/,
  );
  await startWatching(
    { work, ...NAMES },
    's3://captures/a/',
    { quietSeconds: 90 },
    { packets: true, 'udp-timeout': '2m' },
  );
  await startWatching(
    { work, ...NAMES },
    's3://captures/\x1b[2Jb/',
    { quietSeconds: 120, everySeconds: 3600 },
    { dataset: 'b' },
  );
  await startWatching({ work, ...NAMES }, 's3://captures/c/', { quietSeconds: null, everySeconds: 900 }, {});
  assert.equal(
    sourcesText(await listWatchedPrefixes(work), 'captures'),
    `data set  prefix                   a job starts                          options
--------  -----------------------  ------------------------------------  --------------------------
a         s3://captures/a/         after 90s of quiet                    --packets --udp-timeout 2m
b         s3://captures/\\x1b[2Jb/  after 2m of quiet, at least every 1h
c         s3://captures/c/         every 15m
`,
  );
});

test('mistakes in the call are noticed before anybody is asked', async () => {
  const cases: [string[], RegExp][] = [
    [['s3://a/', 's3://b/'], /watch: give one prefix at a time/],
    [['--off'], /watch: --off needs the prefix/],
    [['site-a'], /'site-a' does not begin with s3:/],
    [['s3://a/', '--quiet-for', 'soon'], /--quiet-for takes a duration/],
    [['s3://a/', '--quiet-for', '30d'], /watch: --quiet-for takes from 1s up to 7d, not '30d'/],
    [['s3://a/', '--every', '10s'], /watch: --every takes from 1m up to 7d, not '10s'/],
    [['s3://a/', '--at-least-every', '8d'], /watch: --at-least-every takes from 1m up to 7d, not '8d'/],
    [['s3://a/', '--every', '1h', '--quiet-for', '2m'], /watch: --every .* with --quiet-for give --at-least-every/],
    [['s3://a/', '--key', 'mac'], /--key takes vlan and vni, not 'mac'/],
  ];
  for (const [args, message] of cases) await assert.rejects(runCommand(COMMAND, args), message);
});
