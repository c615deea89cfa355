/** Flow keys and their table: both directions share a key, different flows do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bucketOf,
  FlowTable,
  KEY_FLAG_V6,
  KEY_WORDS,
  type ShardBy,
  shardHash,
} from '../../../shared/packet/flow/flowtable.ts';
import { SEED } from '../../seed.ts';
import { bytes, ipv4, ipv6, random, tcp, text, udp, Workbench } from '../harness.ts';

const RAW = 101;

test('both directions of a packet are one flow, sent by opposite ends', () => {
  const seed = SEED;
  const next = random(seed);
  const digits = (length: number) => Array.from({ length }, () => next(16).toString(16)).join('');
  for (let i = 0; i < 3000; i++) {
    const v6 = next(2) === 1;
    // Few values, so that equal addresses and equal words are common.
    const word = () => (next(2) === 0 ? '00000000' : next(2) === 0 ? 'ffffffff' : digits(8));
    const one = v6
      ? word() + word() + word() + word()
      : Array.from({ length: 4 }, () => [0, 127, 128, 255][next(4)]).join('.');
    const two =
      next(8) === 0
        ? one
        : v6
          ? word() + word() + word() + word()
          : Array.from({ length: 4 }, () => next(256)).join('.');
    const ports = [next(65536), next(65536)];
    const isTcp = next(2) === 1;
    const make = (from: string, to: string, source: number, destination: number) => {
      const segment = isTcp ? tcp(source, destination, text('x')) : udp(source, destination, text('x'));
      return v6
        ? ipv6(segment, isTcp ? 6 : 17, from, to)
        : ipv4(segment, { proto: isTcp ? 6 : 17, src: from, dst: to });
    };
    const bench = new Workbench();
    bench.decode(make(one, two, ports[0], ports[1]), RAW);
    bench.decode(make(two, one, ports[1], ports[0]), RAW);
    const what = `${one} ${two} ${ports}, seed ${seed}`;
    assert.equal(bench.flows.count, 1, what);
    if (one !== two || ports[0] !== ports[1]) assert.notEqual(bench.fromB(0), bench.fromB(1), what);
  }
});

test('an IPv4 flow and an IPv6 flow of the same words are two', () => {
  const bench = new Workbench();
  const v4 = ipv4(udp(1, 2, text('x')), { src: '0.0.0.1', dst: '0.0.0.2' });
  const v6 = ipv6(udp(1, 2, text('x')), 17, `${'0'.repeat(31)}1`, `${'0'.repeat(31)}2`);
  bench.decode(v4, RAW);
  bench.decode(v6, RAW);
  bench.decode(v4, RAW);
  bench.decode(v6, RAW);
  assert.deepEqual([...bench.columns.flow.subarray(0, 4)], [0, 1, 0, 1]);
});

test('the table numbers keys like a Map, through growth and clearing', () => {
  const seed = SEED;
  const next = random(seed);
  const table = new FlowTable(4);
  for (let round = 0; round < 2; round++) {
    const known = new Map<string, number>();
    const key = new Uint32Array(KEY_WORDS);
    for (let i = 0; i < 20_000; i++) {
      const v6 = next(2);
      for (let w = 0; w < 8; w++)
        key[w] = v6 === 1 || w === 3 || w === 7 ? (next(2) === 0 ? next(20) : 0xffffffff - next(20)) : 0;
      key[8] = 0xffff0000 + next(4);
      key[9] = v6 === 1 ? 6 | KEY_FLAG_V6 : 6;
      key[10] = next(3) * 0x40000000;
      key[11] = 0;
      const name = key.join();
      const expected = known.get(name) ?? known.size;
      known.set(name, expected);
      const direct = v6 === 0 && next(2) === 0;
      const got = direct ? table.lookup4(key[3], key[7] | 0, key[8], key[9], key[10], key[11]) : table.lookup(key);
      assert.equal(got, expected, `seed ${seed}, key ${name}`);
      assert.deepEqual([...table.words.subarray(got * KEY_WORDS, got * KEY_WORDS + KEY_WORDS)], [...key]);
    }
    assert.equal(table.count, known.size);
    assert.ok(known.size > 5000, 'the table had to grow');
    table.clear();
  }
});

test('VLANs and ports of an ICMP flow over either protocol number stay apart', () => {
  const bench = new Workbench();
  bench.decode(ipv4(bytes('0800', new Uint8Array(6)), { proto: 1 }), RAW);
  bench.decode(ipv4(bytes('0800', new Uint8Array(6)), { proto: 58 }), RAW);
  assert.equal(bench.flows.count, 2);
});

test('addresses are ordered as unsigned numbers, most significant word first', () => {
  for (let word = 0; word < 4; word++) {
    const digits = (value: string) => '00000001'.repeat(word) + value + 'fffffffe'.repeat(3 - word);
    const bench = new Workbench();
    bench.decode(ipv6(udp(1, 2, text('x')), 17, digits('80000000'), digits('7fffffff')), RAW);
    bench.decode(ipv6(udp(1, 2, text('x')), 17, digits('7fffffff'), digits('80000000')), RAW);
    assert.deepEqual([bench.fromB(0), bench.fromB(1)], [true, false], `word ${word}`);
  }
  const bench = new Workbench();
  bench.decode(ipv4(udp(1, 2, text('x')), { src: '128.0.0.0', dst: '127.255.255.255' }), RAW);
  assert.equal(bench.fromB(), true);
});

/** Shard hash of a flow between two hosts. */
function hashOf(by: ShardBy, proto: number, ports: number, vlan = 0, network = 0, seed = 7): number {
  const flows = new FlowTable(1);
  const flow = flows.lookup4(0x0a000001, 0x0a000002, ports, proto, vlan, network);
  return shardHash(flows.words, flow * KEY_WORDS, seed, by);
}

