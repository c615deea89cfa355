/** A catalog that refuses: the job is committed, the data set is written down as behind, and what tries again catches up. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { catchUp, readBehind, showInCatalog } from '../../shared/job/catalogstep.ts';
import type { Catalog, CatalogJob } from '../../shared/job/context.ts';
import { isCommitted } from '../../shared/job/jobend.ts';
import { currentKey } from '../../shared/job/keys.ts';
import { jsonBytes } from '../../shared/store/jsonobject.ts';
import { demoCaptures } from './cutting.ts';
import { captureRefs, temporaryFolder } from './harness.ts';
import { MemoryStore } from './memorystore.ts';
import { LocalPipeline } from './pipeline.ts';

/** A catalog that remembers what it shows of each data set, and refuses as often as it is told to. */
class FakeCatalog implements Catalog {
  readonly shown = new Map<string, string>();
  refusals = 0;
  /** Runs in the middle of a registration. */
  meanwhile: () => Promise<void> = async () => {};

  async register({ dataset, job }: CatalogJob): Promise<void> {
    if (this.refusals-- > 0) throw new Error('AccessDeniedException: Insufficient Lake Formation permission(s)');
    await this.meanwhile();
    this.shown.set(dataset, job);
  }
}

const shownJob = (dataset: string, job: string): CatalogJob => ({ dataset, job, files: {} as CatalogJob['files'] });

async function makeCurrent(results: MemoryStore, dataset: string, job: string): Promise<void> {
  await results.put(currentKey(dataset), jsonBytes({ job, files: {} }));
}

test('a whole job is committed although the catalog refuses, and nothing of it is run again', async () => {
  using folder = temporaryFolder();
  const pipeline = new LocalPipeline(join(folder.path, 'local'));
  const catalog = new FakeCatalog();
  catalog.refusals = 1;
  const reasons: string[] = [];
  pipeline.more = { catalog, onBehind: (reason) => reasons.push(reason) };
  const { job } = await pipeline.submit(await captureRefs(demoCaptures().slice(0, 3)));
  const messages = await pipeline.work();
  assert.ok(await isCommitted(pipeline.store, job));
  assert.equal(messages.filter(({ stage }) => stage === 'commit').length, 1);
  const { dataset } = await pipeline.summary(job);
  assert.match(reasons.join(), /Insufficient Lake Formation permission/);
  assert.equal((await readBehind(pipeline.store, dataset))?.job, job);
  assert.equal(catalog.shown.has(dataset), false);

  assert.deepEqual(await catchUp(pipeline.store, pipeline.results, catalog), []);
  assert.equal(catalog.shown.get(dataset), job);
  assert.equal(await readBehind(pipeline.store, dataset), undefined);
});

test('each data set is tried again by itself, and what is still refused stays written down with its newest reason', async () => {
  const [store, results, catalog] = [new MemoryStore(), new MemoryStore(), new FakeCatalog()];
  catalog.refusals = 3;
  for (const dataset of ['a', 'b']) {
    await makeCurrent(results, dataset, `job-${dataset}`);
    assert.equal((await showInCatalog(store, catalog, shownJob(dataset, `job-${dataset}`)))?.job, `job-${dataset}`);
  }
  const left = await catchUp(store, results, catalog);
  assert.deepEqual(
    left.map(({ dataset, job }) => [dataset, job]),
    [['a', 'job-a']],
  );
  assert.deepEqual([...catalog.shown], [['b', 'job-b']]);
  assert.deepEqual(await catchUp(store, results, catalog), []);
  assert.equal(catalog.shown.get('a'), 'job-a');
});

test('it is the current job that is shown, not the one that was refused; one committed meanwhile has the last word', async () => {
  const [store, results, catalog] = [new MemoryStore(), new MemoryStore(), new FakeCatalog()];
  catalog.refusals = 1;
  await showInCatalog(store, catalog, shownJob('a', 'first'));
  await makeCurrent(results, 'a', 'second');
  let times = 0;
  catalog.meanwhile = async () => {
    if (times++ > 0) return;
    // A commit makes its job current and shows it, while the older one is being registered.
    await makeCurrent(results, 'a', 'third');
    await showInCatalog(store, catalog, shownJob('a', 'third'));
  };
  assert.deepEqual(await catchUp(store, results, catalog), []);
  assert.equal(catalog.shown.get('a'), 'third');
});

test('a later job that the catalog takes leaves nothing to catch up with; nor do results that were removed', async () => {
  const [store, results, catalog] = [new MemoryStore(), new MemoryStore(), new FakeCatalog()];
  catalog.refusals = 2;
  await showInCatalog(store, catalog, shownJob('a', 'first'));
  await showInCatalog(store, catalog, shownJob('gone', 'x'));
  assert.equal(await showInCatalog(store, catalog, shownJob('a', 'second')), null);
  assert.equal(await readBehind(store, 'a'), undefined);
  assert.deepEqual(await catchUp(store, results, catalog), []);
  assert.equal(await readBehind(store, 'gone'), undefined);
  assert.deepEqual([...catalog.shown], [['a', 'second']]);
});

test('where there is no catalog nothing is written', async () => {
  const store = new MemoryStore();
  assert.equal(await showInCatalog(store, undefined, shownJob('a', 'x')), null);
  assert.equal(store.objects.size, 0);
});
