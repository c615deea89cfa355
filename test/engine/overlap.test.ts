/**
 * Concurrent runs into one folder of results, in processes of their own and in other PID namespaces; and leftovers of
 * killed runs.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { flowstitch, udpCapture } from '../cli/harness.ts';
import { temporaryFolder } from '../job/harness.ts';
import { type CliEnd, type CliProcess, cli, currentFiles, startCli, summaryOf } from './cli.ts';
import { writeTraffic } from './traffic.ts';

const COPIES = 8;
const folder = temporaryFolder();
const captures = join(folder.path, 'captures');
const ENTRY = join(import.meta.dirname, '../cli/flowstitch.ts');
const runOf = (input: string, out: string, ...more: string[]): string[] => [
  'run',
  input,
  '--out',
  out,
  '--workers',
  '1',
  '--json',
  ...more,
];
let undisturbed: Record<string, string>;

before(async () => {
  await writeTraffic(captures, COPIES);
  const out = join(folder.path, 'undisturbed');
  assert.equal((await cli(runOf(captures, out))).code, 0);
  undisturbed = currentFiles(out);
});
after(() => folder[Symbol.dispose]());

const scratchOf = (out: string): string[] => {
  const path = join(out, '_flowstitch/.scratch');
  return existsSync(path) ? readdirSync(path) : [];
};

/** Starts a run, and waits until it has taken its place. */
async function startRun(input: string, out: string, ...more: string[]): Promise<CliProcess> {
  // Scratch of dead runs still exists.
  const before = scratchOf(out);
  const run = startCli(runOf(input, out, ...more));
  const ownNote = (name: string): boolean =>
    !before.includes(name) && existsSync(join(out, '_flowstitch/.scratch', name, 'run.json'));
  while (run.child.exitCode === null && !scratchOf(out).some(ownNote)) await sleep(2);
  return run;
}

function assertDone({ code, stderr }: Pick<CliEnd, 'code' | 'stderr'>, out: string): void {
  assert.equal(code, 0, stderr);
  assert.deepEqual(currentFiles(out), undisturbed);
  assert.deepEqual(scratchOf(out), []);
}

function assertSentAway({ code, stdout, stderr }: Pick<CliEnd, 'code' | 'stdout' | 'stderr'>, pid: string): void {
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    new RegExp(
      `^flowstitch: job [0-9a-f]{16} is already running into .*: process ${pid} on .*, since .*\\. Wait for it to end`,
      'm',
    ),
  );
  assert.doesNotMatch(stderr, /^\s+at /m);
}

test('a concurrent second run of the same job names the first, and does not disturb it', async () => {
  const out = join(folder.path, 'same');
  const first = await startRun(captures, out);
  for (const ms of [0, 200]) {
    await sleep(ms);
    assertSentAway(await cli(runOf(captures, out)), String(first.child.pid));
  }
  assertDone(await first.ended, out);
});

test('of runs of the same job that start at the same moment one does it, and the others name it', async () => {
  const out = join(folder.path, 'race');
  const ends = await Promise.all(Array.from({ length: 4 }, () => cli(runOf(captures, out))));
  const done = ends.filter(({ code }) => code === 0);
  assert.ok(done.length > 0, ends.map(({ stderr }) => stderr).join('\n'));
  for (const end of ends) if (end.code !== 0) assertSentAway(end, '\\d+');
  for (const end of done) assertDone(end, out);
});

test('concurrent different jobs into one folder each have the right results', async () => {
  const out = join(folder.path, 'different');
  const inputs = readdirSync(captures).map((name) => join(captures, name));
  const ends = await Promise.all([
    cli(['run', ...inputs.slice(0, 4), '--out', out, '--json', '--workers', '1', '--dataset', 'a']),
    cli(['run', ...inputs.slice(4), '--out', out, '--json', '--workers', '1', '--dataset', 'b']),
    cli(runOf(captures, out)),
  ]);
  for (const { code, stderr } of ends) assert.equal(code, 0, stderr);
  const [a, b, all] = ends.map((end) => summaryOf(end));
  assert.equal(a.packets + b.packets, all.packets);
  assert.deepEqual(currentFiles(out), undisturbed);
  assert.deepEqual(scratchOf(out), []);
});

