/**
 * Ctrl-C, SIGTERM and a folder of results that vanishes, at every stage and especially while files are written: the program
 * exits by itself, with the right exit code and message, and can be continued with the right results.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { command } from '../cli/harness.ts';
import { between, random, temporaryFolder } from '../job/harness.ts';
import { cli, currentFiles, startCli } from './cli.ts';
import { writeTraffic } from './traffic.ts';

const SEED = Number(process.env.SEED ?? 1);
/** Moments of each stage. */
const ROUNDS = Number(process.env.ITERATIONS ?? 1);
const COPIES = 8;
const CODES = { SIGINT: 130, SIGTERM: 143 } as const;

const folder = temporaryFolder();
const captures = join(folder.path, 'captures');
const runInto = (out: string): string[] => ['run', captures, '--out', out, '--workers', '2', '--packets', '--json'];
let undisturbed: Record<string, string>;

before(async () => {
  await writeTraffic(captures, COPIES);
  const out = join(folder.path, 'undisturbed');
  const { code, stderr } = await cli(runInto(out));
  assert.equal(code, 0, stderr);
  undisturbed = currentFiles(out);
});
after(() => folder[Symbol.dispose]());

function hasBegun(out: string, stage: string): boolean {
  const jobs = join(out, '_flowstitch/jobs');
  return existsSync(jobs) && readdirSync(jobs).some((job) => existsSync(join(jobs, job, stage, 'list.json')));
}

/** Starts a run and waits until some milliseconds after a stage has begun. */
async function startUpTo(out: string, stage: string, ms: number) {
  const process = startCli(runInto(out), folder.path);
  while (process.child.exitCode === null && process.child.signalCode === null && !hasBegun(out, stage)) await sleep(2);
  await sleep(ms);
  return process;
}

for (const [number, stage] of STAGE_ORDER.entries())
  test(`a signal during ${stage} ends the run in order, and the same command goes on (seed ${SEED})`, async (t) => {
    const next = random(SEED + number);
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      for (let round = 0; round < ROUNDS; round++) {
        const ms = between(next, 0, stage === 'publish' || stage === 'map' ? 250 : 60);
        const context = `SEED=${SEED}, ${signal} ${ms} ms into ${stage}, round ${round}`;
        const out = join(folder.path, `${stage}-${signal}-${round}`);
        const { child, ended } = await startUpTo(out, stage, ms);
        child.kill(signal);
        const end = await ended;
        if (end.code !== 0) {
          assert.deepEqual(
            { code: end.code, signal: end.signal },
            { code: CODES[signal], signal: null },
            `${context}\n${end.stderr}`,
          );
          assert.match(end.stderr, /^stopped\. Run the same command again to resume\.\n$/m, context);
          assert.equal(end.stdout, '', context);
        } else t.diagnostic(`${context}: the run had ended before`);
        assert.deepEqual(readdirSync(join(out, '_flowstitch/.scratch')), [], context);
        const again = await cli(runInto(out), folder.path);
        assert.equal(again.code, 0, `${context}\n${again.stderr}`);
        assert.deepEqual(currentFiles(out), undisturbed, context);
        rmSync(out, { recursive: true });
      }
    assert.deepEqual(
      readdirSync(folder.path).filter((name) => name.startsWith('core')),
      [],
    );
  });

test('runs that are stopped many times while their files are written', () => {
  const program = join(import.meta.dirname, 'stopping.ts');
  const end = command(process.execPath, [program, captures, join(folder.path, 'stopping'), '40']);
  assert.equal(end.code, 0, end.stderr);
  assert.ok(Number(end.stdout) > 15, `${end.stdout} were stopped`);
});

test('a second Ctrl-C ends the program at once, by the signal itself', async () => {
  const { child, ended } = await startUpTo(join(folder.path, 'twice'), 'publish', 30);
  child.kill('SIGINT');
  await sleep(1);
  child.kill('SIGINT');
  const { code, signal, stderr } = await ended;
  // Either the second one came in time, or the first had been handled.
  assert.ok(signal === 'SIGINT' || code === 130 || code === 0, `${code} ${signal} ${stderr}`);
});

for (const moment of ['before', 'after'])
  test(`a folder of results that vanishes ${moment} the first file of a table is there is named, exit code 1`, async () => {
    const out = join(folder.path, 'vanishing');
    const { code, signal, stderr } = await startCli(runInto(out), folder.path, {
      NODE_OPTIONS: `--import=${new URL('vanishing.ts', import.meta.url).href}`,
      VANISHING: out,
      ...(moment === 'after' && { VANISHING_AFTER: 'yes' }),
    }).ended;
    assert.deepEqual([code, signal], [1, null], stderr);
    assert.match(stderr, /^flowstitch: \/.*\/vanishing was removed or replaced while the job was writing to it/m);
    const again = await cli(runInto(out), folder.path);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(currentFiles(out), undisturbed);
    rmSync(out, { recursive: true });
  });

test('Ctrl-C stops a running query, and leaves no files', async () => {
  const temp = join(folder.path, 'temp');
  const args = ['sql', 'select sum(a.range * b.range) from range(10000000) a, range(10000000) b'];
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    mkdirSync(temp, { recursive: true });
    const out = join(folder.path, 'undisturbed');
    const { child, ended } = startCli([...args, '--data', out], folder.path, { TMPDIR: temp });
    const opened = (): boolean => readdirSync(temp).some((name) => name.startsWith('flowstitch-duckdb'));
    const until = performance.now() + 20_000;
    while (!opened() && performance.now() < until) await sleep(5);
    await sleep(300);
    child.kill(signal);
    const { code, stdout, stderr } = await ended;
    assert.deepEqual([code, stdout, stderr], [CODES[signal], '', 'stopped.\n']);
    assert.deepEqual(readdirSync(temp), []);
  }
});
