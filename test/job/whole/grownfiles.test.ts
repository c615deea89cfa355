/** What a data set that has grown relies on may be gone, or be other than it was: no job commits over that. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startJob } from '../../../shared/control/start.ts';
import { jobKey, summaryKey } from '../../../shared/job/protocol/keys.ts';
import { stageResults } from '../../../shared/job/protocol/taskends.ts';
import type { JobSummary } from '../../../shared/job/summary.ts';
import type { IntervalEnd } from '../../../shared/job/tasks/interval.ts';
import { InProcessQueue } from '../../../shared/queue/inprocess.ts';
import type { CaptureRef } from '../../../shared/store/capturesource.ts';
import { getJson, jsonBytes } from '../../../shared/store/jsonobject.ts';
import { demoCaptures, readPackets, writePieces } from '../cutting.ts';
import {
  captureRefs,
  inOrder,
  lines,
  plainConfig,
  readTables,
  runJob,
  type Tables,
  temporaryFolder,
  Workplace,
} from '../harness.ts';

const CONFIG = plainConfig({ sizes: { intervalRows: 20, intervalShards: 1, taskBytes: 1 } });

/** Four captures of forty packets, one after another. */
async function fourCaptures(folder: string): Promise<CaptureRef[]> {
  const { packets } = await readPackets(demoCaptures().find((path) => path.includes('986511'))!);
  const pieces = [0, 1, 2, 3].map((at) => packets.slice(at * 40, at * 40 + 40));
  return captureRefs(writePieces(join(folder, 'in'), pieces, ['a', 'b', 'c', 'd'], () => 0.4));
}

/** A job as a run on one machine starts it: files of the tables are looked at. @param most messages to be worked off */
async function work(
  place: Workplace,
  captures: readonly CaptureRef[],
  most = Number.POSITIVE_INFINITY,
): Promise<string> {
  const queue = new InProcessQueue();
  const { job } = await startJob(place.store, queue, CONFIG, captures, { results: place.results });
  for (let done = 0; done < most; done++) {
    const delivery = queue.receive();
    if (delivery === undefined) break;
    await place.run(delivery.message, queue);
    delivery.acknowledge();
  }
  return job.job;
}

async function tablesOf(place: Workplace, job: string): Promise<{ summary: JobSummary; tables: Tables }> {
  const summary = (await getJson<JobSummary>(place.store, summaryKey(job)))!;
  return { summary, tables: await readTables(place.folder, summary.files) };
}

const rows = ({ sessions }: Tables): string[] => lines(inOrder('sessions', sessions));

test('a file of an interval that is gone is made anew when the data set grows', async () => {
  using folder = temporaryFolder();
  const captures = await fourCaptures(folder.path);
  const place = new Workplace(join(folder.path, 'out'));
  const first = await tablesOf(place, await work(place, captures.slice(0, 3)));
  rmSync(join(place.folder, first.summary.files.sessions[0]));
  const grown = await tablesOf(place, await work(place, captures));
  const whole = await runJob(join(folder.path, 'whole'), captures, CONFIG);
  assert.deepEqual(rows(grown.tables), rows(whole.tables));
});

test('a job that goes on does not name files that were removed while it lay', async () => {
  using folder = temporaryFolder();
  const captures = await fourCaptures(folder.path);
  const whole = await runJob(join(folder.path, 'whole'), captures, CONFIG);
  const messages = 40;
  let removed = 0;
  for (let most = 1; most < messages; most += 3) {
    const place = new Workplace(join(folder.path, `out-${most}`));
    const before = await tablesOf(place, await work(place, captures.slice(0, 2)));
    const job = await work(place, captures, most);
    if ((await place.store.head(summaryKey(job))) !== undefined) break;
    assert.notEqual(await place.store.head(jobKey(job)), undefined);
    // As whoever cleans the folder: files that no current results name, and files of the results themselves.
    for (const key of before.summary.files.sessions) rmSync(join(place.folder, key));
    removed++;
    const { tables } = await tablesOf(place, await work(place, captures));
    assert.deepEqual(rows(tables), rows(whole.tables), `stopped after ${most} messages`);
  }
  assert.ok(removed > 2, `${removed} jobs were stopped`);
});