const unshare = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc'];
const namespaces = spawnSync('unshare', [...unshare, 'true']).status === 0;
const without = namespaces ? false : 'PID namespaces are not permitted on this machine (unshare --pid)';
test('a run in another PID namespace knows of the first, and leaves its scratch alone', { skip: without }, async () => {
  const out = join(folder.path, 'namespace');
  const first = await startRun(captures, out);
  const apart = (input: string): ReturnType<typeof spawnSync> =>
    spawnSync('unshare', [...unshare, process.execPath, ENTRY, ...runOf(input, out)], { encoding: 'utf8' });
  const same = apart(captures);
  assertSentAway(
    { code: same.status, stdout: String(same.stdout), stderr: String(same.stderr) },
    String(first.child.pid),
  );
  const other = apart(join(captures, 'copy-0'));
  assert.equal(other.status, 0, String(other.stderr));
  const end = await first.ended;
  assert.equal(end.code, 0, end.stderr);
  assert.doesNotMatch(end.stderr, /retrying/);
  assert.deepEqual(scratchOf(out), []);
  // The reverse: the first one is in a namespace, and its process id does not exist here.
  const inside = join(folder.path, 'inside');
  const child = spawn('unshare', [...unshare, process.execPath, ENTRY, ...runOf(captures, inside)], {
    stdio: 'ignore',
  });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  while (
    child.exitCode === null &&
    !scratchOf(inside).some((name) => existsSync(join(inside, '_flowstitch/.scratch', name, 'run.json')))
  )
    await sleep(2);
  assertSentAway(await cli(runOf(captures, inside)), '\\d+');
  assert.equal(await exited, 0);
  assert.deepEqual(currentFiles(inside), undisturbed);
});

/** All names below a folder. */
const namesBelow = (path: string): string[] => readdirSync(path, { recursive: true, encoding: 'utf8' });
const unfinishedIn = (out: string): string[] => namesBelow(out).filter((name) => name.includes('.unfinished-'));

test('leftovers of killed runs are removed by the next run, those of a running one are not', async () => {
  const out = join(folder.path, 'killed');
  // The last kill is well before the job's end, even on a slow machine.
  const stages = ['map', 'balance', 'reduce'];
  for (const [i, stage] of stages.entries()) {
    const run = await startRun(captures, out);
    const begun = (): boolean =>
      namesBelow(join(out, '_flowstitch')).some((name) => name.endsWith(`${stage}/list.json`));
    while (run.child.exitCode === null && !begun()) await sleep(2);
    await sleep(20 * i);
    run.child.kill('SIGKILL');
    await run.ended;
  }
  const [dead] = scratchOf(out);
  assert.ok(dead !== undefined);
  // As left by a kill between write and rename of a file: by that run, and by an earlier version.
  const planted = [
    join(out, `_flowstitch/.unfinished-${dead}-0123456789abcdef`),
    join(out, '_flowstitch/jobs/.unfinished-0123456789abcdef'),
    join(out, 'sessions/dataset=default/.unfinished-0123456789abcdef'),
  ];
  for (const path of planted) {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'half');
  }
  const notes = 'beside the folders that runs write to';
  writeFileSync(join(out, '.unfinished-notes'), notes);
  const last = await startRun(captures, out);
  const [living] = scratchOf(out).filter((name) => name !== dead);
  const held = join(out, `_flowstitch/.unfinished-${living}-0123456789abcdef`);
  writeFileSync(held, 'half');
  const other = await cli(runOf(join(captures, 'copy-1'), out));
  assert.equal(other.code, 0, other.stderr);
  if (last.child.exitCode === null) assert.ok(existsSync(held), 'its writer may still finish it');
  assert.equal((await last.ended).code, 0);
  const again = await cli(runOf(captures, out));
  assertDone(again, out);
  assert.deepEqual(unfinishedIn(out), ['.unfinished-notes']);
  assert.equal(readFileSync(join(out, '.unfinished-notes'), 'utf8'), notes);
});

test('an unreadable note of a run does not prevent another job', async () => {
  const out = join(folder.path, 'unreadable');
  const capture = join(folder.path, 'small.pcap');
  writeFileSync(capture, udpCapture(10));
  const first = await startRun(captures, out);
  writeFileSync(join(out, '_flowstitch/.scratch', scratchOf(out)[0], 'run.json'), '{');
  assert.equal(flowstitch(runOf(capture, out)).code, 0);
  assert.equal((await first.ended).code, 0);
});
