/**
 * Jobs that uploads start: by a marker, and by quiet. Events come twice, late and in any order, listings take several
 * invocations, and processes die at any call: each data set gets the one job with all its captures.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turnsOf } from '../../shared/control/turns.ts';
import type { Job } from '../../shared/job/jobconfig.ts';
import { datasetKey, inputsKey, jobKey } from '../../shared/job/protocol/keys.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { getJson, jsonBytes } from '../../shared/store/jsonobject.ts';
import { StoreError } from '../../shared/store/objectstore.ts';
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
  datasetOf,
  MOST_QUIET_SECONDS,
  putWatchedPrefix,
  removeWatchedPrefix,
  type WatchedPrefix,
} from '../../shared/upload/watchedprefixes.ts';
import { Life } from '../job/chaos.ts';
import { between, random, SEED } from '../job/harness.ts';
import { HOME, NOTHING, UploadWorld } from './uploadworld.ts';

const QUIET_MS = DEFAULT_QUIET_SECONDS * 1000;

const SITE: WatchedPrefix = {
  dataset: 'site-a',
  bucket: HOME,
  prefix: 'site-a/',
  quietSeconds: DEFAULT_QUIET_SECONDS,
  options: {},
};

/** A world in which site-a/ starts jobs by itself. */
async function automatic(
  next = random(SEED),
  doubles = false,
  source: Partial<WatchedPrefix> = {},
): Promise<UploadWorld> {
  const world = new UploadWorld(next, doubles);
  await putWatchedPrefix(world.store, { ...SITE, ...source });
  return world;
}

const named = (key: string): string => `s3://${HOME}/${key}`;

/** A marker and two captures under a prefix. */
async function withMarker(
  prefix: string,
  text: string,
  before?: (world: UploadWorld) => Promise<void>,
): Promise<UploadWorld> {
  const world = new UploadWorld(random(SEED));
  await before?.(world);
  for (const name of ['a.pcap', 'b.pcap', '_READY']) world.put(prefix + name, name === '_READY' ? text : undefined);
  world.event(`${prefix}_READY`);
  await world.run();
  return world;
}

async function configOf(world: UploadWorld, job: string): Promise<Job['config']> {
  return (await getJson<Job>(world.store, jobKey(job)))!.config;
}

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

test('a marker starts a job over what lies under its prefix, at once', async () => {
  const world = await withMarker('site-a/', '');
  const [job, ...others] = await world.jobs('site-a');
  assert.deepEqual(others, []);
  assert.deepEqual(job.names, [named('site-a/a.pcap'), named('site-a/b.pcap')]);
  assert.deepEqual(job.source, { prefix: named('site-a/'), by: 'marker' });
  assert.deepEqual(world.sent, [{ job: job.job, stage: 'plan', task: 0 }]);
  const [{ at: _, ...outcome }] = world.handled;
  assert.deepEqual(outcome, { outcome: 'submitted', dataset: 'site-a', job: job.job, state: 'began', captures: 2 });
  assert.equal((await configOf(world, job.job)).packets, false);
});

test("a marker's options are the job's, its data set's name among them", async () => {
  const world = await withMarker(
    'site-a/',
    ' {"packets": true, "tcp-timeout": "1m", "dataset": "mine", "buckets": 64}\n',
  );
  assert.deepEqual(await world.jobs('site-a'), []);
  const [job] = await world.jobs('mine');
  const { packets, sessions, sharding } = await configOf(world, job.job);
  assert.deepEqual([packets, sessions.tcpInactivityUs, sharding.buckets], [true, 60e6, 64]);
});

test("under an automatic prefix a marker takes the data set's options, and its own before them", async () => {
  const before = (world: UploadWorld): Promise<void> =>
    putWatchedPrefix(world.store, { ...SITE, dataset: 'mine', options: { packets: true, buckets: 16 } });
  const plain = await withMarker('site-a/', '', before);
  const [job] = await plain.jobs('mine');
  const { packets, sharding } = await configOf(plain, job.job);
  assert.deepEqual([packets, sharding.buckets], [true, 16]);
  const changed = await withMarker('site-a/', '{"packets": false}', before);
  const own = await configOf(changed, (await changed.jobs('mine'))[0].job);
  assert.deepEqual([own.packets, own.sharding.buckets], [false, 16]);
});

