/** Keys constructed to collide. The tests count the slots that a lookup of every key touches, never time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketColumns } from '../../../shared/packet/columns.ts';
import { FlowTable, KEY_FLAG_V6, KEY_WORDS } from '../../../shared/packet/flow/flowtable.ts';
import { DRAWN_FOR_WORD, hashOfWords } from '../../../shared/packet/flow/keyhash.ts';
import { TunnelTable } from '../../../shared/packet/flow/tunneltable.ts';
import { LAYER_HAS_ID, LAYER_WORDS, MAX_LAYERS } from '../../../shared/packet/tunnellayers.ts';
import { SessionRows } from '../../../shared/session/rows/sessionrows.ts';
import { DEFAULTS } from '../../../shared/session/sessionconfig.ts';
import { SessionTracker } from '../../../shared/session/tracker.ts';
import { SEED } from '../../seed.ts';
import { seenRows } from '../../session/dialogue.ts';
import { walk } from '../../session/walk.ts';
import { kindNumber, random } from '../harness.ts';

const KIND_GRE = kindNumber('gre');

const KEYS = 20_000;
/** A table that is at most half full needs 1.5 slots a key on average; an unlucky draw a few more. */
const FEW = 3;
const TUNNEL_WORDS = MAX_LAYERS * LAYER_WORDS;

function drawn(words: number, seed: number): Int32Array {
  const next = random(seed);
  return Int32Array.from({ length: words * DRAWN_FOR_WORD }, () => next(2 ** 32) | 0);
}

/** Several draws, including this process's own. */
const draws = (words: number): (Int32Array | undefined)[] => [
  undefined,
  ...[1, 2, 3].map((seed) => drawn(words, seed)),
];

const rotate = (x: number, bits: number) => (x << bits) | (x >>> (32 - bits));
const inverse = (odd: number) => {
  let x = odd;
  for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(odd, x));
  return x;
};

/** Ports that take murmur3 from state `h` to `target`. */
function murmurPorts(h: number, target: number): number {
  const mixed = rotate(Math.imul((target - 0xe6546b64) | 0, inverse(5)), 19) ^ h;
  return Math.imul(rotate(Math.imul(mixed, inverse(0x1b873593)), 17), inverse(0xcc9e2d51));
}

function murmurRound(h: number, word: number): number {
  const k = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotate(h ^ k, 13), 5) + 0xe6546b64) | 0;
}

/** IPv4 keys: of one hash under murmur3, in a row, and words that differ in their highest bits alone. */
const KEYS4: Record<string, (i: number) => [number, number, number]> = {
  'one hash under murmur3': (i) => {
    const [a, b] = [0x0a000000 + i, 0x0b000000];
    return [a, b, murmurPorts(murmurRound(murmurRound(17, a), b), 0x12345678)];
  },
  'addresses in a row': (i) => [0x0a000000 + i, 0xc0a80001, 0x10000050],
  'multiples of 65536': (i) => [1, i << 16, 0x10000050],
  'high bits alone': (i) => [(i & 31) << 27, ((i >>> 5) & 31) << 27, (i >>> 10) << 27],
};

for (const [name, key] of Object.entries(KEYS4))
  test(`a flow table is not slowed down by chosen keys: ${name}`, () => {
    for (const [draw, random] of draws(KEY_WORDS).entries()) {
      const table = new FlowTable(16, random);
      for (let i = 0; i < KEYS; i++) table.lookup4(...key(i), 17, 0, 0);
      assert.equal(table.count, KEYS);
      assert.ok(table.probes() < KEYS * FEW, `draw ${draw}: ${table.probes() / KEYS} slots a key`);
    }
  });

test('a flow table is not slowed down by chosen IPv6 keys', () => {
  for (const [draw, random] of draws(KEY_WORDS).entries()) {
    const table = new FlowTable(16, random);
    const key = new Uint32Array(KEY_WORDS);
    key[9] = 6 | KEY_FLAG_V6;
    // Under murmur3 the last word cancels the first.
    for (let i = 0; i < KEYS; i++) {
      key[0] = 0x20010000 + i;
      let h = 0;
      for (let w = 0; w < 8; w++) h = murmurRound(h, key[w]);
      key[8] = murmurPorts(h, 0x12345678);
      table.lookup(key);
    }
    assert.equal(table.count, KEYS);
    assert.ok(table.probes() < KEYS * FEW, `draw ${draw}: ${table.probes() / KEYS} slots a key`);
  }
});

