/** Data sets that grow and shrink in a folder of results: adding captures, and files of the current results only. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { queryJob } from '../../cli/sql/newestresults.ts';
import { datasetNotices } from '../../cli/text/datasetnotices.ts';
import { addedTo, replacementOf } from '../../shared/control/dataset/heldcaptures.ts';
import type { EmbeddedOptions } from '../../shared/engine/embedded.ts';
import { cleanFolder, foldersOf } from '../../shared/engine/folders.ts';
import { OtherRun, RunPlace } from '../../shared/engine/runplace.ts';
import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import { FORGOTTEN } from '../../shared/job/notices/forgotten.ts';
import { jobOptions } from '../../shared/job/options/options.ts';
import { checkFiles, overNewest } from '../../shared/query/folderresults.ts';
import type { QueryValue } from '../../shared/query/queryresult.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { scratchFolder } from '../cli/harness.ts';
import { plainConfig } from '../job/harness.ts';
import { add, captures, currentKeys, expected, parquetIn, rowsIn, run } from './datasetfolder.ts';

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
