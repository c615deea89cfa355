/** Any bytes: no throw, one fate, no row without a session. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { META_LEVELS } from '../../shared/packet/columns.ts';
import { BY_CODE } from '../../shared/packet/protocols.ts';
import { KINDS } from '../golden/packets.ts';
import { SEED } from '../seed.ts';
import { random, Workbench } from './harness.ts';

/** All link types with a decoder, and one without. */
const LINK_TYPES = [...BY_CODE.flatMap(({ linkTypes }) => (linkTypes === 'others' ? [] : linkTypes)), 147];

/** Records with rows on level 0. */
function innermostRows({ columns }: Workbench): number {
  const offsets = new Set<number>();
  for (let row = 0; row < columns.length; row++)
    if ((columns.meta[row] & META_LEVELS) === 0) offsets.add(columns.offset[row]);
  return offsets.size;
}

/** Records that wait for their fragments. */
function standing({ fragments }: Workbench): number {
  return fragments.counts.subarray(0, fragments.length).reduce((sum, count) => sum + count, 0);
}

for (const [name, linkType, packet] of KINDS) {
  test(`${name} cut at any byte has a stable fate and conserves records`, () => {
    for (let capLen = 0; capLen <= packet.length; capLen++) {
      const bench = new Workbench();
      const fate = bench.decode(packet, linkType, capLen);
      // The bytes after the record differ here: they must not matter.
      const rows = innermostRows(bench);
      const again = bench.decode(packet.subarray(0, capLen), linkType, capLen, capLen) === 'session';
      assert.equal(innermostRows(bench) - rows, again ? 1 : 0);
      const other = new Workbench();
      assert.equal(other.decode(packet, linkType, capLen), fate);
      assert.deepEqual(
        [innermostRows(other), standing(other)],
        [fate === 'session' ? 1 : 0, fate === 'fragment' ? 1 : 0],
      );
    }
  });
}

test('random bytes and damaged packets never throw, and every record has one fate', () => {
  const seed = SEED;
  const next = random(seed);
  const bench = new Workbench();
  const seen = new Set<string>();
  let sessions = 0;
  let fragments = 0;
  const RECORDS = 60_000;
  for (let i = 0; i < RECORDS; i++) {
    let packet: Uint8Array;
    let linkType = 1;
    if (next(3) === 0) {
      packet = Uint8Array.from({ length: next(120) }, () => next(256));
    } else {
      const [, kindType, frame] = KINDS[next(KINDS.length)];
      linkType = kindType;
      packet = frame.slice();
      for (let flips = next(4); flips > 0; flips--) packet[next(packet.length)] = next(256);
      packet = packet.subarray(0, next(4) === 0 ? next(packet.length + 1) : packet.length);
    }
    try {
      const fate = bench.decode(
        packet,
        next(2) === 0 ? linkType : LINK_TYPES[next(LINK_TYPES.length)],
        packet.length,
        packet.length + next(3) * next(1500),
      );
      seen.add(fate);
      if (fate === 'session') sessions++;
      if (fate === 'fragment') fragments++;
    } catch (cause) {
      throw new Error(`seed ${seed}, record ${i}: ${Buffer.from(packet).toString('hex')}`, { cause });
    }
    if (bench.odd.length > 1000) bench.odd.length = 0;
  }
  assert.equal(innermostRows(bench), sessions, `seed ${seed}`);
  assert.equal(standing(bench), fragments, `seed ${seed}`);
  assert.ok(seen.size > 15, `only ${seen.size} fates seen, seed ${seed}`);
  for (let row = 0; row < bench.columns.length; row++)
    assert.ok(
      bench.columns.payloadLen[row] <= 8 * 0x10000,
      `payload ${bench.columns.payloadLen[row]} of row ${row}, seed ${seed}`,
    );
});