test('a list without its last captures gives the rows of a fresh job: sessions are open where it ends', async () => {
  using folder = temporaryFolder();
  const captures = await fourCaptures(folder.path);
  const later = await captureRefs(
    writePieces(
      join(folder.path, 'later'),
      [(await readPackets(demoCaptures().find((path) => path.includes('a72c87'))!)).packets.slice(-40)],
      ['later'],
      () => 0.4,
    ),
  );
  const place = new Workplace(join(folder.path, 'out'));
  await work(place, captures);
  await work(place, [...captures, ...later]);
  await work(place, [captures[0], ...later]);
  const shrunk = await tablesOf(place, await work(place, captures.slice(0, 1)));
  const fresh = await runJob(join(folder.path, 'fresh'), captures.slice(0, 1), CONFIG);
  assert.deepEqual(rows(shrunk.tables), rows(fresh.tables));
});

test('sessions that are lost on the way from one job to the next fail the job', async () => {
  using folder = temporaryFolder();
  const captures = await fourCaptures(folder.path);
  const place = new Workplace(join(folder.path, 'out'));
  await work(place, captures.slice(0, 2));
  const { store } = place;
  place.store = new Proxy(store, {
    get: (target, name) => {
      if (name === 'get')
        return async (key: string, range?: { start: number; end: number }) => {
          const bytes = await target.get(key, range);
          if (!key.includes('/reduce/ends/')) return bytes;
          const end = await getJson<IntervalEnd>(target, key);
          return jsonBytes({ ...end, carry: null });
        };
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  await assert.rejects(
    work(place, captures),
    /JobError: reduce opened [\d,]+ sessions, but its runs hold [\d,]+ of them/,
  );
});

test('ends of a job that was planned before, with other partitions, are not taken for its own', async () => {
  using folder = temporaryFolder();
  const captures = await fourCaptures(folder.path);
  const place = new Workplace(join(folder.path, 'out'));
  const job = await work(place, captures);
  const whole = await tablesOf(place, job);
  // As files of jobs expire: all but the ends, and what these name.
  const left: string[] = [];
  for await (const { key } of place.store.list('jobs/')) if (!/\/reduce\/(ends|\d)/.test(key)) left.push(key);
  for await (const { key } of place.store.list('datasets/')) if (key.includes('/chains/')) left.push(key);
  await place.store.remove(left);
  const queue = new InProcessQueue();
  await startJob(
    place.store,
    queue,
    { ...CONFIG, sizes: { ...CONFIG.sizes, partitionRows: 30, openRows: 30 } },
    captures,
  );
  await place.drain(queue, () => 0);
  assert.deepEqual(rows((await tablesOf(place, job)).tables), rows(whole.tables));
});

test('a capture whose clock is ahead does not have every later job make all intervals again', async () => {
  using folder = temporaryFolder();
  const captures = await fourCaptures(folder.path);
  const { packets } = await readPackets(demoCaptures().find((path) => path.includes('986511'))!);
  const ahead = packets.slice(-1).map((packet) => ({ ...packet, us: packet.us + 4 * 365 * 86_400e6 }));
  const future = await captureRefs(writePieces(join(folder.path, 'future'), [ahead], ['future'], () => 0.4));
  const place = new Workplace(join(folder.path, 'out'));
  const config = { ...CONFIG, sizes: { ...CONFIG.sizes, intervalRows: 1e9, intervalShards: 1e9 } };
  const anew: number[] = [];
  let job = '';
  for (let count = 1; count <= captures.length; count++) {
    const queue = new InProcessQueue();
    job = (await startJob(place.store, queue, config, [...future, ...captures.slice(0, count)])).job.job;
    await place.drain(queue, () => 0);
    let rowsAnew = 0;
    for (const result of await stageResults(place.store, job, 'reduce')) rowsAnew += result!.gained.tracked.packets;
    anew.push(rowsAnew);
  }
  // Forty packets, some of them fragments, of each new capture, those of the one before it, and the one that is ahead.
  assert.ok(Math.max(...anew) <= 81, anew.join());
  const whole = await runJob(join(folder.path, 'whole'), [...future, ...captures], config);
  assert.deepEqual(rows((await tablesOf(place, job)).tables), rows(whole.tables));
});
