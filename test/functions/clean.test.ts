/** The clean function: what starts it, and that it goes on where its time ends. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { CLEANING_EVENT, ENDED_EVENT } from '../../shared/control/jobended.ts';
import { enterRunning } from '../../shared/control/runningjobs.ts';
import { CLEANINGS_PREFIX, jobKey, SHARDS_PREFIX } from '../../shared/job/protocol/keys.ts';
import { fakeEvents, fakeS3, invocation, work } from './environment.ts';

const { handler } = await import('../../functions/clean.ts');
const SCHEDULE = { 'detail-type': 'Scheduled Event' };
const SHARD = `${SHARDS_PREFIX}0a/1b/0.arrow`;

beforeEach(async () => {
  fakeS3.objects.clear();
  fakeEvents.events.length = 0;
  await work.put(SHARD, new Uint8Array(8));
});

async function there(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of work.list(prefix)) keys.push(key);
  return keys;
}

test('the schedule cleans; the end of a job does not, unless a cleaning is due', async () => {
  await handler({ 'detail-type': ENDED_EVENT }, invocation());
  assert.deepEqual(await there(SHARDS_PREFIX), [SHARD]);
  await handler(SCHEDULE, invocation());
  assert.deepEqual([await there(SHARDS_PREFIX), await there(CLEANINGS_PREFIX)], [[], []]);
});

test('a cleaning that finds a job at work is done at the end of that job', async () => {
  await enterRunning(work, 'site-a', 'j');
  await work.put(jobKey('j'), new Uint8Array(0));
  await handler(SCHEDULE, invocation());
  assert.deepEqual(await there(SHARDS_PREFIX), [SHARD]);
  await work.remove([jobKey('j')]);
  await handler({ 'detail-type': ENDED_EVENT }, invocation());
  assert.deepEqual([await there(SHARDS_PREFIX), await there(CLEANINGS_PREFIX)], [[], []]);
});

test('one whose time ends goes on in another invocation', async () => {
  await handler(SCHEDULE, invocation(1000));
  assert.deepEqual(
    fakeEvents.events.map(({ DetailType, Detail }) => [DetailType, JSON.parse(Detail) as unknown]),
    [[CLEANING_EVENT, { stack: process.env.FLOWSTITCH_STACK }]],
  );
  assert.deepEqual(await there(SHARDS_PREFIX), [SHARD]);
  await handler({ 'detail-type': CLEANING_EVENT }, invocation());
  assert.deepEqual(await there(SHARDS_PREFIX), []);
});
