/** Forgetting captures of a data set: nothing holds their packets, and all others stay as they are. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { foldersOf } from '../../shared/engine/folders.ts';
import { forget, forgettingIn } from '../../shared/engine/forgetting.ts';
import { openResults } from '../../shared/index.ts';
import { START_US, scratchFolder } from '../cli/harness.ts';
import { plainConfig } from '../job/harness.ts';
import { add, captures, currentKeys, expected, filesBelow, PACKETS, rowsIn, run, STEP_US } from './datasetfolder.ts';

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
