/** Prefixes whose listing takes several invocations, at once and with processes that die at any call: each data set gets its one job. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turnsOf } from '../../shared/control/turns.ts';
import { datasetKey } from '../../shared/job/protocol/keys.ts';
import { jsonBytes } from '../../shared/store/jsonobject.ts';
import { type LaterMessage, onLater, onUpload, type UploadContext } from '../../shared/upload/uploads.ts';
import { Life } from '../job/chaos.ts';
import { between, random, SEED } from '../job/harness.ts';
import { automatic, named } from './automatic.ts';
import { HOME, UploadWorld } from './uploadworld.ts';

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
