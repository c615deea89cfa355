/**
 * Tests with a random seed: `npm run test:random [-- FILE ...]`. The seed is printed first and last;
 * SEED=<it> repeats the run, with `npm test` or with `node --test FILE`.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

const seed = process.env.SEED ?? String(randomInt(1_000_000_000));
const named = process.argv.slice(2);
const files = named.length > 0 ? named : ['test/**/*.test.ts'];
console.log(`SEED=${seed}`);
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...files], {
  stdio: 'inherit',
  env: { ...process.env, SEED: seed },
});
console.log(`SEED=${seed}`);
process.exitCode = status ?? 1;
