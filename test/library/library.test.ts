/** The library as docs/library.md shows it, from its sources; test/cli/pack.test.ts has it from the package. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { OptionError, openResults, run } from '../../shared/index.ts';
import { command, ROOT, scratchFolder, writeFiles } from '../cli/harness.ts';
import { EXAMPLE_CAPTURES, EXAMPLE_OUTPUT, examples } from './examples.ts';

/** Has 'flowstitch' mean the sources. */
const HOOK = `import { registerHooks } from 'node:module';
registerHooks({
  resolve: (name, context, next) =>
    name === 'flowstitch'
      ? { url: '${pathToFileURL(join(ROOT, 'shared/index.ts'))}', format: 'module-typescript', shortCircuit: true }
      : next(name, context),
});
`;

test('the examples of the documentation run, and print what they say', (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, { ...EXAMPLE_CAPTURES, 'package.json': '{ "type": "module" }', 'hook.js': HOOK });
  const found = examples();
  assert.equal(found.length, EXAMPLE_OUTPUT.length);
  for (const [i, code] of found.entries()) {
    writeFiles(folder, { 'example.ts': code });
    const {
      code: exit,
      stdout,
      stderr,
    } = command(process.execPath, ['--import', './hook.js', 'example.ts'], {
      cwd: folder,
    });
    assert.deepEqual([exit, stdout], [0, EXAMPLE_OUTPUT[i]], stderr);
  }
});

test('what is wrong is told before anything is written', async (t) => {
  const out = join(scratchFolder(t), 'results');
  await assert.rejects(run({ captures: [], out, options: { 'udp-timeout': 'soon' } }), OptionError);
  await assert.rejects(run({ captures: [], out, workers: 0 }), OptionError);
  await assert.rejects(run({ captures: [join(out, 'none.pcap')], out }), { code: 'ENOENT' });
  await assert.rejects(run({ captures: [import.meta.dirname], out }), /library is not a file/);
  await assert.rejects(openResults(out), /has no finished results/);
});

test('a capture that is named twice is read once, and an option without a value is none', async (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, EXAMPLE_CAPTURES);
  const [monday] = Object.keys(EXAMPLE_CAPTURES).map((name) => join(folder, name));
  const { captures, packets } = await run({
    captures: [monday, join(folder, '.', 'captures', '..', 'captures', 'monday.pcap')],
    out: join(folder, 'results'),
    workers: 1,
    options: { 'udp-timeout': undefined },
  });
  assert.deepEqual([captures, packets], [1, 10]);
});

test('an error in a callback ends the run, and is what it throws', async (t) => {
  const folder = scratchFolder(t);
  writeFiles(folder, EXAMPLE_CAPTURES);
  const job = { captures: [join(folder, 'captures/monday.pcap')], out: join(folder, 'results'), workers: 1 };
  const thrown = new Error('of the caller');
  const fails = run({
    ...job,
    onTask: () => {
      throw thrown;
    },
  });
  await assert.rejects(fails, (error) => error === thrown);
  assert.equal((await run(job)).packets, 10);
});
