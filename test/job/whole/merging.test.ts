/** A job whose shards are merged reads them once, gives the same tables, and leaves nothing of it behind. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import type { JobConfig } from '../../../shared/job/jobconfig.ts';
import { stageResults } from '../../../shared/job/protocol/taskends.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import { CountedStore } from '../countedstore.ts';
import { cutStream, demoPackets, writePieces } from '../cutting.ts';
import {
  captureRefs,
  firstDifference,
  inOrder,
  lines,
  plainConfig,
  random,
  readTables,
  SEED,
  type Tables,
  temporaryFolder,
  Workplace,
} from '../harness.ts';

const SHARD = /^shards\/.*[.]arrow$/;
const MERGED = /\/reduce-merged-[0-9]+-[0-9]+$/;
const kindOf = (key: string): string => (SHARD.test(key) ? 'shard' : MERGED.test(key) ? 'merged' : '');

test(`merged or not, the tables are the same; a reduce task reads its parts of many shards at once (seed ${SEED})`, async () => {
  using folder = temporaryFolder();
  const next = random(SEED);
  const pieces = cutStream(await demoPackets(), 30, next);
  const names = pieces.map((_, at) => `capture-${at}`);
  const captures = await captureRefs(writePieces(join(folder.path, 'in'), pieces, names, next));

  /** A job, what reduce read, and the merged objects that are left. */
  async function run(name: string, sizes: Partial<JobConfig['sizes']>) {
    const place = new Workplace(join(folder.path, name));
    const counted = new CountedStore(place.store, kindOf);
    place.store = counted;
    const queue = new InProcessQueue();
    const config = plainConfig({ packets: true, sizes: { taskBytes: 1, partitionRows: 300, ...sizes } });
    const { job } = await startJob(counted, queue, config, captures);
    const read = { shard: 0, merged: 0 };
    const most = { partitions: 0, merges: 0 };
    for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
      const before = new Map([...counted.counts].map(([kind, { requests }]) => [kind, requests]));
      await place.run(delivery.message, queue);
      const { stage } = delivery.message;
      if (stage === 'reduce')
        for (const kind of ['shard', 'merged'] as const)
          read[kind] += (counted.counts.get(kind)?.requests ?? 0) - (before.get(kind) ?? 0);
      if (stage === 'balance') Object.assign(most, (await stageResults(counted, job.job, 'balance'))[0]);
      delivery.acknowledge();
    }
    const left: string[] = [];
    for await (const { key } of counted.list(`jobs/${job.job}/`)) if (MERGED.test(key)) left.push(key);
    const tables: Tables = await readTables(place.folder, (await place.summary(job.job)).files);
    return { tables, read, left, ...most };
  }

  const direct = await run('direct', { directReads: 1e9 });
  const merged = await run('merged', { directReads: 0, readBytes: 1e9 });
  assert.deepEqual([direct.merges, merged.merges], [0, 1]);
  for (const table of ['sessions', 'packets', 'captures', 'anomalies'] as const)
    assert.equal(
      firstDifference(lines(inOrder(table, merged.tables[table])), lines(inOrder(table, direct.tables[table]))),
      null,
      table,
    );
  assert.ok(direct.partitions > 3, `${direct.partitions} partitions`);
  assert.ok(direct.read.shard > 10 * direct.partitions, `${direct.read.shard} reads of shards`);
  // What balance joined from fragments is in shards of its own, merged with the others.
  assert.deepEqual(merged.read, { shard: 0, merged: merged.partitions });
  assert.deepEqual(merged.left, [], 'commit removes what was merged');
});
