/** Joining fragments: order, captures, overlaps, timeouts, limits, and a random test against a bitmap. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { META_DATAGRAM, META_FRAGMENT, META_FROM_B } from '../../../shared/packet/columns.ts';
import { MAX_FRAGMENTS } from '../../../shared/packet/fragment/fragmentjoin.ts';
import { compareFragmentKeys, sortedFragmentOrder } from '../../../shared/packet/fragment/fragmentorder.ts';
import { FragmentColumns } from '../../../shared/packet/fragmentcolumns.ts';
import { SEED } from '../../seed.ts';
import { be16, be32, bytes, ethernet, ipv4, ipv6, random, tcp, text, udp, V6_ONE, V6_TWO } from '../harness.ts';
import { CAPTURES, cut, FLOW, Joinery, MESSAGE } from './joinery.ts';

for (const order of [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
]) {
  test(`three fragments in the order ${order} and in three captures are one datagram`, () => {
    const parts = cut(MESSAGE, [1480, 2960]);
    const joinery = new Joinery();
    for (let i = 0; i < 3; i++) joinery.add(parts[order[i]], i * 10, i + 1);
    joinery.join();
    assert.deepEqual(joinery.rows(), [
      { kind: 'datagram', flow: FLOW, ms: 20, age: 0, capture: 3, payload: 3000, ipLen: 3028 },
      { kind: 'fragment', flow: FLOW, ms: 20, age: 20, capture: 1, payload: 0, ipLen: parts[order[0]].length },
      { kind: 'fragment', flow: FLOW, ms: 20, age: 10, capture: 2, payload: 0, ipLen: parts[order[1]].length },
    ]);
    assert.deepEqual([...joinery.joiner.completed.subarray(0, 4)], [0, 1, 1, 1]);
    assert.deepEqual(joinery.counts(), [3, 0]);
    assert.deepEqual(joinery.odd, []);
  });
}

test('rows keep place and lengths of their own records, and the direction of the flow', () => {
  const parts = cut(udp(5000, 53, new Uint8Array(200)), [104], { src: '10.0.0.9', dst: '10.0.0.2' });
  const joinery = new Joinery().add(parts[0], 0).add(parts[1], 1).join();
  const c = joinery.columns;
  assert.deepEqual([...c.offset.subarray(0, 2)], [24 + parts[0].length + 16, 24]);
  assert.deepEqual([...c.capLen.subarray(0, 2)], [parts[1].length, parts[0].length]);
  assert.deepEqual([...c.meta.subarray(0, 2)], [META_DATAGRAM | META_FROM_B, META_FRAGMENT | META_FROM_B]);
});

test('ages borrow across the nanoseconds', () => {
  const joinery = new Joinery();
  const { fragments } = joinery.bench;
  joinery.addAll(cut(MESSAGE, [1480]));
  fragments.ns[0] = 900;
  fragments.ns[1] = 100;
  joinery.join();
  assert.deepEqual([joinery.columns.ageUs[1], joinery.columns.ageNs[1]], [999, 200]);
});

test('a TCP header is read from the joined head, even if the first fragment has only a part of it', () => {
  const segment = tcp(443, 50000, text('220 a reply that is long enough'), {
    seq: 7,
    ack: 9,
    flags: 0x18,
    window: 100,
  });
  const joinery = new Joinery();
  joinery.addAll(cut(segment, [8, 16], { proto: 6 }));
  joinery.join();
  const c = joinery.columns;
  assert.equal(joinery.rows()[0].flow, '6 10.0.0.1:443 10.0.0.2:50000');
  assert.deepEqual(
    [c.seq[0], c.ack[0], c.tcpFlags[0], c.window[0], c.payloadLen[0], c.hint[0]],
    [7, 9, 0x18, 100, 31, 2],
  );
  assert.deepEqual([c.seq[1], c.ack[1], c.tcpFlags[1], c.window[1], c.hint[1]], [0, 0, 0, 0, 0]);
});

test('datagrams that differ in addresses, id, protocol or VLAN are not mixed', () => {
  const parts = cut(MESSAGE, [1480]);
  const others = [
    cut(MESSAGE, [1480], { id: 2 })[1],
    cut(MESSAGE, [1480], { dst: '10.0.0.3' })[1],
    cut(MESSAGE, [1480], { src: '10.0.0.2', dst: '10.0.0.1' })[1],
    cut(MESSAGE, [1480], { proto: 6 })[1],
  ];
  for (const other of others) assert.deepEqual(new Joinery().add(parts[0], 0).add(other, 1).join().counts(), [0, 2]);
  const tagged = new Joinery()
    .add(ethernet('0800', parts[0]), 0, 0, 1)
    .add(ethernet('8100 0001 0800', parts[1]), 1, 0, 1);
  assert.deepEqual(tagged.join().counts(), [0, 2]);
  const inner = new Joinery();
  inner.add(ethernet('8100 0001 8100 0002 0800', parts[0]), 0, 0, 1);
  inner.add(ethernet('8100 0001 8100 0003 0800', parts[1]), 1, 0, 1);
  assert.deepEqual(inner.join().counts(), [0, 2]);
});

test('two datagrams under one key, one after the other, are two, each with its own bytes', () => {
  const joinery = new Joinery();
  joinery.addAll(cut(MESSAGE, [1480]));
  joinery.addAll(cut(udp(6000, 54, new Uint8Array(3000)), [1480]), 100).join();
  assert.equal(joinery.rows()[2].flow, '17 10.0.0.1:6000 10.0.0.2:54');
  assert.deepEqual(
    joinery.rows().map((row) => row.kind),
    ['datagram', 'fragment', 'datagram', 'fragment'],
  );
});

test('five minutes after its first fragment a datagram is dropped, and the late fragment begins another', () => {
  const parts = cut(MESSAGE, [1480]);
  const minutes = 5 * 60 * 1000;
  assert.deepEqual(
    new Joinery()
      .add(parts[0], 0)
      .add(parts[1], minutes - 0.001)
      .join()
      .counts(),
    [2, 0],
  );
  assert.deepEqual(new Joinery().add(parts[0], 0).add(parts[1], minutes).join().counts(), [0, 2]);
  const again = new Joinery()
    .add(parts[0], 0)
    .add(parts[1], minutes)
    .add(parts[0], minutes + 1)
    .join();
  assert.deepEqual(again.counts(), [2, 1]);
  assert.equal(again.columns.length, 2);
});

test('the timeout is exact to the nanosecond', () => {
  for (const [ns, completed] of [
    [499, 2],
    [500, 0],
  ]) {
    const parts = cut(MESSAGE, [1480]);
    const joinery = new Joinery().add(parts[0], 0).add(parts[1], 5 * 60 * 1000);
    joinery.bench.fragments.ns.set([500, ns]);
    assert.equal(joinery.join().counts()[0], completed);
  }
});

test('the first bytes win where fragments overlap', () => {
  const late = MESSAGE.slice();
  late.set(be16(9999), 0);
  const joinery = new Joinery();
  joinery
    .add(cut(MESSAGE, [1480])[0], 0)
    .add(cut(late, [1480])[0], 1)
    .add(cut(MESSAGE, [1400])[1], 2)
    .join();
  assert.equal(joinery.rows()[0].flow, FLOW);
  assert.deepEqual(joinery.odd, ['fragment_inconsistency@0', 'fragment_overlap@0']);
  assert.deepEqual(joinery.counts(), [3, 0]);
});

test('a late duplicate of a completed datagram never completes', () => {
  const parts = cut(MESSAGE, [1480]);
  assert.deepEqual(new Joinery().add(parts[0], 0).add(parts[1], 1).add(parts[1], 2).join().counts(), [2, 1]);
});

test('fragments beyond the end move the end, as in Zeek', () => {
  const joinery = new Joinery();
  joinery.add(ipv4(MESSAGE.subarray(1480, 1600), { id: 1, offset: 1480 }), 0);
  joinery.add(ipv4(MESSAGE.subarray(1600, 3008), { id: 1, offset: 1600, more: true }), 1);
  joinery.add(ipv4(MESSAGE.subarray(0, 1480), { id: 1, more: true }), 2).join();
  assert.deepEqual(joinery.odd, ['fragment_size_inconsistency@0']);
  assert.deepEqual([joinery.rows()[0].kind, joinery.rows()[0].ipLen], ['datagram', 20 + 3008]);
});

test('a datagram may have 65,535 bytes with its header; a fragment that reaches beyond is refused by name', () => {
  for (const [options, length, whole] of [
    ['', 65_515, true],
    ['', 65_516, false],
    ['01010101', 65_511, true],
    ['01010101', 65_512, false],
  ] as const) {
    const joinery = new Joinery();
    const payload = udp(1000, 2000, new Uint8Array(length - 8));
    joinery.add(ipv4(payload.subarray(0, 65_000), { id: 1, more: true, options }), 0);
    joinery.add(ipv4(payload.subarray(65_000), { id: 1, offset: 65_000, options }), 1).join();
    assert.deepEqual(joinery.odd, whole ? [] : ['excessively_large_fragment@0'], `${length} bytes`);
    assert.deepEqual(joinery.counts(), whole ? [2, 0] : [0, 2]);
    assert.equal(joinery.columns.length, whole ? 2 : 0);
    if (whole) assert.equal(joinery.columns.ipLen[0], 65_535);
  }
});

test('a datagram of IPv6 may have 65,535 bytes behind its fixed header', () => {
  for (const [length, whole] of [
    [65_535 - 8, true],
    [65_535 - 7, false],
  ] as const) {
    const payload = udp(7, 8, new Uint8Array(length - 8));
    const fragment = (start: number, end: number, more: number) =>
      ipv6(bytes('2c 00 0104 00000000', [17, 0], be16(start | more), be32(99), payload.subarray(start, end)), 0);
    const joinery = new Joinery()
      .add(fragment(0, 65_000, 1), 0)
      .add(fragment(65_000, length, 0), 1)
      .join();
    assert.deepEqual(joinery.odd, whole ? [] : ['excessively_large_fragment@0']);
    assert.deepEqual(joinery.counts(), whole ? [2, 0] : [0, 2]);
  }
});

test('a datagram of too many fragments is dropped', () => {
  const joinery = new Joinery();
  const part = ipv4(new Uint8Array(8), { id: 1, offset: 8, more: true });
  joinery.add(part, 0);
  const { fragments } = joinery.bench;
  for (let i = 0; i < MAX_FRAGMENTS + 5; i++) joinery.joiner.add(fragments, 0);
  joinery.joiner.end();
  assert.ok(joinery.odd.includes('too_many_fragments@0'));
  assert.deepEqual(joinery.counts(), [0, MAX_FRAGMENTS + 5]);
});

test('a joined datagram that cannot be decoded counts as completed and has no row', () => {
  const joinery = new Joinery();
  joinery.addAll(cut(new Uint8Array(32), [8], { proto: 4 }), 0, 2);
  joinery.join();
  assert.deepEqual([joinery.columns.length, joinery.joiner.completed[2]], [0, 2]);
  assert.deepEqual(joinery.odd, ['invalid_inner_IP_version@2']);
});

test('IPv6 fragments join by addresses and id, with extension headers after the fragment header', () => {
  const payload = bytes('11 00 0104 00000000', udp(7, 8, new Uint8Array(1000)));
  const fragment = (start: number, end: number, next: number) =>
    ipv6(
      bytes(
        '2c 00 0104 00000000',
        [next, 0],
        be16(start | (end < payload.length ? 1 : 0)),
        be32(99),
        payload.subarray(start, end),
      ),
      60,
      V6_TWO,
      V6_ONE,
    );
  // Only the first fragment's next header gives the datagram's protocol (RFC 8200).
  const later = fragment(512, payload.length, 17);
  const joinery = new Joinery()
    .add(later, 0)
    .add(fragment(0, 512, 60), 1)
    .join();
  assert.deepEqual(joinery.rows()[0], {
    kind: 'datagram',
    flow: '17 2001:db8::1:8 2001:db8::2:7',
    ms: 1,
    age: 0,
    capture: 0,
    payload: 1000,
    ipLen: 48 + payload.length,
  });
  assert.deepEqual([joinery.rows()[1].kind, joinery.rows()[1].ipLen], ['fragment', later.length]);
  assert.equal(joinery.columns.meta[0] & META_FROM_B, META_FROM_B);
  assert.deepEqual(joinery.odd, ['fragment_protocol_inconsistency@0']);
});

test('a fragment beyond the last one makes the datagram longer: it is complete when the bytes before it are there', () => {
  const payload = udp(5000, 53, new Uint8Array(312));
  const joinery = new Joinery();
  for (const [at, [start, more]] of [
    [80, false] as const,
    [240, true] as const,
    [0, true] as const,
    [160, true] as const,
  ].entries())
    joinery.add(ipv4(payload.subarray(start, start + 80), { id: 1, offset: start, more }), at);
  joinery.join();
  assert.deepEqual([joinery.rows()[0].payload, joinery.rows()[0].ms], [312, 3]);
  assert.deepEqual(joinery.counts(), [4, 0]);
  assert.deepEqual(joinery.odd, ['fragment_size_inconsistency@0']);
});

test('a last fragment that comes again, also with a mark that more follow, overlaps and leaves the size as it is', () => {
  const payload = udp(5000, 53, new Uint8Array(152));
  const joinery = new Joinery();
  for (const [at, more] of [false, false, true].entries())
    joinery.add(ipv4(payload.subarray(80), { id: 1, offset: 80, more }), at);
  joinery.add(ipv4(payload.subarray(0, 80), { id: 1, more: true }), 3).join();
  assert.deepEqual(joinery.counts(), [4, 0]);
  assert.deepEqual(joinery.odd, ['fragment_overlap@0', 'fragment_overlap@0']);
});

test('a datagram keeps the VLANs of its fragments, also when they are part of the key', () => {
  for (const keyVlan of [false, true]) {
    const joinery = new Joinery(keyVlan);
    for (const tags of ['8100 0005 0800', '8100 0006 0800'])
      joinery.addAll(
        cut(MESSAGE, [1480]).map((part) => ethernet(tags, part)),
        0,
        0,
        1,
      );
    joinery.join();
    assert.deepEqual([...joinery.columns.vlan.subarray(0, 4)], [6, 6, 7, 7]);
    assert.equal(joinery.flows.count, keyVlan ? 2 : 1);
  }
});

test('columns copied row by row join like the originals', () => {
  const joinery = new Joinery();
  joinery.addAll(cut(MESSAGE, [104, 208, 1480]));
  const { fragments } = joinery.bench;
  const copy = new FragmentColumns(0);
  for (let row = 0; row < fragments.length; row++) copy.pushRow(fragments, row);
  for (let row = 0; row < fragments.length; row++) assert.equal(compareFragmentKeys(fragments, row, copy, row), 0);
  for (const row of sortedFragmentOrder(copy)) joinery.joiner.add(copy, row);
  assert.deepEqual([joinery.rows()[0].flow, joinery.rows()[0].payload], [FLOW, 3000]);
});

test('random fragments of random datagrams join exactly when a bitmap is complete', () => {
  const seed = SEED;
  const next = random(seed);
  for (let round = 0; round < 300; round++) {
    const size = 16 + next(600);
    const payload = udp(
      next(65536),
      next(65536),
      Uint8Array.from({ length: size - 8 }, () => next(256)),
    );
    const joinery = new Joinery();
    const model = { bits: new Uint8Array(size), last: false, first: 0, datagrams: 0, count: 0, completed: 0 };
    const pieces = 1 + next(40);
    let ms = 0;
    for (let i = 0; i < pieces; i++) {
      const start = next(Math.ceil(size / 8)) * 8;
      const blocks = 1 + next(next(3) === 0 ? 80 : 10);
      const end = Math.min(size, start + blocks * 8);
      if (start === 0 && end === size) continue;
      ms += next(100) === 0 ? 200_000 : next(5);
      joinery.add(ipv4(payload.subarray(start, end), { id: 1, offset: start, more: end < size }), ms, next(CAPTURES));
      if (model.count > 0 && ms - model.first >= 300_000)
        Object.assign(model, { bits: new Uint8Array(size), last: false, count: 0 });
      if (model.count === 0) model.first = ms;
      model.count++;
      model.bits.fill(1, start, end);
      model.last ||= end === size;
      if (model.last && model.bits.every((bit) => bit === 1)) {
        model.datagrams++;
        model.completed += model.count;
        Object.assign(model, { bits: new Uint8Array(size), last: false, count: 0 });
      }
      // Two records of one time are in order of capture and offset, which the model does not follow.
      ms += 1;
    }
    if (joinery.bench.fragments.length === 0) continue;
    const total = joinery.bench.fragments.length;
    joinery.join();
    const what = `seed ${seed}, round ${round}`;
    assert.deepEqual(joinery.counts(), [model.completed, total - model.completed], what);
    const datagrams = joinery.rows().filter((row) => row.kind === 'datagram');
    assert.equal(datagrams.length, model.datagrams, what);
    assert.equal(joinery.columns.length, model.completed, what);
    for (const row of datagrams) assert.deepEqual([row.payload, row.ipLen], [size - 8, size + 20], what);
    assert.ok(joinery.flows.count <= 1, what);
  }
});

test('fragments in reverse order, with holes between them, cost a logarithm of the ranges each', () => {
  const joinery = new Joinery();
  const count = 4000;
  for (let i = count; i > 0; i--)
    joinery.add(ipv4(new Uint8Array(8), { id: 1, offset: i * 16, more: i < count }), count - i);
  joinery.join();
  assert.deepEqual(joinery.counts(), [0, count]);
  assert.ok(joinery.joiner.steps < count * 14, `${joinery.joiner.steps / count} steps a fragment`);
});
