/** The fuzzer finds planted defects of each kind, shrinks them, and is reproducible by seed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../job/harness.ts';
import { type Campaign, campaign } from './campaign.ts';
import type { Check } from './check/finding.ts';
import { readFinding } from './keep.ts';
import type { Limits } from './lane.ts';
import { Bases } from './make/bases.ts';
import { makeCase } from './make/cases.ts';
import { shrink } from './shrink.ts';

const SEED = 3;

/** A short campaign with a broken part in its place. */
async function withBroken(
  part: string,
  folder: string,
  cases: number,
  limits: Partial<Limits> = {},
): Promise<Campaign> {
  return await campaign('captures', {
    seed: SEED,
    seconds: 60,
    from: 0,
    cases,
    corpus: false,
    findings: folder,
    shrinkSeconds: 5,
    parts: new URL(`./broken/${part}.ts`, import.meta.url).href,
    limits,
    tell: () => undefined,
  });
}

/** The finding of a check. */
function foundBy(check: Check, { findings }: Campaign): { folder: string; bytes: number } {
  const found = [...findings.values()].filter((finding) => finding.found.check === check);
  assert.equal(found.length, 1, `${check} in ${[...findings.keys()].join('; ')}, seed ${SEED}`);
  return found[0];
}

test('a decoder that loses packets is found, and the case shrunk to a readable size', async () => {
  using folder = temporaryFolder();
  const { folder: kept, bytes } = foundBy('conservation', await withBroken('decoder', folder.path, 60));
  const { made } = readFinding(kept);
  assert.equal(made.captures.length, 1);
  // A capture's header and one packet, without anything around it.
  assert.ok(bytes < 200, `${bytes} bytes, seed ${SEED}`);
});

test('a tracker that never returns is a finding and does not end the campaign', async () => {
  using folder = temporaryFolder();
  const ended = await withBroken('tracker', folder.path, 25, { cpuSeconds: 1.5 });
  const { folder: kept } = foundBy('hang', ended);
  assert.ok(readFinding(kept).made.captures.length >= 1);
  assert.equal(ended.cases, 25);
});

test('unbounded memory is a finding and does not end the campaign', async () => {
  using folder = temporaryFolder();
  const ended = await withBroken('reader', folder.path, 1, { megabytes: 900 });
  foundBy('memory', ended);
});

test('the same seed and number make the same case', async () => {
  const bases = new Bases(false);
  for (let number = 0; number < 40; number++)
    assert.deepEqual(await makeCase(SEED, number, bases), await makeCase(SEED, number, new Bases(false)));
  assert.notDeepEqual(await makeCase(SEED, 1, bases), await makeCase(SEED + 1, 1, bases));
});

test('a case is shrunk to what shows the finding', async () => {
  const wanted = [0xde, 0xad, 0xbe, 0xef];
  const captures = [new Uint8Array(500), new Uint8Array(3000)];
  captures[1].set(wanted.slice(0, 2), 1200);
  captures[1].set(wanted.slice(2), 2500);
  const shows = async (made: { captures: Uint8Array[] }): Promise<boolean> =>
    made.captures.some((bytes) => {
      const first = Buffer.from(bytes).indexOf(Buffer.from(wanted.slice(0, 2)));
      return first >= 0 && Buffer.from(bytes).indexOf(Buffer.from(wanted.slice(2)), first) > 0;
    });
  const made = { captures, keyVlan: false, keyVni: false, variation: 1 };
  const { captures: small } = await shrink(made, shows, { tries: 5000, until: Number.POSITIVE_INFINITY });
  assert.deepEqual(small, [Uint8Array.from(wanted)]);
});
