/** The package as npm makes and installs it: compiled JavaScript that runs where there is nothing else. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import test from 'node:test';
import { EXAMPLE_CAPTURES, EXAMPLE_OUTPUT, examples } from '../library/examples.ts';
import { command, ROOT, START_US, scratchFolder, udpCapture, writeFiles } from './harness.ts';

// The bin scripts ask the path for node: it must be the one that runs the tests.
const ENV = { PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };

/** Whether npm reaches its registry; cheap when it does not. */
function online(): boolean {
  return command('npm', ['ping', '--fetch-retries=0', '--fetch-timeout=5000'], { env: ENV }).code === 0;
}

test('packed and installed in an empty folder it runs, with worker threads, and holds JavaScript only', (t) => {
  if (!online()) return t.skip('npm does not reach its registry');
  const folder = scratchFolder(t);
  const packed = command('npm', ['pack', '--pack-destination', folder], { cwd: ROOT, env: ENV });
  assert.equal(packed.code, 0, packed.stdout + packed.stderr);
  const [tarball] = readdirSync(folder);

  const files = command('tar', ['-tzf', join(folder, tarball)])
    .stdout.trim()
    .split('\n');
  for (const needed of [
    'package.json',
    'LICENSE',
    'cli/flowstitch.js',
    'dist/flowstitch.js',
    'dist/worker.js',
    'dist/index.js',
    'dist/types/shared/index.d.ts',
  ])
    assert.ok(files.includes(`package/${needed}`), `${needed} is missing`);
  const foreign = files.filter(
    (file) =>
      !/^package\/(package\.json|LICENSE|README\.md|cli\/flowstitch\.js|dist\/[\w-]+\.js(\.map)?|dist\/types\/[\w/]+\.d\.ts)$/.test(
        file,
      ),
  );
  assert.deepEqual(foreign, [], 'sources, tests and captures stay at home');

  const home = join(folder, 'installed');
  writeFiles(home, {
    'package.json': '{ "private": true }',
    'captures/a.pcap': udpCapture(10),
    'captures/b.pcap': udpCapture(10, START_US + 1e6),
  });
  const installed = command('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, tarball)], {
    cwd: home,
    env: ENV,
  });
  assert.equal(installed.code, 0, installed.stdout + installed.stderr);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const flowstitch = (...args: string[]) =>
    command(join(home, 'node_modules/.bin/flowstitch'), args, { cwd: home, env: ENV });
  assert.equal(flowstitch('--version').stdout, `flowstitch ${version}\n`);
  const run = flowstitch('run', 'captures', '--out', 'results', '--workers', '2', '--packets');
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /sessions {6}1, 1 spanning several captures/);
  const sql = flowstitch('sql', 'select count(*) as n from packets', '--data', 'results', '--csv');
  assert.deepEqual([sql.code, sql.stdout], [0, 'n\n20\n']);
  const inspect = flowstitch('inspect', 'captures/a.pcap', '-n', '1');
  assert.match(inspect.stdout, /10\.0\.0\.1\.5000 > 10\.0\.0\.2\.9000: UDP, length 20\n/);

  // The library: the examples of its documentation by its types, and as they run.
  writeFiles(home, {
    ...EXAMPLE_CAPTURES,
    'package.json': '{ "private": true, "type": "module" }',
    'wrong.ts': `import { run } from 'flowstitch';
// @ts-expect-error the number of sessions is no text
export const sessions: string = (await run({ captures: [], out: 'out' })).sessions;
// @ts-expect-error there is no such option
await run({ captures: [], out: 'out', options: { colour: 'red' } });
`,
  });
  for (const [i, code] of examples().entries()) writeFiles(home, { [`example${i}.ts`]: code });
  const sources = ['wrong.ts', ...EXAMPLE_OUTPUT.map((_, i) => `example${i}.ts`)];
  const nodeTypes = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node'];
  const compiler = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--skipLibCheck',
    ...nodeTypes,
  ];
  const types = command(join(ROOT, 'node_modules/.bin/tsc'), [...compiler, ...sources], { cwd: home, env: ENV });
  assert.equal(types.code, 0, types.stdout);
  for (const [i, output] of EXAMPLE_OUTPUT.entries()) {
    const example = command(process.execPath, [`example${i}.ts`], { cwd: home, env: ENV });
    assert.deepEqual([example.code, example.stdout], [0, output], example.stderr);
  }
  const traced = command(join(home, 'node_modules/.bin/flowstitch'), ['inspect', 'none.pcap'], {
    cwd: home,
    env: { ...ENV, FLOWSTITCH_TRACE: '1' },
  });
  assert.match(traced.stderr, /^ +at .*cli\/commands\/inspect\.ts:\d+:\d+\)$/m, 'a stack names the sources');
});
