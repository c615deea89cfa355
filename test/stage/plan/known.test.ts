/** What plan knows from earlier jobs is not found out again, and costs nothing but that where it is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError } from '../../../shared/store/objectstore.ts';
import { type Batch, Batches } from './batches.ts';
import { SmallCaptures } from './smallcaptures.ts';

const names = ({ specs }: Batch): string[][] => specs.map(({ captures }) => captures.map(({ name }) => name));
const groups = ({ specs }: Batch): string[] => specs.map(({ group }) => group);

test('a second job over the same captures reads no head, and maps nothing', async () => {
  const batches = new Batches(new SmallCaptures(30));
  const first = await batches.run(batches.captures.refs);
  assert.equal(first.heads.length, 30);
  const second = await batches.run(batches.captures.refs);
  assert.deepEqual([second.heads, second.mapped], [[], []]);
  assert.deepEqual(second.specs, first.specs);
  assert.ok(second.results.every(({ reused }) => reused));
});

test('only the heads of new captures are read, and of those of a new version', async () => {
  const batches = new Batches(new SmallCaptures(12));
  const { refs } = batches.captures;
  await batches.run(refs.slice(0, 10));
  assert.deepEqual((await batches.run(refs)).heads, ['s3://captures/10', 's3://captures/11']);
  refs[3] = { ...refs[3], version: 'other' };
  assert.deepEqual((await batches.run(refs)).heads, ['s3://captures/3']);
  refs[3] = { ...refs[3], size: refs[3].size + 1 };
  assert.deepEqual((await batches.run(refs)).heads, ['s3://captures/3']);
});

test('a head that could not be read is tried again by the next job', async () => {
  const batches = new Batches(new SmallCaptures(3));
  batches.captures.fails.set('s3://captures/1', new StoreError('io', '1', 'the connection broke'));
  const run = batches.run(batches.captures.refs);
  await assert.rejects(run, /the connection broke/);
  batches.captures.fails.clear();
  assert.deepEqual((await batches.run(batches.captures.refs)).heads, ['s3://captures/1']);
});

test('heads read with other bounds on compression are others', async () => {
  const batches = new Batches(new SmallCaptures(3));
  await batches.run(batches.captures.refs);
  const bounded = { ...batches.config, compression: { zstdWindow: 2 ** 20, ratio: 100 } };
  Object.assign(batches.config, bounded);
  assert.equal((await batches.run(batches.captures.refs)).heads.length, 3);
});

for (const [how, damage] of [
  ['cut off', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 7)],
  ['empty', () => new Uint8Array()],
  ['changed in one bit', (bytes: Uint8Array) => bytes.with(9, bytes[9] ^ 4)],
] as const)
  test(`parts of what is known that are ${how} are named and found out again, and the tasks are the same`, async () => {
    const batches = new Batches(new SmallCaptures(20));
    await batches.run(batches.captures.refs.slice(0, 10));
    const first = await batches.run(batches.captures.refs);
    const keys = batches.known();
    assert.equal(keys.length, 2, 'heads and groups');
    for (const key of keys) batches.store.objects.set(key, damage(batches.store.objects.get(key)!));
    const second = await batches.run(batches.captures.refs);
    assert.equal(batches.damaged.length, 2);
    assert.match(batches.damaged[0], /^datasets\/.*\/known\/.* is damaged/);
    assert.deepEqual(second.mapped, [], 'shards are found by their summaries');
    assert.deepEqual(names(second).flat().sort(), names(first).flat().sort());
    assert.equal(second.heads.length, 20);
    assert.equal((await batches.run(batches.captures.refs)).heads.length, 0);
  });

test('without what was known, jobs are planned and mapped as ever', async () => {
  const batches = new Batches(new SmallCaptures(20));
  await batches.run(batches.captures.refs);
  for (const key of batches.known()) batches.store.objects.delete(key);
  assert.deepEqual((await batches.run(batches.captures.refs)).mapped, []);
  for (const key of batches.store.objects.keys()) if (key.startsWith('shards/')) batches.store.objects.delete(key);
  assert.equal((await batches.run(batches.captures.refs)).mapped.length, 20);
});

test('a group that was planned and never mapped is none: its captures are planned anew', async () => {
  const batches = new Batches(new SmallCaptures(4));
  const { refs } = batches.captures;
  batches.captures.fails.set('s3://captures/0', new StoreError('refused', '0', 'allow s3:GetObject'));
  await batches.run(refs.slice(0, 2));
  batches.captures.fails.clear();
  const second = await batches.run(refs);
  assert.deepEqual(names(second), [['s3://captures/1'], ['s3://captures/3', 's3://captures/2', 's3://captures/0']]);
});

test('two jobs that plan at the same time lose nothing of what they know', async () => {
  const batches = new Batches(new SmallCaptures(20));
  const { refs } = batches.captures;
  await Promise.all([batches.run(refs.slice(0, 10)), batches.run(refs.slice(10))]);
  assert.deepEqual((await batches.run(refs)).heads, []);
});

test('groups of small batches become few tasks, without a capture being read again', async () => {
  const size = 10;
  const count = 60;
  const batches = new Batches(new SmallCaptures(size * count));
  const { refs } = batches.captures;
  for (let batch = 1; batch <= count; batch++) {
    const run = await batches.run(refs.slice(0, batch * size));
    assert.equal(run.heads.length, size);
    assert.equal(run.mapped.length, size);
    assert.ok(run.specs.length <= 5, `${run.specs.length} tasks for ${batch} batches`);
    assert.deepEqual(
      names(run).flat().sort(),
      refs
        .slice(0, batch * size)
        .map(({ name }) => name)
        .sort(),
      'each capture once',
    );
    assert.deepEqual(await batches.summarised(run), names(run));
  }
});

test('what a batch costs plan and map in requests is constant, however many there were', async () => {
  const size = 10;
  const count = 100;
  const batches = new Batches(new SmallCaptures(size * count));
  const sums: number[] = [];
  const mapped: number[] = [];
  for (let batch = 1; batch <= count; batch++) {
    const { sum, mapRequests } = await batches.run(batches.captures.refs.slice(0, batch * size));
    sums.push(sum);
    mapped.push(mapRequests);
  }
  const rest = sums.slice(10);
  // A class of sizes may just have been emptied, and then there is a task less of it, or two.
  assert.ok(Math.max(...rest) - Math.min(...rest) <= 3, `plan: ${rest.join(' ')}`);
  // As many tasks as there are classes of sizes, and a new one: when a class is full for the first time, one more.
  const early = Math.max(...mapped.slice(0, 20));
  assert.ok(Math.max(...mapped) <= early + 10, `map: ${mapped.join(' ')}`);
});

test('joined groups of which one capture is gone are used one by one', async () => {
  const batches = new Batches(new SmallCaptures(50));
  const { refs } = batches.captures;
  for (let end = 10; end <= 50; end += 10) await batches.run(refs.slice(0, end));
  assert.ok(batches.joined().length > 0);
  const run = await batches.run(refs.slice(1));
  // The nine that were mapped with it.
  assert.equal(run.mapped.length, 9);
  assert.equal(run.heads.length, 0);
});

test('swapped names of captures alike but for their versions cost their own group alone', async () => {
  const captures = new SmallCaptures(40);
  const { refs } = captures;
  // Stored alike, as by a copy.
  captures.copy('s3://captures/10', 's3://captures/11');
  const batches = new Batches(captures);
  for (let end = 10; end <= 40; end += 10) await batches.run(refs.slice(0, end));
  const swapped = refs.map((ref) => {
    if (ref === refs[10]) return { ...refs[11], version: ref.version };
    return ref === refs[11] ? { ...refs[10], version: ref.version } : ref;
  });
  const run = await batches.run(swapped);
  assert.deepEqual(run.heads, [], 'heads have no names');
  assert.equal(run.mapped.length, 10);
});

test('a joined summary that is damaged or gone is made of those that it joined', async () => {
  const batches = new Batches(new SmallCaptures(50));
  const { refs } = batches.captures;
  for (let end = 10; end <= 50; end += 10) await batches.run(refs.slice(0, end));
  for (const key of batches.joined()) batches.store.objects.set(key, new Uint8Array(5));
  const damaged = await batches.run(refs);
  assert.deepEqual(damaged.mapped, []);
  assert.deepEqual(await batches.summarised(damaged), names(damaged));
  for (const key of batches.joined()) batches.store.objects.delete(key);
  const gone = await batches.run(refs);
  assert.deepEqual(gone.mapped, []);
  assert.deepEqual(await batches.summarised(gone), names(gone));
});

test('of joined groups one of which has lost its shards, that one alone is mapped again', async () => {
  const batches = new Batches(new SmallCaptures(50));
  const { refs } = batches.captures;
  const first = await batches.run(refs.slice(0, 10));
  for (let end = 20; end <= 50; end += 10) await batches.run(refs.slice(0, end));
  const [lost] = groups(first);
  const keys = [...batches.store.objects.keys()].filter((key) => key.includes(`/${lost}/`));
  assert.ok(keys.length > 0);
  for (const key of [...keys, ...batches.joined()]) batches.store.objects.delete(key);
  const run = await batches.run(refs);
  assert.equal(run.mapped.length, 10);
  assert.deepEqual(await batches.summarised(run), names(run));
});