test('a marker in the bucket itself, and under a prefix that is no plain name, finds a data set of its own', async () => {
  for (const prefix of ['', 'Zürich/käse +%\n🦈/']) {
    const world = await withMarker(prefix, '');
    const dataset = datasetOf(HOME, prefix, HOME);
    assert.match(dataset, /^[A-Za-z0-9_-]{1,64}$/);
    const [job] = await world.jobs(dataset);
    assert.deepEqual(job.names, [named(`${prefix}a.pcap`), named(`${prefix}b.pcap`)]);
  }
});

test('a marker that comes twice is one job; with captures more, another', async () => {
  const world = await withMarker('site-a/', '');
  world.event('site-a/_READY');
  await world.run();
  assert.equal((await world.jobs('site-a')).length, 1);
  world.put('site-a/c.pcap');
  world.event('site-a/_READY');
  await world.run();
  const jobs = await world.jobs('site-a');
  assert.deepEqual(jobs.map(({ captures }) => captures).sort(), [2, 3]);
  // One running job a data set: the second waits for the first.
  const { running, waiting } = await turnsOf(world.store, 'site-a');
  assert.deepEqual(
    [running, waiting],
    [jobs.find(({ captures }) => captures === 2)?.job, [jobs.find(({ captures }) => captures === 3)?.job]],
  );
});

test('a capture that is removed before the next start stays in the data set', async () => {
  const world = await withMarker('site-a/', '');
  world.objects.delete('site-a/a.pcap');
  world.put('site-a/c.pcap');
  world.event('site-a/_READY');
  await world.run();
  const [job] = (await world.jobs('site-a')).filter(({ captures }) => captures === 3);
  assert.deepEqual(
    job.names,
    ['a', 'b', 'c'].map((name) => named(`site-a/${name}.pcap`)),
  );
  const inputs = (await getJson<CaptureRef[]>(world.store, inputsKey(job.job)))!;
  assert.deepEqual(
    inputs.filter(({ kept }) => kept === true).map(({ name }) => name),
    [named('site-a/a.pcap')],
  );
});

for (const [text, reason] of [
  ['{"packets": tru', /neither empty nor JSON/],
  ['please', /neither empty nor JSON/],
  ['[1]', /options are a JSON object/],
  ['{"paquets": true}', /unknown option 'paquets'; options are packets, .*dataset/],
  ['{"packets": "yes"}', /'packets' takes a boolean, not "yes"/],
  ['{"tcp-timeout": "soon"}', /--tcp-timeout takes a duration/],
  ['{"dataset": "../mine"}', /--dataset takes up to 64 letters/],
  ['{"buckets": 1.5}', /--buckets takes a whole number/],
] as const)
  test(`a marker that says ${text} is refused, and that is written down`, async () => {
    const world = await withMarker('site-a/', text);
    assert.deepEqual(
      world.handled.map(({ outcome }) => outcome),
      ['refused'],
    );
    const refusals = await listRefusals(world.store);
    assert.deepEqual(
      refusals.map(({ object, at }) => [object, at]),
      [['s3://captures-bucket/site-a/_READY', world.now]],
    );
    assert.match(refusals[0].reason, reason);
    assert.deepEqual([await world.jobs('site-a'), world.sent], [[], []]);
  });

test('refused starts are told the newest first', async () => {
  const world = await withMarker('site-a/', '[1]');
  world.now += 60_000;
  world.put('site-b/_READY', 'no');
  world.event('site-b/_READY');
  await world.run();
  const objects = (await listRefusals(world.store)).map(({ object }) => object);
  assert.deepEqual(objects, [named('site-b/_READY'), named('site-a/_READY')]);
});

test('a marker that has been taken away again, and one with nothing beside it, start nothing', async () => {
  const world = new UploadWorld(random(SEED));
  world.event('site-a/_READY');
  world.put('site-b/_READY', '');
  world.event('site-b/_READY');
  await world.run();
  assert.deepEqual(world.handled.map(({ outcome }) => outcome).sort(), ['ignored', 'nothing there']);
  assert.deepEqual([await listRefusals(world.store), world.sent], [[], []]);
});

