/** The attacks: each makes the same captures every time, its costs are judged rightly, and the document names them all. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Attack } from '../../bench/attacks/attack.ts';
import { ATTACKS } from '../../bench/attacks/list.ts';
import { type Measured, runAttack } from '../../bench/attacks/run.ts';
import { withTable } from '../../bench/attacks/table.ts';
import { brokenBounds, ratioOf } from '../../bench/attacks/verdict.ts';
import { temporaryFolder } from '../job/harness.ts';

const LIMITS = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');

async function digestOf(attack: Attack, folder: string): Promise<string> {
  mkdirSync(folder);
  await attack.make(folder, 3);
  const digest = createHash('sha256');
  const names = readdirSync(folder).sort();
  assert.ok(names.length > 0, attack.name);
  for (const name of names) digest.update(name).update(readFileSync(join(folder, name)));
  return digest.digest('hex');
}

test('every attack makes the same captures each time', async () => {
  using folder = temporaryFolder();
  for (const [number, attack] of ATTACKS.entries()) {
    const one = await digestOf(attack, join(folder.path, `${number}-a`));
    assert.equal(await digestOf(attack, join(folder.path, `${number}-b`)), one, attack.name);
  }
});

test('docs/limits.md has a row for each attack', () => {
  for (const { name } of ATTACKS) assert.ok(LIMITS.includes(`| **${name}**: `), name);
  assert.throws(() => withTable('no marks', ''), /no marks/);
  assert.ok(withTable(LIMITS, 'TABLE').includes('TABLE'));
});

const EMPTY: Measured = { size: 0, storedMB: 0, plainMB: 0, cpuSeconds: 1, peakMB: 200, exit: 0, seen: '' };
const ATTACK: Attack = {
  name: 'one',
  what: 'for the test',
  size: 1,
  unit: 'packets',
  make: () => undefined,
  bound: { cpuPerMB: 1, peakMB: 300 },
};

test('costs beyond a bound are named, and those within it are not', () => {
  const run = (changes: Partial<Measured>): Measured => ({ ...EMPTY, size: 1, storedMB: 5, cpuSeconds: 3, ...changes });
  const twice = run({ size: 2, storedMB: 10, cpuSeconds: 5.5 });
  assert.deepEqual(brokenBounds(ATTACK, [run({}), twice], EMPTY), []);
  assert.equal(ratioOf([run({}), twice], EMPTY), 2.25);
  const broken = (one: Partial<Measured>, two: Partial<Measured> = {}): string =>
    brokenBounds(ATTACK, [run(one), { ...twice, ...two }], EMPTY).join('; ');
  assert.match(broken({ cpuSeconds: 9 }), /^1 packets: 8\.0 s of cpu, 6\.0 allowed$/);
  // Uncompressed bytes count where they are more than the stored ones.
  assert.equal(broken({ cpuSeconds: 9, plainMB: 50 }), '');
  assert.match(broken({ peakMB: 301 }), /301 MB, 300 allowed/);
  assert.match(broken({ exit: 2, seen: 'damaged' }), /exit code 2, not 0: damaged/);
  assert.match(broken({ exit: null, seen: 'no end after 60 s' }), /no end after 60 s/);
  assert.match(broken({ cpuSeconds: 2 }, { cpuSeconds: 8 }), /twice the size costs 7\.0 times as much/);
  // What costs next to nothing has no ratio.
  assert.equal(ratioOf([run({ cpuSeconds: 1.1 }), run({ cpuSeconds: 1.9 })], EMPTY), null);
});

test('a run tells what the user sees, what it took, and how it ended', async () => {
  using folder = temporaryFolder();
  const attack = ATTACKS.find(({ name }) => name === 'no capture at all')!;
  const run = await runAttack(attack, 2, join(folder.path, 'run'));
  assert.equal(run.exit, 2);
  assert.match(run.seen, /notes\.txt\.pcap: unreadable/);
  assert.ok(run.cpuSeconds > 0.1 && run.peakMB > 50 && run.storedMB > 1.9);
});
