/** Data sets that grow and shrink in a folder of results: adding captures, files of the current results only, cleaning. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { queryJob } from '../../cli/sql/newestresults.ts';
import { datasetNotices } from '../../cli/text/datasetnotices.ts';
import { clean, planCleaning } from '../../shared/control/dataset/clean.ts';
import { addedTo, replacementOf } from '../../shared/control/dataset/heldcaptures.ts';
import { holdings } from '../../shared/control/dataset/holdings.ts';
import { type EmbeddedOptions, runEmbedded } from '../../shared/engine/embedded.ts';
import { cleanFolder, foldersOf } from '../../shared/engine/folders.ts';
import { forget, forgettingIn } from '../../shared/engine/forgetting.ts';
import { OtherRun, RunPlace } from '../../shared/engine/runplace.ts';
import { openResults } from '../../shared/index.ts';
import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import { FORGOTTEN } from '../../shared/job/notices/forgotten.ts';
import { jobOptions } from '../../shared/job/options/options.ts';
import { jobKey } from '../../shared/job/protocol/keys.ts';
import { stageResult } from '../../shared/job/protocol/taskends.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { checkFiles, overNewest } from '../../shared/query/folderresults.ts';
import type { QueryValue } from '../../shared/query/queryresult.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { START_US, scratchFolder, udpCapture, writeFiles } from '../cli/harness.ts';
import { HEAVY } from '../heavy.ts';
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

test('of two captures that are added, none takes the place of the other, whatever they are called', async (t) => {
  const [here] = await captures(scratchFolder(t), 'a');
  const there = { ...here, location: '/elsewhere/a.pcap' };
  const held = { job: 'j', captures: [here] };
  assert.deepEqual(addedTo(held, [here, there]), [here, { ...there, name: '/elsewhere/a.pcap' }]);
});

test('captures that hold something else at their place are told, but for those that were being written', async (t) => {
  const [whole] = await captures(scratchFolder(t), 'a');
  const growing = { ...whole, name: 'growing', location: '/growing', recent: true as const };
  const newer = [whole, growing].map((capture) => ({ ...capture, version: 'newer' }));
  assert.deepEqual(replacementOf([whole, growing], newer).changed, [whole.name]);
  assert.deepEqual(replacementOf([whole, growing], [whole, growing]).changed, []);
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
  const { job } = await run(out, all.slice(0, 4), {
    config: plainConfig({ dataset: 'site-a', decode: { keyVlan: false, keyVni: false } }),
  });
  const options = jobOptions({});
  const told = (refs: readonly CaptureRef[], dataset: string, held: readonly CaptureRef[] = []): Promise<string[]> =>
    datasetNotices(out, dataset, refs, { job, captures: held }, options);
  const other = await datasetNotices(out, 'site-a', all, { job, captures: all }, { ...options, packets: true });
  assert.match(other.join('\n'), /^the results were made with other options \(--packets\): all sessions are made anew/);
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
  const gone = { ...all[0], refused: FORGOTTEN };
  assert.deepEqual(await told(all.slice(1, 2), 'site-a', [gone, all[1]]), []);
  assert.deepEqual(await told(all.slice(0, 2), 'site-a', [gone, all[1]]), [
    'this run reads 1 capture again that the data set had forgotten',
  ]);
  assert.deepEqual(addedTo({ job: 'j', captures: [gone] }, [all[0], all[1]]), [gone, all[1]]);
  assert.match(
    (await told([gone, all[1]], 'site-a', [gone])).join('\n'),
    /^1 capture of the data set stays forgotten; /,
  );
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
  await assert.rejects(cleanFolder(out, { jobs: 0 }, false), /run of process \d+ on .* is at work/);
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

/** Files below a folder that hold some bytes, as they are or in a zstd frame: of shards, runs, carries and Parquet. */
function holdersOf(folder: string, ...patterns: readonly Buffer[]): string[] {
  const holds = (bytes: Buffer): boolean => patterns.some((pattern) => bytes.includes(pattern));
  return filesBelow(folder).filter((name) => {
    const bytes = readFileSync(join(folder, name));
    for (let at = bytes.indexOf(ZSTD_MAGIC); at >= 0; at = bytes.indexOf(ZSTD_MAGIC, at + 1))
      if (holds(zstdDecompressSync(bytes.subarray(at)))) return true;
    return holds(bytes);
  });
}

const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

