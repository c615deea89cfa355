/** A process that uses a folder of kept files beside others: it draws from a small set, and reads each while it holds it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { FileCache } from '../../../cli/sql/filecache.ts';
import { content, file, nothing, Origin } from './origin.ts';

const [folder, seed] = process.argv.slice(2);
const cache = new FileCache(folder, 2000);
const { fetch } = new Origin();
for (let round = 0; round < 40; round++) {
  const names = [0, 1, 2].map((i) => `file ${(Number(seed) * 5 + round * 3 + i * 7) % 8}`);
  const files = names.map((name) => file(name, 500));
  const held = await cache.hold(files, fetch, nothing);
  for (const [i, name] of names.entries())
    assert.deepEqual(readFileSync(held.paths[i]), content(name, '1', 500), `${name}, round ${round}`);
  await held.release();
}