test('what a flow is sharded by decides its bucket, and nothing else', () => {
  const differs = (by: ShardBy, ...[proto, ports, vlan, network]: [number, number, number?, number?]) =>
    hashOf(by, 6, 0x00500051) !== hashOf(by, proto, ports, vlan, network);
  for (const [by, proto, ports, tags] of [
    ['5tuple', true, true, true],
    ['4tuple', false, true, true],
    ['2tuple', false, false, false],
  ] as const) {
    assert.equal(differs(by, 17, 0x00500051), proto, `protocol, ${by}`);
    assert.equal(differs(by, 6, 0x00500052), ports, `port, ${by}`);
    assert.equal(differs(by, 6, 0x00500051, 5), tags, `VLAN, ${by}`);
    assert.equal(differs(by, 6, 0x00500051, 0, 5), tags, `network, ${by}`);
    assert.notEqual(hashOf(by, 6, 0x00500051, 0, 0, 7), hashOf(by, 6, 0x00500051, 0, 0, 8), `seed, ${by}`);
  }
  for (const proto of [6, 17, 132]) assert.notEqual(hashOf('5tuple', proto, 1), hashOf('5tuple', proto, 2));
  // ICMP's type and code, and whatever others have in place of ports.
  for (const proto of [1, 58, 47]) assert.equal(hashOf('5tuple', proto, 1), hashOf('5tuple', proto, 2));
});

test('every word of both addresses decides the bucket', () => {
  const hashes = new Set<number>();
  for (let word = 0; word <= 8; word++) {
    const key = new Uint32Array(KEY_WORDS);
    if (word < 8) key[word] = 1;
    hashes.add(shardHash(key, 0, 7, '2tuple'));
  }
  assert.equal(hashes.size, 9);
});

test('the bucket of a flow is the same as in shards of earlier versions, for odd and even seeds', () => {
  const hashes = [7, 8, 0xffffffff].map((seed) => hashOf('5tuple', 6, 0x00500051, 5, 6, seed));
  assert.deepEqual(hashes, [1360782804, 3705459911, 3525809497]);
});

test('buckets are equal slices of the hashes', () => {
  assert.deepEqual(
    [0, 0x3fffffff, 0x40000000, 0xbfffffff, 0xc0000000, 0xffffffff].map((hash) => bucketOf(hash, 4)),
    [0, 0, 1, 2, 3, 3],
  );
});
