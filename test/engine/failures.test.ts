/** Tasks that fail on every attempt, on worker threads: the job ends and names them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startJob } from '../../shared/control/start.ts';
import { type EmbeddedOptions, runEmbedded } from '../../shared/engine/embedded.ts';
import { WORK_FOLDER } from '../../shared/job/protocol/keys.ts';
import { InProcessQueue } from '../../shared/queue/inprocess.ts';
import { demoCaptures } from '../job/cutting.ts';
import { captureRefs, lines, plainConfig, readTables, runJob, temporaryFolder, Workplace } from '../job/harness.ts';

/** Runs a job up to the messages of its reduce stage. */
async function upToReduce(options: EmbeddedOptions): Promise<void> {
  const place = new Workplace(options.out);
  const queue = new InProcessQueue();
  await startJob(place.store, queue, options.config, options.captures);
  for (let delivery = queue.receive(); delivery !== undefined; delivery = queue.receive()) {
    if (delivery.message.stage === 'reduce') return;
    await place.run(delivery.message, queue);
    delivery.acknowledge();
  }
  assert.fail('there was no reduce stage');
}

/** Paths of all shards below a folder of results. */
function shardsOf(out: string): string[] {
  const root = join(out, WORK_FOLDER, 'shards');
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\/\d+\.arrow$/.test(name))
    .map((name) => join(root, name));
}

test('a damaged shard is named and rewritten in the same run, for any damage', async () => {
  using folder = temporaryFolder();
  const captures = await captureRefs(demoCaptures().slice(0, 3));
  const config = plainConfig();
  const expected = await runJob(join(folder.path, 'expected'), captures, config);
  const damages: Record<string, (shard: string) => void> = {
    emptied: (shard) => truncateSync(shard),
    cut: (shard) => truncateSync(shard, readFileSync(shard).length >> 1),
    changed: (shard) => {
      const bytes = readFileSync(shard);
      bytes[bytes.length >> 1] ^= 1;
      writeFileSync(shard, bytes);
    },
    gone: (shard) => rmSync(shard),
  };
  for (const [damage, inflict] of Object.entries(damages)) {
    const out = join(folder.path, damage);
    const options: EmbeddedOptions = { out, captures, config, workers: 2, tries: 2 };
    await upToReduce(options);
    for (const shard of shardsOf(out)) inflict(shard);
    const told: string[] = [];
    const summary = await runEmbedded({
      ...options,
      onDamaged: (words) => told.push(words),
    });
    const [first, ...more] = told;
    assert.match(first, /^reduce task \d failed: .*(is damaged|no object shards)/, damage);
    assert.deepEqual(more, [], damage);
    const tables = await readTables(out, summary.files);
    assert.deepEqual(lines(tables.sessions), lines(expected.tables.sessions), damage);
    assert.deepEqual(lines(tables.captures), lines(expected.tables.captures), damage);
  }
});

test('a rewritten object stays, however often the job is run again', async () => {
  using folder = temporaryFolder();
  const captures = await captureRefs(demoCaptures().slice(0, 2));
  const options: EmbeddedOptions = {
    out: join(folder.path, 'out'),
    captures,
    config: plainConfig(),
    workers: 1,
    tries: 2,
  };
  await upToReduce(options);
  for (const shard of shardsOf(options.out)) truncateSync(shard);
  const told: string[] = [];
  const onDamaged = (words: string): void => void told.push(words);
  const { job } = await runEmbedded({ ...options, onDamaged });
  const made = shardsOf(options.out);
  assert.ok(made.length > 0 && told.length > 0);
  assert.equal((await runEmbedded({ ...options, onDamaged })).job, job);
  assert.deepEqual(shardsOf(options.out), made);
  // A job with other timeouts and the same shards.
  const config = plainConfig({ sessions: { ...plainConfig().sessions, udpInactivityUs: 5e6 } });
  const other = await runEmbedded({ ...options, config, onDamaged });
  assert.equal(other.reusedTasks, other.mapTasks);
  assert.equal(told.length, 1);
});

test('a table file with another length is rewritten', async () => {
  using folder = temporaryFolder();
  const captures = await captureRefs(demoCaptures().slice(0, 2));
  const options = { out: join(folder.path, 'out'), captures, config: plainConfig(), workers: 1 };
  const first = await runEmbedded(options);
  const before = await readTables(options.out, first.files);
  for (const [table, files] of Object.entries(first.files)) {
    if (files.length === 0) continue;
    const { files: current } = await runEmbedded(options);
    truncateSync(join(options.out, current[table as keyof typeof current][0]), 10);
    const again = await runEmbedded(options);
    const tables = await readTables(options.out, again.files);
    assert.deepEqual(lines(tables.sessions), lines(before.sessions), table);
    assert.equal((await runEmbedded(options)).job, again.job, `${table}: done before`);
  }
});

test('a capture that kills each worker that reads it loses itself only', async () => {
  using folder = temporaryFolder();
  const captures = await captureRefs(demoCaptures().slice(0, 3));
  const fatal = captures[1];
  const shim = join(folder.path, 'fatal.mjs');
  // Plan reads the head only and survives; a worker that reads further does not.
  writeFileSync(
    shim,
    `import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';
const { open } = fs;
if (!isMainThread) fs.open = async (path, ...rest) => {
  if (path === ${JSON.stringify(fatal.location)} && (await fs.readdir(${JSON.stringify(folder.path)})).includes('planned')) process.exit(7);
  if (path === ${JSON.stringify(fatal.location)}) await fs.writeFile(${JSON.stringify(join(folder.path, 'planned'))}, '');
  return open(path, ...rest);
};
syncBuiltinESMExports();
`,
  );
  const script = `import { runEmbedded } from ${JSON.stringify(new URL('../../shared/engine/embedded.ts', import.meta.url).href)};
const summary = await runEmbedded(${JSON.stringify({ out: join(folder.path, 'out'), captures, config: plainConfig(), workers: 1 })});
process.stdout.write(JSON.stringify(summary.damaged));`;
  const main = join(folder.path, 'main.mjs');
  writeFileSync(main, script);
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', shim, main], { encoding: 'utf8' });
  const damaged = JSON.parse(stdout || '[]') as { capture: string; reason: string }[];
  assert.deepEqual(
    damaged.map(({ capture, reason }) => [capture, reason]),
    [[fatal.name, 'capture_given_up']],
    stderr,
  );
});

test('a run that is stopped before it began ends with the reason it was given', async () => {
  using folder = temporaryFolder();
  const captures = await captureRefs(demoCaptures().slice(0, 1));
  const reason = new Error('enough');
  const options = { out: join(folder.path, 'out'), captures, config: plainConfig(), workers: 1 };
  await assert.rejects(runEmbedded({ ...options, signal: AbortSignal.abort(reason) }), reason);
  assert.equal((await runEmbedded(options)).captures, 1);
});

test('no scratch is left over, not even that of a dead process', async () => {
  using folder = temporaryFolder();
  const captures = await captureRefs(demoCaptures().slice(0, 1));
  const options = { out: join(folder.path, 'out'), captures, config: plainConfig(), workers: 1 };
  const scratch = join(options.out, WORK_FOLDER, '.scratch');
  const { pid: dead } = spawnSync(process.execPath, ['--version']);
  mkdirSync(join(scratch, String(dead), 'task-1'), { recursive: true });
  mkdirSync(join(scratch, String(process.ppid), 'task-1'), { recursive: true });
  await runEmbedded(options);
  assert.deepEqual(readdirSync(scratch), [String(process.ppid)], 'scratch of a running process is not removed');
});
