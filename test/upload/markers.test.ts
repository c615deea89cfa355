/** Jobs that a marker starts: once, with its options and its own captures; what it may not say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turnsOf } from '../../shared/control/turns.ts';
import { inputsKey } from '../../shared/job/protocol/keys.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import { StoreError } from '../../shared/store/objectstore.ts';
import { listRefusals, onUpload } from '../../shared/upload/uploads.ts';
import { datasetOf, putWatchedPrefix } from '../../shared/upload/watchedprefixes.ts';
import { Life } from '../job/chaos.ts';
import { random, SEED } from '../job/harness.ts';
import { configOf, named, SITE, withMarker } from './automatic.ts';
import { HOME, UploadWorld } from './uploadworld.ts';

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
