/** What is lost behind everybody's back makes the job fail rather than show tables that look whole. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import { currentKey } from '../../../shared/job/protocol/keys.ts';
import type { StageList, StageResults } from '../../../shared/job/protocol/stageresults.ts';
import type { IntervalEnd } from '../../../shared/job/tasks/interval.ts';
import type { MapSummary } from '../../../shared/job/tasks/maptask.ts';
import { META_FRAGMENT } from '../../../shared/packet/columns.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import { SessionTracker } from '../../../shared/session/tracker.ts';
import { jsonBytes, parseJson } from '../../../shared/store/jsonobject.ts';
import type { ObjectStore } from '../../../shared/store/objectstore.ts';
import { demoCaptures, writeWhole } from '../../job/cutting.ts';
import { captureRefs, plainConfig, random, runJob, SEED, temporaryFolder, Workplace } from '../../job/harness.ts';
import { MemoryStore } from '../../job/memorystore.ts';
import { tunnelTraffic } from '../../job/tunneltraffic.ts';

const CONFIG = plainConfig({ packets: true, sizes: { partitionRows: 500, taskBytes: 200_000 } });

/** A store that gives some JSON objects otherwise than they were written, as if they had been. */
function changing(store: ObjectStore, key: RegExp, change: (text: string) => string): ObjectStore {
  const changed = async (at: string): Promise<Uint8Array> =>
    new TextEncoder().encode(change(new TextDecoder().decode(await store.get(at))));
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'get')
        return async (at: string, range?: { start: number; end: number }) =>
          key.test(at) ? changed(at) : target.get(at, range);
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The demo's captures through a job whose store lies. @returns the error that ended it; nothing of it is current */
async function failureOf(lie: (store: ObjectStore) => ObjectStore, begin = 0): Promise<string> {
  using folder = temporaryFolder();
  const place = new Workplace(folder.path);
  const honest = new MemoryStore();
  place.store = honest;
  const queue = new InProcessQueue();
  const refs = await captureRefs(demoCaptures().slice(begin));
  await startJob(place.store, queue, CONFIG, refs);
  place.store = lie(honest);
  let failure = '';
  await place.drain(queue, random(SEED)).catch((error: Error) => {
    failure = `${error.name}: ${error.message}`;
  });
  assert.equal(await place.results.head(currentKey(CONFIG.dataset)), undefined, 'something is shown');
  return failure;
}

/** Changes a JSON object. */
const edit =
  <T>(change: (value: T) => void) =>
  (text: string): string => {
    const value = parseJson<T>('a lie', Buffer.from(text));
    change(value);
    return Buffer.from(jsonBytes(value)).toString();
  };

/** The result in a done key. */
type Ended<S extends keyof StageResults> = { result: StageResults[S] };

describe('a job fails, and nothing is shown,', () => {
  test('when a reducer passes over one packet', async (t) => {
    let calls = 0;
    const { packet } = SessionTracker.prototype;
    t.mock.method(
      SessionTracker.prototype,
      'packet',
      function (this: SessionTracker, ...given: Parameters<SessionTracker['packet']>) {
        if (++calls !== 1000) packet.apply(this, given);
      },
    );
    assert.match(
      await failureOf((store) => store),
      /^JobError: the segments of reduce task \d+ hold [\d,]+ rows, but it tracked, passed over or left out [\d,]+ of them\. .*no results of this job are shown/,
    );
  });

  test('when a packet comes to the tracker with other bytes than it left the map', async (t) => {
    let calls = 0;
    const { packet } = SessionTracker.prototype;
    t.mock.method(
      SessionTracker.prototype,
      'packet',
      function (this: SessionTracker, ...given: Parameters<SessionTracker['packet']>) {
        const [columns, row] = given;
        if ((columns.meta[row] & META_FRAGMENT) === 0 && ++calls === 500) columns.ipLen[row]++;
        packet.apply(this, given);
      },
    );
    assert.match(
      await failureOf((store) => store),
      /^JobError: map wrote [\d,]+ IP bytes of innermost packets, but reduce tracked [\d,]+ of them/,
    );
  });

  test('when shards and fragments are empty though all lists are right', async () => {
    for (const [key, said] of [
      [/^shards\/.*\/0\d+\.arrow$/, /^StoreError: shards\/.*\.arrow is damaged: 0 of its \d+ bytes/],
      [/^shards\/.*\/fragments-.*\.arrow$/, /./],
    ] as const)
      assert.match(await failureOf((store) => changing(store, key, () => '')), said);
  });

  test('when a shard is left out of what the map made', async () => {
    const lie = edit<MapSummary>((summary) => void summary.shards.shift());
    assert.match(
      await failureOf((store) => changing(store, /^shards\/.*summary\.json$/, lie)),
      /^JobError: map sent [\d,]+ innermost packets into sessions, but reduce tracked [\d,]+ of them/,
    );
  });

  test('when the rows of a shard are fewer than its captures gave', async () => {
    const lie = edit<MapSummary>((summary) => void (summary.captures[0].fates[0] += 1));
    assert.match(
      await failureOf((store) => changing(store, /^shards\/.*summary\.json$/, lie)),
      /^JobError: map read [\d,]+ records, but their fates account for [\d,]+ of them/,
    );
  });

  test('when a file of fragments is left out', async () => {
    const lie = edit<MapSummary>((summary) => void (summary.fragments = []));
    assert.match(
      await failureOf((store) => changing(store, /^shards\/.*summary\.json$/, lie)),
      /^JobError: map found \d+ fragments, but balance joined or gave up 0 of them/,
    );
  });

  test('when a partition is left out of what balance made', async () => {
    const lie = edit<Ended<'balance'>>((done) => void (done.result.partitions -= 1));
    assert.match(
      await failureOf((store) => changing(store, /balance\/done\/0000\/0000000$/, lie)),
      /^JobError: map sent [\d,]+ innermost packets into sessions, but reduce tracked [\d,]+ of them/,
    );
  });

  test('when a run of sessions is left out of what reduce made', async () => {
    const lie = edit<IntervalEnd>((end) => void end.sessionRuns.shift());
    assert.match(
      await failureOf((store) => changing(store, /reduce\/ends\/0000000\/0000000$/, lie)),
      /^JobError: reduce wrote [\d,]+ rows of sessions, but publish [\d,]+ into files of sessions/,
    );
  });

  test('when a run of packets is left out of what reduce made', async () => {
    const lie = edit<IntervalEnd>((end) => void end.packetRuns.shift());
    assert.match(
      await failureOf((store) => changing(store, /reduce\/ends\/0000000\/0000000$/, lie)),
      /^JobError: reduce wrote [\d,]+ rows of packets, but publish [\d,]+ into files of packets/,
    );
  });

  test('when a window of sessions is published by nobody', async () => {
    const lie = edit<StageList>((list) => void (list.tasks -= 1));
    assert.match(
      await failureOf((store) => changing(store, /publish\/list\.json$/, lie)),
      /^JobError: reduce wrote [\d,]+ rows of (sessions|packets), but publish [\d,]+ into files/,
    );
  });
});

test(`whatever tunnels and fragments there are, both sides are equal (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'tunnels');
  writeWhole(path, tunnelTraffic(random(SEED), 200));
  const ended = await runJob(join(folder.path, 'out'), await captureRefs([path, ...demoCaptures()]), CONFIG);
  assert.ok(ended.summary.sessions > 0);
});
