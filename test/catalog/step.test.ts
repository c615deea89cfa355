/** A log that cannot be written: the job is committed, the data set is written down as behind, and what tries again catches up. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { catchUp, readBehind, showInCatalog } from '../../shared/catalog/step.ts';
import { isCommitted } from '../../shared/job/protocol/jobend.ts';
import { StoreError } from '../../shared/store/objectstore.ts';
import { demoCaptures } from '../job/cutting.ts';
import { captureRefs, temporaryFolder } from '../job/harness.ts';
import { MemoryStore } from '../job/memorystore.ts';
import { LocalPipeline } from '../job/pipeline.ts';
import { commitState, keysOf, LogStore, versions } from './world.ts';

const REASON = 'cannot write s3://results/_delta_log/: Access Denied';

/** Results whose log refuses as often as it is told to. */
class RefusingLog extends LogStore {
  refusals = 0;

  override async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    if (this.refusals-- > 0) throw new StoreError('refused', key, REASON);
    return super.putIfAbsent(key, bytes);
  }
}

const commit = (results: LogStore, dataset: string, n: number) =>
  commitState(results, dataset, String(n), keysOf(dataset, n));
const shown = (results: LogStore): string[] => versions(results).at(-1) ?? [];
const files = (dataset: string, n: number): string[] => Object.values(keysOf(dataset, n)).flat().sort();

test('a whole job is committed although the log cannot be written, nothing of it is run again, and its files are shown later', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(join(folder.path, 'local'));
  const reasons: string[] = [];
  pipeline.more = { onBehind: (reason) => reasons.push(reason) };
  const { putIfAbsent } = pipeline.results;
  pipeline.results.putIfAbsent = async (key) => {
    throw new StoreError('refused', key, REASON);
  };
  const { job } = await pipeline.submit(await captureRefs(demoCaptures().slice(0, 3)));
  const messages = await pipeline.work();
  assert.ok(await isCommitted(pipeline.store, job));
  assert.equal(messages.filter(({ stage }) => stage === 'commit').length, 1);
  const { dataset, files: written } = await pipeline.summary(job);
  assert.deepEqual(reasons, [REASON]);
  assert.equal((await readBehind(pipeline.store, dataset))?.job, job);

  pipeline.results.putIfAbsent = putIfAbsent;
  assert.deepEqual(await catchUp(pipeline.store, pipeline.results), []);
  assert.equal(await readBehind(pipeline.store, dataset), undefined);
  const entry = Buffer.from(await pipeline.results.get('_delta_log/00000000000000000000.json')).toString();
  const paths = [...entry.matchAll(/"add":\{"path":"([^"]+)"/g)].map(([, path]) => path);
  assert.deepEqual(paths.sort(), Object.values(written).flat().sort());
});

test('each data set is tried again by itself, and what is still refused stays written down with its reason', async () => {
  const [store, results] = [new MemoryStore(), new RefusingLog()];
  results.refusals = 3;
  for (const dataset of ['a', 'b']) {
    await commit(results, dataset, 1);
    assert.equal((await showInCatalog(store, results, { dataset, job: '1' }))?.reason, REASON);
  }
  assert.deepEqual(await catchUp(store, results), [{ dataset: 'a', job: '1', reason: REASON }]);
  assert.deepEqual(shown(results), files('b', 1));
  assert.deepEqual(await catchUp(store, results), []);
  assert.deepEqual(shown(results), [...files('a', 1), ...files('b', 1)].sort());
  assert.equal(await readBehind(store, 'a'), undefined);
});

test('it is the current job that is shown, not the one that was refused', async () => {
  const [store, results] = [new MemoryStore(), new RefusingLog()];
  results.refusals = 1;
  await commit(results, 'a', 1);
  await showInCatalog(store, results, { dataset: 'a', job: '1' });
  await commit(results, 'a', 2);
  assert.deepEqual(await catchUp(store, results), []);
  assert.deepEqual(shown(results), files('a', 2));
});

test('a later job that the log takes leaves nothing to catch up with; nor do results that were removed', async () => {
  const [store, results] = [new MemoryStore(), new RefusingLog()];
  results.refusals = 2;
  for (const dataset of ['a', 'gone']) {
    await commit(results, dataset, 1);
    await showInCatalog(store, results, { dataset, job: '1' });
  }
  const before = await commit(results, 'a', 2);
  assert.equal(await showInCatalog(store, results, { dataset: 'a', job: '2' }, before), null);
  assert.equal(await readBehind(store, 'a'), undefined);
  await results.remove(['datasets/gone/current.json']);
  assert.deepEqual(await catchUp(store, results), []);
  assert.equal(await readBehind(store, 'gone'), undefined);
  assert.deepEqual(shown(results), files('a', 2));
});