test('a marker that may not be read is refused; one that cannot be read at the moment is tried again', async () => {
  const world = new UploadWorld(random(SEED));
  const context = world.context(new Life(() => 0));
  const failing = (reason: 'refused' | 'io') => ({
    ...context,
    read: () => Promise.reject(new StoreError(reason, 'k', 'allow s3:GetObject')),
  });
  assert.equal((await onUpload(failing('refused'), HOME, 'site-a/_READY')).outcome, 'refused');
  await assert.rejects(onUpload(failing('io'), HOME, 'site-a/_READY'), /allow s3:GetObject/);
  const reasons = (await listRefusals(world.store)).map(({ reason }) => reason);
  assert.deepEqual(reasons, ['allow s3:GetObject']);
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

test('a listing that is too long for one invocation goes on in the next ones', async () => {
  const world = await automatic();
  world.pageKeys = 10;
  world.pagesInTime = 3;
  for (let number = 0; number < 95; number++) world.put(`site-a/${number}.pcap`);
  world.event('site-a/0.pcap');
  await world.run();
  assert.equal(world.outcomes('listing').length, 3);
  const [job] = await world.jobs('site-a');
  assert.deepEqual(job.names, [...world.objects.keys()].map(named).sort());
});

test(`invocations that list the same prefix at once, each as far as it gets, lose and double nothing (seed ${SEED})`, async () => {
  for (let round = 0; round < 20; round++) {
    const next = random(SEED + round);
    const world = new UploadWorld(next);
    for (let number = 0; number < 60; number++) world.put(`site-a/${number}.pcap`);
    const expected = [...world.objects.keys()].map(named).sort();
    world.put('site-a/_READY', '');
    const messages: LaterMessage[] = [];
    const invocation = (pages: number): UploadContext => {
      let left = pages;
      return {
        ...world.context(new Life(next)),
        list: async (_bucket, prefix, { after }) => {
          // How far a listing gets depends on the clock.
          world.pageKeys = between(next, 1, 12);
          return world.list(prefix, { after, deadline: 0 });
        },
        later: async (message) => void messages.push(message),
        deadline: 1,
        now: () => (left-- > 0 ? 0 : 1),
      };
    };
    await onUpload(invocation(1), HOME, 'site-a/_READY');
    for (let number = 0; number < messages.length; number++)
      await Promise.all([1, 2].map((pages) => onLater(invocation(pages), messages[number])));
    const jobs = await world.jobs('site-a');
    assert.deepEqual(
      jobs.map(({ names }) => names),
      [expected],
      `SEED=${SEED + round}`,
    );
  }
});

/** Three captures over ten minutes, their events, and a listing that takes two invocations. */
async function threeUploads(next: () => number): Promise<UploadWorld> {
  const world = await automatic(next);
  // What the data set's first job would draw is part of the jobs' ids.
  await world.store.put(datasetKey('site-a'), jsonBytes({ buckets: 1024, seed: 1 }));
  world.pageKeys = 2;
  world.pagesInTime = 1;
  for (const [name, minutes] of [
    ['one', 0],
    ['two', 1],
    ['three', 10],
  ] as const) {
    const at = world.now + minutes * 60_000;
    world.at(at, () => world.put(`site-a/${name}.pcap`));
    world.event(`site-a/${name}.pcap`, at + 1000);
  }
  return world;
}

test(`a process that dies before or after any of its calls never strands a data set (seed ${SEED})`, async (t) => {
  const whole = await threeUploads(random(SEED));
  await whole.run();
  const { calls } = whole.life;
  const expected = (await whole.jobs('site-a')).map(({ job }) => job).sort();
  assert.equal(expected.length, 2, 'the first two captures were quiet for nine minutes');
  t.diagnostic(`${calls} calls`);
  for (let k = 1; k <= calls; k++)
    for (const when of ['before', 'after'] as const) {
      const where = `SEED=${SEED}, crash ${when} call ${k} of ${calls}`;
      const world = await threeUploads(random(SEED));
      const life = new Life(() => 0, k, when);
      world.life = life;
      await world.run();
      assert.ok(life.ended, where);
      const jobs = (await world.jobs('site-a')).map(({ job }) => job).sort();
      assert.deepEqual(jobs, expected, where);
      const { running, waiting } = await turnsOf(world.store, 'site-a');
      assert.deepEqual([running, ...waiting].sort(), expected, where);
      assert.ok(
        world.sent.some(({ job, stage }) => job === running && stage === 'plan'),
        `the running job's first message was sent: ${where}`,
      );
    }
});
