/**
 * What can be known of a change within half a minute on two processors: `npm run test:fast` checks types and style and runs the tests that
 * need no job, no corpus and no other program. Which these are is told by what a test imports, however deep, so no list
 * has to be kept. `npm run test:fast -- --list` names them, and for the others what makes them slow.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, normalize } from 'node:path';

/** What a test that reaches one of these modules or packages does takes its time. */
const SLOW: Record<string, string> = {
  'test/job/harness.ts': 'runs jobs',
  'test/simulation/simulation.ts': 'runs jobs in virtual time',
  'shared/engine/embedded.ts': 'runs jobs',
  'node:child_process': 'starts processes',
  'aws-cdk-lib': 'builds the stacks',
  esbuild: 'bundles',
  'typescript/unstable/sync': 'starts the compiler',
};
/** A module that names this folder reads captures that lie beside the checkout. */
const CORPUS = 'shared/corpus';

const reasons = new Map<string, string | undefined>();

/** Why a module is slow to run, with the way from it to what makes it so; undefined when it is not. */
function slowness(module: string): string | undefined {
  if (reasons.has(module)) return reasons.get(module);
  // Modules that import each other: whoever asked first finds out.
  reasons.set(module, undefined);
  const reason = look(module);
  reasons.set(module, reason);
  return reason;
}

function look(module: string): string | undefined {
  if (SLOW[module] !== undefined) return `${module} ${SLOW[module]}`;
  if (!existsSync(module)) return undefined;
  const text = readFileSync(module, 'utf8');
  if (module.startsWith('test/') && module !== 'test/fast.ts' && text.includes(CORPUS))
    return `${module} reads the corpus`;
  for (const name of imports(text)) {
    const found = slowness(name.startsWith('.') ? normalize(join(dirname(module), name)) : packageOf(name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Modules that a text imports for their values. */
function imports(text: string): string[] {
  const found = [...text.matchAll(/^(?:import|export)\b(?! type\b)[^;]*? from '([^']+)'|\bimport\('([^']+)'\)/gm)];
  return found.map((match) => match[1] ?? match[2]);
}

/** aws-cdk-lib of aws-cdk-lib/aws-s3; names that are listed by themselves stay whole. */
function packageOf(name: string): string {
  return SLOW[name] === undefined ? name.split('/')[0] : name;
}

/** Runs a program. @returns whether it ended with 0 */
async function passes(command: string, args: readonly string[]): Promise<boolean> {
  const [code] = await once(spawn(command, args, { stdio: 'inherit' }), 'exit');
  return code === 0;
}

/** Runs test files in so many processes, each of which loads what they share once. @returns the exit code */
async function runLanes(files: readonly string[], lanes: number): Promise<number> {
  const codes = Array.from({ length: lanes }, async (_, lane) => {
    const own = files.filter((_, i) => i % lanes === lane);
    const args = ['--test', '--test-isolation=none', '--test-reporter=dot', ...own];
    const env = { ...process.env, FLOWSTITCH_TEST_FAST: '1' };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
    const [code] = await once(child, 'exit');
    return code === 0 ? 0 : 1;
  });
  return Math.max(...(await Promise.all(codes)));
}

const tests = globSync('test/**/*.test.ts').sort();
const slow = tests.filter((test) => slowness(test) !== undefined);
const fast = tests.filter((test) => slowness(test) === undefined);
if (process.argv.includes('--list')) {
  for (const test of fast) console.log(test);
  for (const test of slow) console.log(`not ${test}: ${slowness(test)}`);
} else {
  const passed = await Promise.all([passes('tsc', ['-p', 'tsconfig.json']), passes('biome', ['check', '.'])]);
  if (passed.includes(false)) process.exit(1);
  console.log(`${fast.length} of ${tests.length} test files need nothing else; npm test runs all`);
  // Many wait for responses and timeouts: more lanes than processors.
  process.exitCode = await runLanes(fast, 2 * availableParallelism());
}
