/** The functions' bundles: each carries its own stage, and nothing native. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Bundle, bundleFunctions, MOST_BYTES } from '../../infra/bundle/bundle.ts';
import { FUNCTION_NAMES, type FunctionName } from '../../infra/functions.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';

const MIB = 1024 * 1024;

describe('bundles of the functions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-bundle-'));
  let bundles: Bundle[] = [];
  before(async () => {
    bundles = await bundleFunctions({ into: join(folder, 'first') });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const code = (name: FunctionName): string =>
    readFileSync(join(bundles.find((bundle) => bundle.name === name)!.folder, 'index.mjs'), 'utf8');

  test('there is one for each function, smaller than Lambda takes', (t) => {
    assert.deepEqual(
      bundles.map(({ name }) => name),
      [...FUNCTION_NAMES],
    );
    for (const { name, bytes } of bundles) {
      t.diagnostic(`${name}: ${(bytes / MIB).toFixed(1)} MiB unzipped`);
      assert.ok(bytes < MOST_BYTES);
      assert.ok(bytes < 4 * MIB, `${name} has grown`);
    }
  });

  test('each carries its own stage and no other', () => {
    for (const name of FUNCTION_NAMES)
      for (const stage of STAGE_ORDER)
        assert.equal(
          new RegExp(`\\b${stage}Stage = \\{ stage: "${stage}"`).test(code(name)),
          name === stage,
          `${stage} in ${name}`,
        );
  });

  test('the same sources give the same bytes, and a file that is left from an earlier time goes', async () => {
    const stale = join(folder, 'again', 'map', 'stale.mjs');
    mkdirSync(dirname(stale), { recursive: true });
    writeFileSync(stale, '');
    const again = await bundleFunctions({ into: join(folder, 'again') });
    for (const [at, { name, bytes, folder: other }] of again.entries()) {
      assert.equal(bytes, bundles[at].bytes);
      assert.equal(readFileSync(join(other, 'index.mjs'), 'utf8'), code(name), name);
    }
    assert.equal(existsSync(stale), false);
  });

  test('every bundle can be loaded where it has no other modules', () => {
    for (const { name, folder: bundled } of bundles) {
      const url = `file://${join(bundled, 'index.mjs')}`;
      const script = `console.log(typeof (await import(${JSON.stringify(url)})).handler)`;
      const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        cwd: folder,
        encoding: 'utf8',
        timeout: 60_000,
        env: { ...ENVIRONMENT, PATH: process.env.PATH },
      });
      assert.equal(printed.trim(), 'function', name);
    }
  });
});

/** What functions need to be told before they can be loaded. */
const ENVIRONMENT = {
  AWS_REGION: 'us-east-1',
  FLOWSTITCH_WORK: 'work',
  FLOWSTITCH_RESULTS: 'results',
  FLOWSTITCH_CAPTURES: 'captures',
  FLOWSTITCH_QUEUES: '{}',
  POWERTOOLS_METRICS_NAMESPACE: 'Flowstitch',
  POWERTOOLS_SERVICE_NAME: 'flowstitch',
};

describe('a bundle that must not be', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-bundle-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Handlers of which one has this text and all others none. */
  function handlers(odd: FunctionName, text: string): string {
    const made = join(folder, odd);
    mkdirSync(made, { recursive: true });
    for (const name of FUNCTION_NAMES) writeFileSync(join(made, `${name}.ts`), name === odd ? text : 'export {};\n');
    return made;
  }

  const bundled = (odd: FunctionName, text: string): Promise<Bundle[]> =>
    bundleFunctions({ handlers: handlers(odd, text), into: join(folder, 'into') });

  test('is one that drags DuckDB along, and the error names who imports it', async () => {
    await assert.rejects(
      bundled('map', "import '@duckdb/node-api';\n"),
      /the function map must not carry @duckdb\/node-api, which map\.ts imports/,
    );
  });

  test('is one without a handler', async () => {
    const made = handlers('plan', '');
    rmSync(join(made, 'commit.ts'));
    await assert.rejects(
      bundleFunctions({ handlers: made, into: join(folder, 'into') }),
      /function commit has no handler: .*commit\.ts is missing/,
    );
  });
});
