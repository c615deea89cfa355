/** Captures that are gone when a later job of their data set runs: their sessions stay, or the job says that they cannot. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { grown } from '../../../shared/control/growing.ts';
import type { CurrentJob } from '../../../shared/job/dataset/currentjob.ts';
import { readEnd } from '../../../shared/job/protocol/jobend.ts';
import { currentKey, jobPrefix } from '../../../shared/job/protocol/keys.ts';
import { type CaptureRef, type CaptureSource, FileCaptures } from '../../../shared/store/capturesource.ts';
import { getJson } from '../../../shared/store/jsonobject.ts';
import { TABLE_NAMES } from '../../../shared/table/tables.ts';
import { demoCaptures } from '../cutting.ts';
import { captureRefs, firstDifference, inOrder, lines, runJob, temporaryFolder } from '../harness.ts';
import { LocalPipeline, SMALL } from '../pipeline.ts';

const { dataset } = SMALL;

/** Captures that tell which of them were opened. */
class Opened implements CaptureSource {
  readonly names: string[] = [];
  private readonly files = new FileCaptures();

  version(ref: CaptureRef): Promise<string | undefined> {
    return this.files.version(ref);
  }

  stream(ref: CaptureRef, limit?: number): AsyncIterable<Uint8Array> {
    this.names.push(ref.name);
    return this.files.stream(ref, limit);
  }
}

async function copied(folder: string, count: number): Promise<CaptureRef[]> {
  const paths = demoCaptures().slice(0, count);
  return captureRefs(
    paths.map((path) => {
      const copy = join(folder, basename(path));
      cpSync(path, copy);
      return copy;
    }),
  );
}

/** A data set of three captures, of which the first is removed then, and a fourth capture. */
async function threeAndOne(
  folder: string,
): Promise<{ pipeline: LocalPipeline; captures: CaptureRef[]; first: string }> {
  const captures = await copied(folder, 4);
  const pipeline = new LocalPipeline(join(folder, 'pipeline'));
  const { job: first } = await pipeline.submit(captures.slice(0, 3));
  await pipeline.work();
  rmSync(captures[0].location);
  return { pipeline, captures, first };
}

test('a capture that is gone keeps its rows in all tables, and nothing is read of it or of those that are known', async () => {
  using folder = temporaryFolder();
  const whole = await runJob(join(folder.path, 'whole'), await copied(folder.path, 4), SMALL);
  const { pipeline, captures, first } = await threeAndOne(folder.path);
  // Files of jobs expire long before shards.
  for await (const { key } of pipeline.store.list(jobPrefix(first))) {
    if (!key.includes('/reduce/')) await pipeline.store.remove([key]);
  }
  const opened = new Opened();
  pipeline.captures = opened;
  const next = await grown(pipeline.store, dataset, captures.slice(1));
  assert.deepEqual([next.captures.length, next.kept], [4, 1]);
  const { job } = await pipeline.submit(next.captures);
  await pipeline.work();
  assert.deepEqual([...new Set(opened.names)], [captures[3].name]);
  const tables = await pipeline.tables(job);
  for (const table of TABLE_NAMES) {
    // Versions of copied files differ.
    const without = table === 'captures' ? ['version'] : [];
    const rows = (of: typeof tables): string[] => lines(inOrder(table, of[table]), without);
    assert.equal(firstDifference(rows(tables), rows(whole.tables)), null, table);
  }
});

test('where its shards are gone too the job fails and says so, the results stay; without it there is a job again', async () => {
  using folder = temporaryFolder();
  const { pipeline, captures, first } = await threeAndOne(folder.path);
  for await (const { key } of pipeline.store.list('shards/')) await pipeline.store.remove([key]);
  const next = await grown(pipeline.store, dataset, captures.slice(1));
  const { job } = await pipeline.submit(next.captures);
  await pipeline.work();
  assert.equal((await readEnd(pipeline.store, job))?.state, 'failed');
  assert.match(
    pipeline.errors.at(-1) ?? '',
    new RegExp(`data set ${dataset} has sessions of 1 capture that .*, ${captures[0].name} .*submit --exact`),
  );
  const current = async () => (await getJson<CurrentJob>(pipeline.results, currentKey(dataset)))?.job;
  assert.equal(await current(), first);
  const { job: exact } = await pipeline.submit(captures.slice(1));
  await pipeline.work();
  assert.equal(await current(), exact);
  assert.deepEqual((await grown(pipeline.store, dataset, [])).kept, 3, 'the data set has what is left');
});

test('a capture of which nothing was ever read is not kept', async () => {
  using folder = temporaryFolder();
  const [sound, gone, other] = await copied(folder.path, 3);
  rmSync(gone.location);
  const pipeline = new LocalPipeline(join(folder.path, 'pipeline'));
  await pipeline.submit([sound, gone]);
  await pipeline.work();
  const { captures } = await grown(pipeline.store, dataset, [other]);
  assert.deepEqual(
    captures.map(({ name, kept = false }) => [name, kept]).sort(),
    [
      [other.name, false],
      [sound.name, true],
    ].sort(),
  );
});
