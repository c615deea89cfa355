/**
 * npm run test:localstack: starts LocalStack, runs all tests that need one, or those that are named, and stops it; also
 * when interrupted. With --or-without the tests are run without LocalStack where there can be none.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { type LocalStack, startLocalStack } from '../../localstack/start.ts';
import { NoPython } from '../../localstack/venv.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PATTERNS = [
  'test/localstack/**/*.test.ts',
  'test/store/s3*.test.ts',
  'test/queue/sqs*.test.ts',
  'test/functions/*.test.ts',
];

const OR_WITHOUT = '--or-without';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Test files: those named on the command line, or all. */
function files(): string[] {
  const named = process.argv.slice(2).filter((arg) => arg !== OR_WITHOUT);
  const missing = named.find((file) => !existsSync(file));
  if (missing !== undefined) throw new Error(`${missing}: no such test file`);
  return named.length > 0 ? named : globSync(PATTERNS, { cwd: ROOT }).sort();
}

/** Runs the tests in a process group of their own, which is killed when this process is told to end. Returns their exit code. */
async function runTests(localStack: LocalStack | null, paths: readonly string[]): Promise<number> {
  const tests = spawn(process.execPath, ['--test', '--test-reporter=spec', '--test-concurrency=1', ...paths], {
    cwd: ROOT,
    env: {
      ...process.env,
      FLOWSTITCH_LOCALSTACK: localStack?.endpoint,
      FLOWSTITCH_LOCALSTACK_FOLDER: localStack?.folder,
    },
    stdio: 'inherit',
    detached: true,
  });
  const kill = (): void => {
    try {
      process.kill(-tests.pid!, 'SIGKILL');
    } catch {
      // They have ended.
    }
  };
  // The end of this process stops LocalStack too.
  process.on('exit', kill);
  process.prependListener('SIGINT', () => process.exit(130)).prependListener('SIGTERM', () => process.exit(143));
  return new Promise((settle, reject) => tests.on('error', reject).on('exit', (code) => settle(code ?? 1)));
}

try {
  const paths = files();
  const localStack = await startLocalStack({ onLog: say });
  try {
    process.exitCode = await runTests(localStack, paths);
    if (process.exitCode !== 0) say(`\nThe end of LocalStack's log:\n${(await localStack.logs()).slice(-3000)}`);
  } finally {
    await localStack.stop();
  }
} catch (error) {
  if (error instanceof NoPython) {
    say(`Skipped, all tests on LocalStack: ${error.message}`);
    if (process.argv.includes(OR_WITHOUT)) process.exitCode = await runTests(null, files());
  } else {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exitCode = 1;
  }
}
