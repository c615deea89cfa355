/**
 * Tests with a random seed: `npm run test:random [-- FILE ...]`. The seed is printed first and last;
 * SEED=<it> repeats the run, with `npm test` or with `node --test FILE`.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';

const seed = process.env.SEED ?? String(randomInt(1_000_000_000));
const named = process.argv.slice(2);
console.log(`SEED=${seed}`);
const { status } = spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...named], {
  stdio: 'inherit',
  env: { ...process.env, SEED: seed },
});
console.log(`SEED=${seed}`);
process.exitCode = status ?? 1;
