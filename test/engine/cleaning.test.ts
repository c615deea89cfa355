/** Cleaning a folder of results: what later jobs build on stays, what is asked for again is made. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { clean, planCleaning } from '../../shared/control/dataset/clean.ts';
import { holdings } from '../../shared/control/dataset/holdings.ts';
import { cleanFolder, foldersOf } from '../../shared/engine/folders.ts';
import { OtherRun, RunPlace } from '../../shared/engine/runplace.ts';
import { jobKey } from '../../shared/job/protocol/keys.ts';
import { stageResult } from '../../shared/job/protocol/taskends.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { scratchFolder } from '../cli/harness.ts';
import { HEAVY } from '../heavy.ts';
import { plainConfig } from '../job/harness.ts';
import { add, captures, expected, filesBelow, rowsIn, run, workOf } from './datasetfolder.ts';

test('cleaning leaves what later jobs build on: rows are those of one job, and no earlier interval is made again', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abcd');
  await run(out, all.slice(0, 2));
  await run(out, all.slice(2, 4), add);
  const before = await run(out, all.slice(4, 6), add);
  const work = foldersOf(out).work;
  const listed = filesBelow(work);
  const keeping = { jobs: 0 };
  const told = await cleanFolder(out, keeping, true);
  assert.deepEqual(filesBelow(work), listed, 'a dry run removes nothing');
  const done = await cleanFolder(out, keeping, false);
  assert.deepEqual(done, told);
  assert.ok(done.jobs.objects.length > 0 && done.cut.length > 0);
  assert.ok(
    filesBelow(join(work, 'shards')).some((name) => name.includes('/joined/')),
    'summaries of several groups stay',
  );
  assert.deepEqual(
    filesBelow(work).filter((name) => done.jobs.objects.includes(name) && !name.endsWith('/end.json')),
    [],
  );
  assert.deepEqual((await cleanFolder(out, keeping, true)).jobs.objects, [], 'nothing is left to remove');
  assert.equal((await run(out, all.slice(0, 6))).job, before.job, 'the current job is still done');
  for (const { location } of all.slice(0, 6)) rmSync(location);
  const summary = await run(out, all.slice(6), add);
  assert.equal(summary.mapTasks - summary.reusedTasks, 2);
  const { first } = await stageResult(workOf(out), summary.job, 'balance', 'commit');
  assert.ok(first > 0, 'intervals were found');
  const again = await captures(folder, 'abcd');
  assert.deepEqual(await rowsIn(out), await expected(t, again));
});

test('what was cleaned away is made again when it is asked for', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abc');
  await run(out, all.slice(0, 4));
  const rows = await rowsIn(out);
  await run(out, all.slice(4), add);
  await cleanFolder(out, { jobs: 0 }, false);
  await run(out, all.slice(0, 4));
  assert.deepEqual(await rowsIn(out), rows);
  await run(out, all.slice(4));
  await cleanFolder(out, { jobs: 0 }, false);
  await run(out, all.slice(0, 4));
  assert.deepEqual(await rowsIn(out), rows);
});

test('cleaning keeps so many jobs as are asked for, those that can go on, and nothing of results that are gone', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abc');
  const first = await run(out, all.slice(0, 2));
  const second = await run(out, all.slice(2, 4));
  const stop = new AbortController();
  const onTask = (): void => stop.abort(new Error('stop'));
  let stopped = '';
  const onStart = (job: string): void => void (stopped = job);
  await assert.rejects(run(out, all.slice(4), { signal: stop.signal, onTask, onStart }), /stop/);
  const kept = async (): Promise<boolean[]> =>
    Promise.all(
      [first.job, second.job, stopped].map(async (job) => (await workOf(out).head(jobKey(job))) !== undefined),
    );
  await cleanFolder(out, { jobs: 1 }, false);
  assert.deepEqual(await kept(), [true, true, true]);
  await cleanFolder(out, { jobs: 0 }, false);
  assert.deepEqual(await kept(), [false, true, true]);
  const [holding] = await holdings(workOf(out), new DirectoryStore(out));
  assert.equal(holding.job, second.job);
  assert.deepEqual([holding.captures, holding.sessions, holding.jobs], [2, second.sessions, 2]);
  assert.ok(holding.shardBytes > 0 && holding.resultBytes > 0);
  await cleanFolder(out, { jobs: 0, endedOnly: 'test' }, false);
  assert.deepEqual(await kept(), [false, true, false]);
  await workOf(out).remove([jobKey(second.job)]);
  await assert.rejects(cleanFolder(out, { jobs: 0 }, false), /files of job \w+.* are gone/);
});

/** A store whose process dies at a write or removal: of several objects it has removed the first ones by then. */
class DyingStore extends DirectoryStore {
  private readonly life: { left: number };

  constructor(root: string, life: { left: number }) {
    super(root);
    this.life = life;
  }

  override async put(key: string, bytes: Uint8Array): Promise<void> {
    if (this.life.left-- === 0) throw new Error('died');
    await super.put(key, bytes);
  }

  override async remove(keys: readonly string[]): Promise<void> {
    const dies = this.life.left-- === 0;
    await super.remove(dies ? keys.slice(0, Math.floor(keys.length / 2)) : keys);
    if (dies) throw new Error('died');
  }
}

test('wherever cleaning dies, the results are whole, and what is asked for again is made', HEAVY, async (t) => {
  const folder = scratchFolder(t);
  const begun = join(folder, 'begun');
  const all = await captures(folder, 'ab');
  await run(begun, all.slice(0, 2));
  const earlier = await rowsIn(begun);
  // Another configuration leaves a chain, shards and tables of the first behind.
  const other = plainConfig({ packets: true, sizes: { intervalRows: 1, taskBytes: 1 }, decode: { keyVlan: true } });
  const noted = await RunPlace.take(foldersOf(begun), () => ({ job: 'f'.repeat(16), dataset: 'other', waits: false }));
  assert.ok(!(noted instanceof OtherRun));
  await run(begun, all, { config: other });
  noted.leave();
  const current = await rowsIn(begun);
  let deaths = 0;
  for (; ; deaths++) {
    const out = join(folder, `out-${deaths}`);
    cpSync(begun, out, { recursive: true, preserveTimestamps: true });
    const life = { left: deaths };
    const store = new DyingStore(foldersOf(out).work, life);
    const results = new DyingStore(out, life);
    const cleaning = await planCleaning(store, results, { jobs: 0 });
    const ended = await clean(store, results, cleaning).then(
      () => true,
      () => false,
    );
    assert.deepEqual(await rowsIn(out), current, `death ${deaths}`);
    await run(out, all.slice(0, 2));
    assert.deepEqual(await rowsIn(out), earlier, `death ${deaths}`);
    assert.deepEqual((await cleanFolder(out, { jobs: 0 }, false)).tables.objects, []);
    rmSync(out, { recursive: true });
    if (ended) break;
  }
  assert.ok(deaths > 5, 'it had something to do');
});
