/** Data sets that grow and shrink in a folder of results: adding captures, files of the current results only, cleaning. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { datasetNotices } from '../../cli/text/datasetnotices.ts';
import { addedTo } from '../../shared/control/dataset/heldcaptures.ts';
import { holdings } from '../../shared/control/dataset/holdings.ts';
import { type EmbeddedOptions, runEmbedded } from '../../shared/engine/embedded.ts';
import { cleanFolder, foldersOf } from '../../shared/engine/folders.ts';
import { OtherRun, RunPlace } from '../../shared/engine/runplace.ts';
import { openResults } from '../../shared/index.ts';
import { jobKey } from '../../shared/job/keys.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { stageResult } from '../../shared/job/taskends.ts';
import type { QueryValue } from '../../shared/query/queryresult.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { START_US, scratchFolder, udpCapture, writeFiles } from '../cli/harness.ts';
import { captureRefs, plainConfig } from '../job/harness.ts';

/** The packets of a capture, and the seconds from the beginning of one to that of the next: its last ones lie in the next. */
const PACKETS = 40;
const STEP_US = 3_000_000;

/** Small intervals: each begins where a capture does. */
const CONFIG = plainConfig({ packets: true, sizes: { intervalRows: 1, taskBytes: 1 } });

/** Captures a.pcap, b.pcap, ...; each has a session of its own, and one that goes through all of them. */
async function captures(folder: string, names: string): Promise<CaptureRef[]> {
  const all = 'abcdef';
  for (const name of names) {
    const at = START_US + all.indexOf(name) * STEP_US;
    writeFiles(folder, {
      [`captures/${name}.pcap`]: udpCapture(PACKETS, at, 10 + all.indexOf(name)),
      [`captures/${name}-long.pcap`]: udpCapture(PACKETS / 2, at + 7, 99),
    });
  }
  return captureRefs(
    [...names].flatMap((name) => ['', '-long'].map((end) => join(folder, `captures/${name}${end}.pcap`))),
  );
}

function run(out: string, refs: readonly CaptureRef[], more: Partial<EmbeddedOptions> = {}): Promise<JobSummary> {
  return runEmbedded({ out, captures: refs, config: CONFIG, workers: 1, ...more });
}

const add = { withHeld: addedTo } as const;

/** All rows of sessions and packets, as a reader finds them in the current results. */
async function rowsIn(out: string): Promise<(readonly (readonly QueryValue[])[])[]> {
  const results = await openResults(out);
  try {
    const tables: (readonly (readonly QueryValue[])[])[] = [];
    for (const sql of ['FROM sessions ORDER BY uid', 'FROM packets ORDER BY ts_ns, uid, capture, "offset"'])
      tables.push((await results.runQuery(sql)).rows);
    assert.ok(tables.every((rows) => rows.length > 0));
    return tables;
  } finally {
    results.close();
  }
}

/** Rows of one job over captures, in a folder of its own. */
async function expected(t: TestContext, refs: readonly CaptureRef[]): ReturnType<typeof rowsIn> {
  const out = join(scratchFolder(t), 'out');
  await run(out, refs);
  return rowsIn(out);
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();

/** Keys of all Parquet files in a folder of results. */
const parquetIn = (out: string): string[] => filesBelow(out).filter((name) => name.endsWith('.parquet'));

const currentKeys = ({ files }: JobSummary): string[] => Object.values(files).flat().sort();

const workOf = (out: string): DirectoryStore => new DirectoryStore(foldersOf(out).work);

test('captures are added to those of the data set, whose files may be gone, and only the new ones are read', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abc');
  const whole = await expected(t, all);
  await run(out, all.slice(0, 4));
  for (const { location } of all.slice(0, 4)) rmSync(location);
  const summary = await run(out, all.slice(4), add);
  assert.equal(summary.captures, 6);
  assert.deepEqual(summary.damaged, []);
  assert.equal(summary.mapTasks - summary.reusedTasks, 2);
  assert.deepEqual(await rowsIn(out), whole);
  assert.equal((await run(out, all.slice(4), add)).job, summary.job, 'what is there already changes nothing');
});

test('sessions of captures that are gone, whose shards are gone too, are not lost without a word', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'ab');
  await run(out, all.slice(0, 2));
  const rows = await rowsIn(out);
  for (const { location } of all.slice(0, 2)) rmSync(location);
  rmSync(join(foldersOf(out).work, 'shards'), { recursive: true });
  await assert.rejects(
    run(out, all.slice(2), add),
    /has sessions of 2 captures that cannot be read.* run without --add/,
  );
  assert.deepEqual(await rowsIn(out), rows);
  assert.equal((await run(out, all.slice(2))).captures, 2);
});

test('a capture that comes again takes the place of its earlier version, under the name that it has', async (t) => {
  const folder = scratchFolder(t);
  const [first, long] = await captures(folder, 'a');
  const held = { job: 'j', captures: [first, long] };
  const again = { ...first, version: 'newer', name: 'otherwise/a.pcap' };
  const kept = { ...long, kept: true as const };
  assert.deepEqual(addedTo(held, [again]), [{ ...again, name: first.name }, kept]);
  const elsewhere = { ...first, location: '/elsewhere/a.pcap' };
  assert.deepEqual(addedTo(held, [elsewhere]), [elsewhere, kept]);
  assert.deepEqual(addedTo(undefined, [first]), [first]);
  assert.throws(() => addedTo({ job: 'j', captures: null }, [first]), /job j is gone.*name all captures/);
});