test('nothing holds packets of a forgotten capture, and rows are those of the others', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abcd');
  await run(out, all.slice(0, 4));
  await run(out, all.slice(4), add);
  const gone = all[4];
  const left = all.filter((capture) => capture !== gone);
  const planned = await forgettingIn(out, 'test', { capture: gone.name });
  assert.deepEqual([planned.names, planned.packets, planned.again.map(({ name }) => name)], [[gone.name], PACKETS, []]);
  const before = filesBelow(out);
  // The host that only this capture has packets of, as text and as bytes.
  const host = [Buffer.from('10.0.0.12'), Buffer.from([10, 0, 0, 12]), Buffer.from([12, 0, 0, 10])];
  const holding = holdersOf(out, ...host).join('\n');
  for (const kind of [/^_flowstitch\/shards\//m, /\/sessions-\d+\.arrow$/m, /\/carry-\d+$/m, /^sessions\//m])
    assert.match(holding, kind, 'the look finds it where it is');
  const { summary, cleaning } = await forget(out, 'test', { capture: gone.name }, { workers: 1 });
  assert.ok(cleaning.shards.objects.length > 0 && before.length > filesBelow(out).length);
  assert.deepEqual([summary.captures, summary.damaged], [left.length, []]);
  assert.deepEqual(await rowsIn(out), await expected(t, left));
  const results = await openResults(out);
  const { rows } = await results.runQuery(`SELECT capture, status, packets FROM captures WHERE status = 'forgotten'`);
  assert.deepEqual(rows, [[gone.name, 'forgotten', 0n]]);
  const { rows: named } = await results.runQuery(
    `SELECT count(*) FROM sessions WHERE orig_h = '10.0.0.12' OR resp_h = '10.0.0.12'`,
  );
  assert.deepEqual(named, [[0n]]);
  results.close();
  assert.deepEqual(holdersOf(out, ...host), []);
  const again = await forget(out, 'test', { capture: gone.name }, { workers: 1 });
  assert.deepEqual([again.summary.job, again.forgetting.already], [summary.job, 1]);
  assert.equal((await run(out, [gone], add)).job, summary.job, 'adding it again does not bring it back');
  assert.equal((await run(out, all)).captures, all.length, 'naming all does');
});

test('captures before a time are forgotten, also all of them; those that reach across it stay whole', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'abc');
  await run(out, all);
  const beforeUs = START_US + STEP_US + 500_000;
  await run(out, all.slice(0, 3), { config: plainConfig({ dataset: 'other' }) });
  const { forgetting } = await forget(out, 'test', { beforeUs }, { workers: 1 });
  assert.deepEqual(forgetting.elsewhere, [{ dataset: 'other', captures: 1 }]);
  rmSync(join(out, 'datasets/other'), { recursive: true });
  assert.deepEqual(forgetting.names, ['a-long.pcap']);
  assert.deepEqual(forgetting.across.sort(), ['a.pcap', 'b-long.pcap', 'b.pcap']);
  assert.deepEqual(
    await rowsIn(out),
    await expected(
      t,
      all.filter(({ name }) => name !== 'a-long.pcap'),
    ),
  );
  const { summary } = await forget(out, 'test', { beforeUs: START_US * 2 }, { workers: 1 });
  assert.deepEqual([summary.captures, summary.sessions, currentKeys(summary).length], [0, 0, 2]);
  assert.deepEqual(
    filesBelow(join(foldersOf(out).work, 'shards')).filter((name) => name.endsWith('.arrow')),
    [],
  );
});

test('a capture that shares shards with a forgotten one is read again; where that cannot be, nothing is done', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'ab');
  const config = plainConfig({ packets: true });
  await run(out, all, { config });
  const { again } = await forgettingIn(out, 'test', { capture: 'a.pcap' });
  assert.deepEqual(again.map(({ name }) => name).sort(), ['a-long.pcap', 'b-long.pcap', 'b.pcap']);
  rmSync(all[3].location);
  const before = filesBelow(out);
  await assert.rejects(
    forget(out, 'test', { capture: 'a.pcap' }, { workers: 1 }),
    /b-long\.pcap cannot be read any more.*put it back/,
  );
  assert.deepEqual(filesBelow(out), before);
  await assert.rejects(forgettingIn(out, 'test', { capture: 'c.pcap' }), /holds no capture 'c\.pcap'/);
  await assert.rejects(forgettingIn(out, 'other', { capture: 'a.pcap' }), /no finished results of a data set 'other'/);
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

test('a query that meets files removed by a run that ended meanwhile reads the newer results, once', async (t) => {
  const folder = scratchFolder(t);
  const out = join(folder, 'out');
  const all = await captures(folder, 'ab');
  const { job, files } = await run(out, all.slice(0, 2));
  const newer = await run(out, all);
  const asked: string[] = [];
  const count = async (current: CurrentJob): Promise<QueryValue> => {
    asked.push(current.job);
    await checkFiles(out, current);
    return (await queryJob(out, current, 'SELECT count(*) FROM captures'))[0].rows[0][0];
  };
  const older = [{ job, files, fileBytes: { [files.captures[0]]: 1 } }];
  assert.equal(await overNewest(async () => older.pop() ?? newer, count), 4n);
  assert.deepEqual(asked, [job, newer.job]);
  await assert.rejects(
    overNewest(async () => ({ job, files, fileBytes: { [files.captures[0]]: 1 } }), count),
    /is missing/,
  );
  assert.equal(asked.length, 3, 'where there is nothing newer, it is an error');
});
