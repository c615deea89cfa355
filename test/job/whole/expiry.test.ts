/** Shards that the store is about to let expire are made anew, and not half used. */
import assert from 'node:assert/strict';
import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import { DEFAULTS } from '../../../shared/session/sessionconfig.ts';
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