/** GRE tunnels whose keys cancel the addresses in a multiplicative hash. */
function greTunnel(i: number): number[] {
  const words = [KIND_GRE | LAYER_HAS_ID, 0, 0, 0, 0xc0000000 + (i & 0xffff), 0, 0, 0, 0xc1000000 + (i >>> 16)];
  let h = 1;
  for (const word of words) h = Math.imul(h ^ word, 0x9e3779b1) ^ (h >>> 15);
  return [...words, (Math.imul(0x2468ace0 ^ (h >>> 15), inverse(0x9e3779b1 | 0)) ^ h) >>> 0];
}

test('a tunnel table is not slowed down by chosen tunnels', () => {
  for (const [draw, random] of draws(TUNNEL_WORDS).entries()) {
    const table = new TunnelTable(random);
    for (let i = 0; i < KEYS; i++) table.lookup(greTunnel(i), 1);
    assert.equal(table.count, KEYS);
    assert.ok(table.probes() < KEYS * FEW, `draw ${draw}: ${table.probes() / KEYS} slots a tunnel`);
    assert.equal(table.hash(1), table.hash(KEYS), 'the stable hash is the one that was inverted');
  }
});

test('keys that collide under one draw are spread under another', () => {
  const seed = SEED;
  const next = random(seed);
  const known = drawn(KEY_WORDS, seed);
  // Keys whose hash ends in twelve zeros under the known draw: an attacker who has seen one process.
  const keys: [number, number, number][] = [];
  while (keys.length < 1000) {
    const key: [number, number, number] = [next(2 ** 32), next(2 ** 32), next(2 ** 32)];
    const words = [0, 0, 0, key[0], 0, 0, 0, key[1], key[2], 6, 0, 0];
    if ((hashOfWords(known, 0, words, 0, KEY_WORDS) & 0xfff) === 0) keys.push(key);
  }
  const probes = (random: Int32Array | undefined): number => {
    const table = new FlowTable(16, random);
    for (const key of keys) table.lookup4(...key, 6, 0, 0);
    assert.equal(table.count, keys.length);
    return table.probes();
  };
  assert.ok(probes(known) > 100_000, `seed ${seed}: the keys collide under the draw that they were constructed for`);
  for (const other of [undefined, drawn(KEY_WORDS, seed + 1)]) assert.ok(probes(other) < keys.length * FEW);
});

test('keys with equal hashes are distinguished', () => {
  const flows = new FlowTable(16, new Int32Array(KEY_WORDS * DRAWN_FOR_WORD));
  const tunnels = new TunnelTable(new Int32Array(TUNNEL_WORDS * DRAWN_FOR_WORD));
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < 300; i++) {
      assert.equal(flows.lookup4(i, 1000, 80, 6, 0, 0), i);
      assert.equal(tunnels.lookup(greTunnel(i), 1), i + 1);
    }
  assert.equal(flows.probes(), (300 * 301) / 2);
});

test('sessions do not depend on the draw', () => {
  const sessions = (random: Int32Array | undefined): string[] => {
    const { columns, flows: made } = walk(7, 3000);
    const flows = new FlowTable(16, random);
    const rows = new SessionRows(10_000);
    const tracker = new SessionTracker(DEFAULTS, flows, rows, () => assert.fail('more sessions than rows'));
    const read = new PacketColumns(1);
    for (let row = 0; row < columns.length; row++) {
      read.length = 0;
      read.pushRow(columns, row);
      tracker.packet(read, 0, flows.lookup(made.words, columns.flow[row] * KEY_WORDS), columns.capture[row]);
    }
    tracker.finish();
    return seenRows(rows).map((seen) => JSON.stringify(seen));
  };
  const expected = sessions(new Int32Array(KEY_WORDS * DRAWN_FOR_WORD));
  assert.ok(expected.length > 100);
  for (const draw of draws(KEY_WORDS)) assert.deepEqual(sessions(draw), expected);
});