test('two runs that add to a data set at the same time lose nothing', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abc');
  await run(out, all.slice(0, 2));
  await Promise.all([run(out, all.slice(2, 4), add), run(out, all.slice(4), add)]);
  assert.deepEqual(await rowsIn(out), await expected(t, all));
});

test('what a run does to the captures of a data set, and what others hold, is said', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abc');
  await run(out, all.slice(0, 4), { config: plainConfig({ dataset: 'site-a' }) });
  const told = (refs: readonly CaptureRef[], dataset: string, held: readonly CaptureRef[] = []): Promise<string[]> =>
    datasetNotices(out, dataset, refs, held);
  assert.deepEqual(await told(all.slice(3), 'site-a', all.slice(0, 4)), [
    `${out} holds sessions of 4 captures; this run keeps 1 of them and replaces the rest. --add keeps all`,
  ]);
  assert.deepEqual(await told(all, 'site-a', all.slice(0, 4)), []);
  assert.deepEqual(await told(all, 'site-b'), [
    `the data set 'site-a' of ${out} holds 4 of these 6 captures too: their sessions are in both`,
  ]);
  const moved = { ...all[0], location: '/elsewhere/a.pcap' };
  assert.deepEqual(await told([moved, all[1]], 'site-a', all.slice(0, 2)), [
    `a.pcap was ${all[0].location} before; /elsewhere/a.pcap takes its place`,
  ]);
  const seen: number[] = [];
  const onCaptures: EmbeddedOptions['onCaptures'] = (refs, held) => {
    seen.push(refs.length, held?.captures?.length ?? -1);
  };
  await run(out, all.slice(4), { ...add, onCaptures, config: plainConfig({ dataset: 'site-a' }) });
  assert.deepEqual(seen, [6, 4]);
});

test('a folder holds the files of its current results only, and results that were removed are made again', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abc');
  const first = await run(out, all);
  assert.deepEqual(parquetIn(out), currentKeys(first));
  const rows = await rowsIn(out);
  const second = await run(out, all.slice(2, 4));
  assert.deepEqual(parquetIn(out), currentKeys(second));
  const old = [
    'sessions/dataset=test/job=0123456789abcdef/dt=2023-11-14/part-0.parquet',
    'captures/dataset=test/job=0123456789abcdef/part-0.parquet',
  ];
  const foreign = [
    'sessions/dataset=test/notes.parquet',
    'sessions/dataset=other/dt=2023-11-14/0123456789abcdef-0.parquet',
  ];
  for (const key of [...old, ...foreign]) {
    mkdirSync(join(out, key, '..'), { recursive: true });
    writeFileSync(join(out, key), 'x');
  }
  const third = await run(out, all);
  assert.deepEqual(parquetIn(out), [...currentKeys(third), ...foreign].sort());
  for (const key of foreign) rmSync(join(out, key));
  assert.deepEqual(await rowsIn(out), rows);
});

test('while another run is at work no file is removed; the last one to end does it', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'ab');
  const first = await run(out, all.slice(0, 2));
  const other = await RunPlace.take(foldersOf(out), () => ({ job: 'f'.repeat(16), dataset: 'other', waits: false }));
  assert.ok(!(other instanceof OtherRun));
  const second = await run(out, all.slice(2));
  for (const key of currentKeys(first)) assert.ok(parquetIn(out).includes(key), key);
  await assert.rejects(cleanFolder(out, { jobs: 0, unfinished: true }, false), /run of process \d+ on .* is at work/);
  other.leave();
  await run(out, all.slice(2));
  assert.deepEqual(parquetIn(out), currentKeys(second));
});

test('cleaning leaves what later jobs build on: rows are those of one job, and no earlier interval is made again', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abcd');
  await run(out, all.slice(0, 2));
  await run(out, all.slice(2, 4), add);
  const before = await run(out, all.slice(4, 6), add);
  const work = foldersOf(out).work;
  const listed = filesBelow(work);
  const keeping = { jobs: 0, unfinished: true };
  const told = await cleanFolder(out, keeping, true);
  assert.deepEqual(filesBelow(work), listed, 'a dry run removes nothing');
  const done = await cleanFolder(out, keeping, false);
  assert.deepEqual(done, told);
  assert.ok(done.jobs.objects.length > 0 && done.cut.length > 0);
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
  await cleanFolder(out, { jobs: 0, unfinished: true }, false);
  await run(out, all.slice(0, 4));
  assert.deepEqual(await rowsIn(out), rows);
  await run(out, all.slice(4));
  await cleanFolder(out, { jobs: 0, unfinished: true }, false);
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
  await cleanFolder(out, { jobs: 1, unfinished: true }, false);
  assert.deepEqual(await kept(), [true, true, true]);
  await cleanFolder(out, { jobs: 0, unfinished: true }, false);
  assert.deepEqual(await kept(), [false, true, true]);
  const [holding] = await holdings(workOf(out), new DirectoryStore(out));
  assert.equal(holding.job, second.job);
  assert.deepEqual([holding.captures, holding.sessions, holding.jobs], [2, second.sessions, 2]);
  assert.ok(holding.shardBytes > 0 && holding.resultBytes > 0);
  await cleanFolder(out, { jobs: 0, unfinished: false }, false);
  assert.deepEqual(await kept(), [false, true, false]);
  await workOf(out).remove([jobKey(second.job)]);
  await assert.rejects(cleanFolder(out, { jobs: 0, unfinished: true }, false), /files of job \w+.* are gone/);
});
