/**
 * Concurrent runs into one folder of results, in processes of their own and in other PID namespaces; and leftovers of
 * killed runs.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunSummary } from '../../cli/text/summarytext.ts';
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

/** All names below a folder. */
const namesBelow = (path: string): string[] =>
  existsSync(path) ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : [];

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

/** What a summary says of the job, whoever did it. */
function factsOf(end: CliEnd): Partial<RunSummary> {
  const { job, captures, packets, sessions, spanning, conservation, files, fileBytes } = summaryOf(end);
  return { job, captures, packets, sessions, spanning, conservation, files, fileBytes };
}

/** @param pid of the run that it waited for */
function assertWaited({ code, stderr }: Pick<CliEnd, 'code' | 'stderr'>, pid: string): void {
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    new RegExp(`^job [0-9a-f]{16}: process ${pid} on .* has been doing it since .*; this run waits`, 'm'),
  );
  assert.match(stderr, new RegExp(`^waiting for process ${pid}: [1-7]/7 [a-z]+ {2}\\d+ of \\d+ tasks?`, 'm'));
}

/** Resolves when a run has told the user that it waits. */
async function untilWaiting({ child, speaks }: CliProcess): Promise<void> {
  await speaks;
  assert.equal(child.exitCode, null);
}

test('a second run of a running job waits, shows how far the first is, and ends with the same summary', async () => {
  const out = join(folder.path, 'same');
  const first = await startRun(captures, out);
  const second = startRun(captures, out);
  await sleep(200);
  const waiting = [second, startRun(captures, out)];
  const end = await first.ended;
  assert.equal(end.code, 0, end.stderr);
  for (const run of waiting) {
    const { ended } = await run;
    assertWaited(await ended, String(first.child.pid));
    assert.deepEqual(factsOf(await ended), factsOf(end));
  }
  assertDone(end, out);
});

test('of runs of the same job that start at the same moment one does it, and all end with its summary', async () => {
  const out = join(folder.path, 'race');
  const ends = await Promise.all(Array.from({ length: 4 }, () => cli(runOf(captures, out))));
  for (const end of ends) {
    assertDone(end, out);
    assert.deepEqual(factsOf(end), factsOf(ends[0]));
  }
  assert.equal(ends.filter((end) => !summaryOf(end).committedBefore).length, 1);
});

test('when the run that is waited for is killed, wherever it is, the one that waits continues the job', async () => {
  const stages = [undefined, 'map', 'balance', 'reduce', 'publish'];
  for (const stage of stages) {
    const out = join(folder.path, `continued-${stage}`);
    const first = await startRun(captures, out);
    const second = startCli(runOf(captures, out));
    await untilWaiting(second);
    const begun = (): boolean =>
      stage === undefined ||
      namesBelow(join(out, '_flowstitch/jobs')).some((name) => name.endsWith(`${stage}/list.json`));
    while (first.child.exitCode === null && !begun()) await sleep(2);
    first.child.kill('SIGKILL');
    const { signal } = await first.ended;
    const end = await second.ended;
    assertDone(end, out);
    if (signal !== null) assert.equal(summaryOf(end).committedBefore, false, `killed in ${stage}`);
  }
});

test('when the run that is waited for is stopped by Ctrl-C, the one that waits continues the job', async () => {
  const out = join(folder.path, 'handed-over');
  const first = await startRun(captures, out);
  const second = startCli(runOf(captures, out));
  await untilWaiting(second);
  first.child.kill('SIGINT');
  assert.equal((await first.ended).code, 130);
  assertDone(await second.ended, out);
});

test('Ctrl-C ends the waiting of a run with code 130 and leaves the other run alone', async () => {
  const out = join(folder.path, 'impatient');
  const first = await startRun(captures, out);
  const second = startCli(runOf(captures, out));
  await untilWaiting(second);
  second.child.kill('SIGINT');
  const { code, stdout, stderr } = await second.ended;
  assert.deepEqual([code, stdout], [130, '']);
  assert.match(stderr, new RegExp(`^stopped waiting\\. Process ${first.child.pid} on .* continues the job\\.$`, 'm'));
  assertDone(await first.ended, out);
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

/** How a process of whose output only standard error is read ends. */
async function endOf(child: ChildProcess): Promise<Pick<CliEnd, 'code' | 'stderr'>> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stderr };
}

const unshare = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc'];
const namespaces = spawnSync('unshare', [...unshare, 'true']).status === 0;
const without = namespaces ? false : 'PID namespaces are not permitted on this machine (unshare --pid)';
test('a run in another PID namespace waits for the first, and leaves its scratch alone', {
  skip: without,
}, async () => {
  const out = join(folder.path, 'namespace');
  const first = await startRun(captures, out);
  const apart = (input: string): ChildProcess =>
    spawn('unshare', [...unshare, process.execPath, ENTRY, ...runOf(input, out)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  const [same, other] = await Promise.all([captures, join(captures, 'copy-0')].map((input) => endOf(apart(input))));
  assert.equal(other.code, 0, other.stderr);
  assertWaited(same, String(first.child.pid));
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
  assertWaited(await cli(runOf(captures, inside)), '\\d+');
  assert.equal(await exited, 0);
  assert.deepEqual(currentFiles(inside), undisturbed);
});

const unfinishedIn = (out: string): string[] => namesBelow(out).filter((name) => name.includes('.unfinished-'));

test('leftovers of killed runs are removed by the next run, those of a running one are not', async () => {
  const out = join(folder.path, 'killed');
  // The last kill is well before the job's end, even on a slow machine.
  const stages = ['map', 'balance', 'reduce'];
  for (const [i, stage] of stages.entries()) {
    const run = await startRun(captures, out);
    const begun = (): boolean =>
      namesBelow(join(out, '_flowstitch/jobs')).some((name) => name.endsWith(`${stage}/list.json`));
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
  // Of another data set: the intervals of this one depend on what was run before.
  const other = await cli(runOf(join(captures, 'copy-1'), out, '--dataset', 'other'));
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
