/**
 * All tests: `npm test`, with the names of files for some of them. Two files at a time at least: Node itself takes one
 * processor less than there are, which of two is one. Compiled code is kept: hundreds of processes load the same modules.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const files = process.argv.slice(2);
const child = spawn(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${Math.max(2, availableParallelism() - 1)}`,
    ...(files.length > 0 ? files : ['test/**/*.test.ts']),
  ],
  {
    stdio: 'inherit',
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, '../node_modules/.cache/flowstitch-tests'), ...process.env },
  },
);
const [code] = await once(child, 'exit');
process.exitCode = code ?? 1;
