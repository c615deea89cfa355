/** What readers of the log see while data sets are committed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CHECKPOINT_EVERY } from '../../shared/catalog/log.ts';
import { showCurrent } from '../../shared/catalog/showcurrent.ts';
import { currentKey } from '../../shared/job/protocol/keys.ts';
import { seeds } from '../seed.ts';
import { random } from '../session/walk.ts';
import { commitAndShow, commitState, keysOf, LogStore, versions } from './world.ts';

const DATASETS = ['site-a', 'site-b'];
const sorted = (keys: ReturnType<typeof keysOf>): string => Object.values(keys).flat().sort().join('\n');
const ofDataset = (paths: readonly string[], dataset: string): string =>
  paths.filter((path) => path.includes(`/dataset=${dataset}/`)).join('\n');

describe('readers of the log', () => {
  for (const seed of seeds(25))
    test(`see one state of a data set or the next, whatever steps run at once, late, twice or not to their end: seed ${seed}`, async () => {
      const next = random(seed);
      const store = new LogStore();
      const states = new Map(DATASETS.map((dataset) => [dataset, ['']]));
      const running: Promise<void>[] = [];
      // Every request waits for some turns of the loop: steps overlap in as many ways. Some never get their answer.
      store.before = async () => {
        for (let turns = next() * 6; turns > 1; turns--) await undefined;
        if (next() < 0.02) throw new Error('gone');
      };
      store.lost = () => next() < 0.1;
      const ignoring = (work: Promise<unknown>): Promise<void> =>
        work.then(
          () => {},
          (error: Error) => assert.equal(error.message, 'gone'),
        );
      for (let n = 1; n <= 12; n++)
        for (const dataset of DATASETS) {
          if (next() < 0.3) continue;
          const finals = Math.ceil(next() * n);
          const { before } = store;
          store.before = () => {};
          const state = await commitState(store, dataset, String(n), keysOf(dataset, n, finals));
          store.before = before;
          states.get(dataset)!.push(sorted(keysOf(dataset, n, finals)));
          for (let steps = next() * 3; steps > 0.5; steps--)
            running.push(ignoring(showCurrent(store, dataset, next() < 0.7 ? state : undefined)));
          if (next() < 0.5) await Promise.all(running.splice(0));
        }
      await Promise.all(running);
      store.before = () => {};
      for (const dataset of DATASETS) await showCurrent(store, dataset);
      for (const dataset of DATASETS) {
        let at = 0;
        for (const [version, paths] of versions(store).entries()) {
          const found = states.get(dataset)!.indexOf(ofDataset(paths, dataset), at);
          assert.notEqual(found, -1, `version ${version} shows no state of ${dataset} from number ${at} on`);
          at = found;
        }
        assert.equal(at, states.get(dataset)!.length - 1, `the newest state of ${dataset} is not shown`);
      }
    });

  test('see all tables change in one entry', async () => {
    const store = new LogStore();
    await commitAndShow(store, 'site-a', 1);
    await commitAndShow(store, 'site-a', 2);
    assert.deepEqual(versions(store), [
      sorted(keysOf('site-a', 1)).split('\n'),
      sorted(keysOf('site-a', 2)).split('\n'),
    ]);
  });

  test('see nothing of a data set that was removed, and others as before', async () => {
    const store = new LogStore();
    for (const dataset of DATASETS) await commitAndShow(store, dataset, 1);
    await store.remove([currentKey('site-a')]);
    await showCurrent(store, 'site-a');
    await showCurrent(store, 'site-a');
    assert.deepEqual(versions(store).slice(2), [sorted(keysOf('site-b', 1)).split('\n')]);
    await commitAndShow(store, 'site-a', 2);
    assert.equal(versions(store).at(-1)!.length, 7 + 5);
  });

  test('see nothing new when the same state is shown again', async () => {
    const store = new LogStore();
    await commitAndShow(store, 'site-a', 1);
    await showCurrent(store, 'site-a');
    assert.equal(versions(store).length, 1);
  });

  test('see the current state again after another program has written an entry', async () => {
    const store = new LogStore();
    await commitAndShow(store, 'site-a', 1);
    const foreign = { remove: { path: keysOf('site-a', 1).sessions![0], deletionTimestamp: 0, dataChange: false } };
    const key = '_delta_log/00000000000000000001.json';
    await store.putIfAbsent(
      key,
      Buffer.from(`${JSON.stringify({ commitInfo: { timestamp: 0 } })}\n${JSON.stringify(foreign)}\n`),
    );
    await showCurrent(store, 'site-a');
    assert.deepEqual(versions(store).at(-1), sorted(keysOf('site-a', 1)).split('\n'));
  });
});

test('the n-th commit costs the same requests and bytes, apart from checkpoints', async () => {
  const store = new LogStore();
  const costs: string[] = [];
  for (let n = 1; n <= 3 * CHECKPOINT_EVERY; n++) {
    const before = await commitState(store, 'site-a', String(n), keysOf('site-a', n));
    const [requests, written] = [store.requests, store.written];
    await showCurrent(store, 'site-a', before, store.now);
    // Numbers have one digit more from 10 and from 100 on.
    if ((n - 1) % CHECKPOINT_EVERY > 0 && n > 10 && n < 100)
      costs.push(`${store.requests - requests} requests, ${store.written - written} bytes`);
  }
  assert.equal(new Set(costs).size, 1, [...new Set(costs)].join('; '));
  assert.match(costs[0], /^4 requests/);
});
