/**
 * Jobs that uploads start: by a marker, and by quiet. Events come twice, late and in any order, listings take several
 * invocations, and processes die at any call: each data set gets the one job with all its captures.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type LaterMessage,
  listRefusals,
  MOST_CHECKS,
  MOST_PARTS,
  onLater,
  onUpload,
  type UploadContext,
} from '../../shared/upload/uploads.ts';
import {
  DEFAULT_QUIET_SECONDS,
  MOST_QUIET_SECONDS,
  putWatchedPrefix,
  removeWatchedPrefix,
} from '../../shared/upload/watchedprefixes.ts';
import { Life } from '../job/chaos.ts';
import { random, SEED } from '../job/harness.ts';
import { automatic, QUIET_MS, SITE } from './automatic.ts';
import { HOME, NOTHING, UploadWorld } from './uploadworld.ts';

test('a file that is plainly no capture starts no job, and one that may be a capture does', async () => {
  const world = await automatic();
  world.put('site-a/README.txt', 'what lies here');
  world.event('site-a/README.txt');
  world.put('site-a/sessions/dataset=d/job=0123456789abcdef/_SUCCESS', '');
  world.event('site-a/sessions/dataset=d/job=0123456789abcdef/_SUCCESS');
  await world.run();
  assert.deepEqual(
    world.handled.map(({ outcome }) => outcome),
    ['ignored', 'ignored'],
  );
  assert.deepEqual(await world.jobs('site-a'), []);
  for (const [name, text] of [
    ['sensor-7', '\0\x01\x02\x03 packets'],
    ['text.pcap', 'text'],
  ]) {
    const other = await automatic();
    other.put(`site-a/${name}`, text);
    other.event(`site-a/${name}`);
    await other.run();
    assert.equal((await other.jobs('site-a')).length, 1, name);
  }
});

test('uploads outside automatic prefixes, and in other buckets, mean nothing', async () => {
  const world = await automatic();
  world.event('site-b/x.pcap');
  world.event('site-a/x.pcap', world.now, 'another-bucket');
  world.event('site-a/my_READY/x_READY.txt', world.now, 'another-bucket');
  await world.run();
  assert.ok(world.handled.every(({ outcome }) => outcome === 'ignored'));
  assert.deepEqual(world.delays, []);
});

test(`5,000 uploads whose events come in any order, twice and late: one job with all of them, after quiet only (seed ${SEED})`, async () => {
  const next = random(SEED);
  const world = await automatic(next, true);
  const UPLOADS = 5000;
  const begin = world.now;
  let newest = begin;
  for (let number = 0; number < UPLOADS; number++) {
    const key = `site-a/${String(number).padStart(5, '0')}.pcap`;
    // Over ten minutes; a pause of ninety seconds in the middle is none yet.
    const at = begin + Math.floor((number / UPLOADS) * 600_000) + (number > UPLOADS / 2 ? 90_000 : 0);
    newest = Math.max(newest, at);
    world.at(at, () => world.put(key));
    for (const late of [5_000, 60_000, next() < 0.002 ? 3_600_000 : 120_000])
      world.event(key, at + Math.floor(next() * late));
  }
  await world.run();
  const jobs = await world.jobs('site-a');
  assert.deepEqual(
    jobs.map(({ captures, names }) => [captures, new Set(names).size]),
    [[UPLOADS, UPLOADS]],
    `SEED=${SEED}`,
  );
  const submitted = world.outcomes('submitted');
  assert.ok(submitted.every(({ at }) => at >= newest + QUIET_MS));
  // Due two minutes after the last event of the newest one at most, and half a minute for the clock's slots.
  assert.ok(submitted[0].at <= newest + 120_000 + QUIET_MS + 31_000, `${(submitted[0].at - newest) / 1000} s after`);
  assert.ok(submitted.every(({ job }) => job === jobs[0].job));
  assert.deepEqual([...new Set(world.sent.map(({ job, stage }) => `${job} ${stage}`))], [`${jobs[0].job} plan`]);
  // Checks are sent by the half minute, not by the event.
  assert.ok(world.delays.length <= 2 * 130, `${world.delays.length} checks`);
});

test('a data set is quiet for as long as it asks for, longer than a queue can delay a message', async () => {
  const world = await automatic(random(SEED), false, { quietSeconds: 7200 });
  world.put('site-a/x.pcap');
  world.event('site-a/x.pcap');
  const from = world.now;
  await world.run();
  const [{ at }] = world.outcomes('submitted');
  // Its checks are a hundredth of that apart.
  assert.ok(at - from >= 7_200_000 && at - from <= 1.01 * 7_200_000 + 1000, `${(at - from) / 1000} s`);
  assert.equal(Math.max(...world.delays), 900);
});

test('the longest quiet is waited for, with every message doubled, and its checks are few while uploads go on', async () => {
  const world = await automatic(random(SEED), true, { quietSeconds: MOST_QUIET_SECONDS });
  const begin = world.now;
  const HOURS = 24;
  for (let minute = 0; minute <= HOURS * 60; minute++)
    world.at(begin + minute * 60_000, () => {
      world.put(`site-a/${minute}.pcap`);
      world.event(`site-a/${minute}.pcap`);
    });
  await world.run(begin + HOURS * 3_600_000);
  // One for each hundredth of the quiet, each put off every 15 minutes, and the doubles of the queue only once.
  const checks = (HOURS * 3600) / (MOST_QUIET_SECONDS / 100) + 1;
  assert.ok(world.delays.length <= 2 * checks * HOURS * 4, `${world.delays.length} messages`);
});

for (const [name, times, jobsPerHour] of [
  ['every quarter of an hour', { quietSeconds: null, everySeconds: 900 }, 4],
  ['after quiet, at least every half hour', { quietSeconds: DEFAULT_QUIET_SECONDS, everySeconds: 1800 }, 2],
] as const)
  test(`a sensor that uploads each minute starts jobs ${name}; each capture is in the next one, and when it pauses no more start`, async () => {
    const world = await automatic(random(SEED), true, times);
    const begin = world.now;
    const HOURS = 3;
    for (let minute = 0; minute < HOURS * 60; minute++)
      world.at(begin + minute * 60_000 + 5000, () => {
        world.put(`site-a/${String(minute).padStart(4, '0')}.pcap`);
        world.event(`site-a/${String(minute).padStart(4, '0')}.pcap`);
      });
    await world.run();
    // When each was started first.
    const submitted = world.outcomes('submitted').toReversed();
    const started = new Map(submitted.map(({ job, captures, at }) => [job, { captures, at }]));
    const sizes = [...started.values()].map(({ captures }) => captures).sort((a, b) => a - b);
    const every = times.everySeconds / 60;
    const expected = Array.from({ length: HOURS * jobsPerHour }, (_, n) => (n + 1) * every);
    assert.deepEqual(sizes, expected);
    // All messages are doubled: the second may come a minute after the first, and finds the same or one more.
    for (const { captures, at } of started.values())
      assert.ok(at - begin <= captures * 60_000 + 61_000, `${captures} captures after ${(at - begin) / 1000} s`);
  });

test('a check by the clock is ignored when the prefix waits for quiet alone since', async () => {
  const world = await automatic(random(SEED), false, { quietSeconds: null, everySeconds: 900 });
  world.put('site-a/x.pcap');
  world.event('site-a/x.pcap');
  await world.run(world.now);
  await putWatchedPrefix(world.store, SITE);
  await world.run();
  assert.deepEqual([world.outcomes('ignored').length, world.sent], [1, []]);
});

test('a check that is put off without end is given up, and that is written down with what to do', async () => {
  const world = await automatic(random(SEED), false, { quietSeconds: 3600 });
  world.put('site-a/x.pcap');
  const due = world.now + 3_600_000;
  // A queue that delivers at once, whatever delay it is asked for.
  let message: LaterMessage | undefined = { check: { dataset: 'site-a', kind: 'quiet', due, before: 0 } };
  let handled = 0;
  while (message !== undefined) {
    const context: UploadContext = world.context(new Life(() => 0));
    let next: LaterMessage | undefined;
    await onLater({ ...context, later: async (sent) => void (next = sent) }, message);
    message = next;
    handled++;
    assert.ok(handled <= MOST_CHECKS + 1);
  }
  assert.equal(handled, MOST_CHECKS + 1);
  const [{ object, reason }] = await listRefusals(world.store);
  assert.equal(object, 's3://captures-bucket/site-a/');
  assert.match(reason, /put off \d+ times.*flowstitch submit s3:\/\/captures-bucket\/site-a\/ starts the job/);
  assert.deepEqual(await world.jobs('site-a'), []);
});

test('a listing that never ends is given up after a thousand parts, and that is written down', async () => {
  const world = new UploadWorld(random(SEED));
  const messages: LaterMessage[] = [];
  let parts = 0;
  const endless = (): UploadContext => ({
    ...world.context(new Life(() => 0)),
    later: async (sent) => void messages.push(sent),
    list: async () => ({ captures: [], newest: 0, next: String(++parts), skipped: NOTHING }),
    deadline: 0,
  });
  world.put('site-a/_READY', '');
  await onUpload(endless(), HOME, 'site-a/_READY');
  for (let message = messages.pop(); message !== undefined; message = messages.pop()) await onLater(endless(), message);
  assert.equal(parts, MOST_PARTS);
  assert.match((await listRefusals(world.store))[0].reason, /not done after 1000 parts/);
});

test('what was put off for a data set that is not automatic any more, or that is empty again, starts nothing', async () => {
  const world = await automatic();
  world.put('site-a/x.pcap');
  world.event('site-a/x.pcap');
  world.at(world.now + 60_000, () => world.objects.clear());
  await world.run();
  assert.equal(world.outcomes('nothing there').length, 1);
  world.put('site-a/x.pcap');
  world.event('site-a/x.pcap');
  await world.run(world.now);
  await removeWatchedPrefix(world.store, 'site-a');
  await world.run();
  assert.deepEqual([world.outcomes('ignored').length, world.sent], [1, []]);
});

test('captures that come after the job has begun are a job of their own, which waits', async () => {
  const world = await automatic();
  for (const [name, after] of [
    ['one', 0],
    ['two', 3_600_000],
  ] as const) {
    world.at(world.now + after, () => world.put(`site-a/${name}.pcap`));
    world.event(`site-a/${name}.pcap`, world.now + after + 1000);
  }
  await world.run();
  const states = world.outcomes('submitted').map(({ captures, state }) => [captures, state]);
  assert.deepEqual(states, [
    [1, 'began'],
    [2, 'waits'],
  ]);
});

test('marker and quiet lead to the same job', async () => {
  const world = await automatic();
  for (const name of ['a.pcap', 'b.pcap', '_READY']) {
    world.put(`site-a/${name}`, name === '_READY' ? '' : undefined);
    world.event(`site-a/${name}`);
  }
  await world.run();
  assert.equal((await world.jobs('site-a')).length, 1);
  assert.equal(new Set(world.outcomes('submitted').map(({ job }) => job)).size, 1);
});
