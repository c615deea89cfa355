/** Shards that the store is about to let expire are made anew, and not half used; those of captures that are gone are kept. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import type { MapSummary } from '../../../shared/job/tasks/maptask.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import { DEFAULTS } from '../../../shared/session/sessionconfig.ts';
import { DirectoryStore } from '../../../shared/store/directorystore.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import { demoCaptures } from '../cutting.ts';
import { captureRefs, lines, plainConfig, readTables, runJob, temporaryFolder, Workplace } from '../harness.ts';

const DAY_MS = 86_400_000;
const SHARD_DAYS = 30;

test('shards within three days of their end are given up and made anew; younger ones are used', async () => {
  using folder = temporaryFolder();
  const captures = await captureRefs(demoCaptures().slice(0, 3));
  const first = await runJob(join(folder.path, 'out'), captures, plainConfig({ sizes: { taskBytes: 1 } }));
  const shards = join(folder.path, 'out/_flowstitch/shards');
  const summaries = readdirSync(shards, { recursive: true })
    .map((name) => join(shards, String(name)))
    .filter((name) => name.endsWith('/summary.json'));
  assert.equal(summaries.length, 3);
  for (const [i, age] of [28, 28, 26].entries()) {
    const at = new Date(Date.now() - age * DAY_MS);
    utimesSync(summaries[i], at, at);
  }
  const place = new Workplace(join(folder.path, 'out'));
  const queue = new InProcessQueue();
  // Another configuration, so that it is another job over the same shards.
  const sessions = { ...DEFAULTS, udpInactivityUs: DEFAULTS.udpInactivityUs + 1 };
  const config = plainConfig({ sessions, sizes: { taskBytes: 1 } });
  const { job } = await startJob(place.store, queue, config, captures);
  for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
    await place.run(delivery.message, queue, { shardDays: SHARD_DAYS });
    delivery.acknowledge();
  }
  const summary = await place.summary(job.job);
  assert.equal(summary.reusedTasks, 1);
  const { sessions: rows } = await readTables(place.folder, summary.files);
  assert.deepEqual(lines(rows), lines(first.tables.sessions));
});

test('shards of captures that are gone are written again in time, and nothing else is', async () => {
  using folder = temporaryFolder();
  const paths = demoCaptures()
    .slice(0, 4)
    .map((path) => {
      const copy = join(folder.path, basename(path));
      cpSync(path, copy);
      return copy;
    });
  const captures = await captureRefs(paths);
  const out = join(folder.path, 'out');
  const first = await runJob(out, captures, plainConfig({ sizes: { taskBytes: 1 } }));
  const work = join(out, '_flowstitch');
  const groups = new Map<string, string>();
  for (const name of readdirSync(join(work, 'shards'), { recursive: true }).map(String)) {
    if (!name.endsWith('/summary.json')) continue;
    const summary = await getJson<MapSummary>(new DirectoryStore(work), `shards/${name}`);
    groups.set(summary!.captures[0].capture.name, dirname(join(work, 'shards', name)));
  }
  /** Times of writing of a capture's group, days ago, without its folders. */
  const ages = (capture: string): number[] =>
    readdirSync(groups.get(capture)!, { recursive: true })
      .map((name) => statSync(join(groups.get(capture)!, String(name))))
      .filter((stat) => stat.isFile())
      .map(({ mtimeMs }) => Math.round((Date.now() - mtimeMs) / DAY_MS));
  const [late, soon, young, present] = captures.map(({ name }) => name);
  for (const [capture, days] of Object.entries({ [late]: 28, [soon]: 12, [young]: 5, [present]: 12 }))
    for (const name of readdirSync(groups.get(capture)!, { recursive: true })) {
      const at = new Date(Date.now() - days * DAY_MS);
      utimesSync(join(groups.get(capture)!, String(name)), at, at);
    }
  for (const path of paths.slice(0, 3)) rmSync(path);
  const place = new Workplace(out);
  const queue = new InProcessQueue();
  const sessions = { ...DEFAULTS, udpInactivityUs: DEFAULTS.udpInactivityUs + 1 };
  const kept = captures.map((capture, number) => (number < 3 ? { ...capture, kept: true as const } : capture));
  const { job } = await startJob(place.store, queue, plainConfig({ sessions, sizes: { taskBytes: 1 } }), kept);
  for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
    await place.run(delivery.message, queue, { shardDays: SHARD_DAYS });
    delivery.acknowledge();
  }
  const { files } = await place.summary(job.job);
  assert.deepEqual(lines((await readTables(out, files)).sessions), lines(first.tables.sessions));
  for (const [capture, days] of Object.entries({ [late]: 0, [soon]: 0, [young]: 5, [present]: 12 })) {
    assert.ok(ages(capture).length > 1, capture);
    assert.ok(
      ages(capture).every((age) => age === days),
      `${capture}: ${ages(capture)}, expected ${days}`,
    );
  }
});
