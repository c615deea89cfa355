/**
 * A run that is killed at any moment and started again yields the same files as an undisturbed run, byte for byte;
 * Ctrl-C stops it promptly; and for an additional capture only that one is mapped.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TABLE_NAMES } from '../../shared/table/tables.ts';
import { demoCaptures } from '../job/cutting.ts';
import { between, firstDifference, inOrder, lines, random, readTables, SEED, temporaryFolder } from '../job/harness.ts';
import { type CliEnd, cli, currentFiles, currentJob, startCli, summaryOf } from './cli.ts';
import { writeTraffic } from './traffic.ts';

/** Times the demo's traffic is repeated, an hour apart: enough packets that a run takes some seconds. */
const COPIES = 24;
const ROUNDS = Number(process.env.ITERATIONS ?? 3);
const OPTIONS = ['--workers', '2', '--packets', '--json'];

const folder = temporaryFolder();
const captures = join(folder.path, 'captures');
let undisturbed: Record<string, string>;
/** Its duration in milliseconds. */
let duration = 0;

const runInto = (out: string): string[] => ['run', captures, '--out', out, ...OPTIONS];

function assertEnded({ code, signal, stderr }: CliEnd, context: string): void {
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, `${context}\n${stderr}`);
}

before(async () => {
  await writeTraffic(captures, COPIES);
  const out = join(folder.path, 'undisturbed');
  const startedAt = performance.now();
  assertEnded(await cli(runInto(out)), 'the undisturbed run');
  duration = performance.now() - startedAt;
  undisturbed = currentFiles(out);
});

after(() => folder[Symbol.dispose]());

test(`killed at random moments and run again: the same files (seed ${SEED})`, async (t) => {
  for (let round = 0; round < ROUNDS; round++) {
    const next = random(SEED + round);
    const out = join(folder.path, `killed-${round}`);
    const moments: number[] = [];
    for (let kill = 0; kill < 2; kill++) {
      const moment = between(next, 100, duration);
      const { child, ended } = startCli(runInto(out));
      await Promise.race([sleep(moment), ended]);
      child.kill('SIGKILL');
      const { signal } = await ended;
      moments.push(signal === null ? -1 : moment);
    }
    const context = `SEED=${SEED + round} ITERATIONS=1, killed after ${moments.join(' and ')} ms of ${Math.round(duration)}`;
    t.diagnostic(context);
    assertEnded(await cli(runInto(out)), context);
    assert.deepEqual(currentFiles(out), undisturbed, context);
  }
});

test('Ctrl-C stops a run with code 130 and says how to continue, which yields the right results', async () => {
  const out = join(folder.path, 'stopped');
  const { child, speaks, ended } = startCli(runInto(out));
  await speaks;
  await sleep(duration / 4);
  child.kill('SIGINT');
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.equal(stdout, '', 'nothing that looks like a result');
  assert.match(stderr, /^stopped\. /m);
  const again = await cli(runInto(out));
  assertEnded(again, 'after Ctrl-C');
  assert.match(again.stderr, /resumed/);
  assert.deepEqual(currentFiles(out), undisturbed);
});

test('a finished job is not done again', async () => {
  const out = join(folder.path, 'undisturbed');
  const again = await cli(runInto(out));
  assertEnded(again, 'again');
  assert.equal(summaryOf(again).committedBefore, true);
  assert.deepEqual(currentFiles(out), undisturbed);
});

test('with one capture more, only that one is mapped, and the tables are those of a fresh run over all', async () => {
  const paths = demoCaptures();
  const grown = join(folder.path, 'grown');
  const first = await cli(['run', ...paths.slice(1), '--out', grown, ...OPTIONS]);
  assertEnded(first, 'all but one');
  assert.equal(summaryOf(first).reusedTasks, 0);
  const second = await cli(['run', ...paths, '--out', grown, ...OPTIONS]);
  assertEnded(second, 'all');
  const { captures: count, mapTasks, reusedTasks } = summaryOf(second);
  assert.equal(count, paths.length);
  assert.equal(mapTasks - reusedTasks, 1);
  assert.equal(reusedTasks, 1, 'one task stands for all that was there');
  const fresh = join(folder.path, 'fresh');
  assertEnded(await cli(['run', ...paths, '--out', fresh, ...OPTIONS]), 'fresh');
  // The data set that grew keeps the borders of its intervals: the rows are the same, not how files divide them.
  const [actual, expected] = await Promise.all([grown, fresh].map((out) => readTables(out, currentJob(out).files)));
  for (const table of TABLE_NAMES)
    assert.equal(
      firstDifference(lines(inOrder(table, actual[table])), lines(inOrder(table, expected[table]))),
      null,
      table,
    );
});
