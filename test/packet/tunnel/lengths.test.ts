/** Packets in tunnels that were cut, or have a trailer: inside the tunnel, outside it, and with a record that hides it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { META_TRUNCATED } from '../../../shared/packet/columns.ts';
import { be16, bytes, ethernet, ipv4, ipv6, tcp, text, udp, V6_TWO, Workbench } from '../harness.ts';

const TEREDO_CLIENT = '200100004136e37880000000aaaabbbb';
const query = udp(1000, 53, text('query'));
const four = ipv4(query);
const six = ipv6(query, 17, TEREDO_CLIENT, V6_TWO);
const FOUR = '17 10.0.0.1:1000 10.0.0.2:53';
const SIX = '17 2001:0:4136:e378:8000:0:aaaa:bbbb:1000 2001:db8::2:53';

/** Bytes of UDP header before its payload's end that have to be there: the ports are the first four of eight. */
const BEHIND_PORTS = 4 + 'query'.length;

const outer = (payload: Uint8Array, proto = 17): Uint8Array =>
  ipv4(payload, { proto, src: '192.0.2.1', dst: '192.0.2.2' });
const over = (port: number, header: string, payload: Uint8Array): Uint8Array =>
  outer(udp(50000, port, bytes(header, payload)));
const snap = (packet: Uint8Array): Uint8Array => bytes('aaaa03 000000 0800', packet);
const wireless = (payload: Uint8Array): Uint8Array => bytes('0801', '00'.repeat(22), payload);

/** What carries a packet: `carry` puts it, or its beginning, or more than it, into the tunnel. */
const CARRIERS: [name: string, inner: Uint8Array, flow: string, carry: (inner: Uint8Array) => Uint8Array][] = [
  ['VXLAN', ethernet('0800', four), FOUR, (frame) => over(4789, '08000000 00002a00', frame)],
  [
    'VXLAN over IPv6',
    ethernet('0800', four),
    FOUR,
    (frame) => ipv6(udp(50000, 4789, bytes('08000000 00002a00', frame)), 17),
  ],
  [
    'VXLAN with a tag and IPv6',
    ethernet('8100 0007 86dd', six),
    SIX,
    (frame) => over(4789, '08000000 00002a00', frame),
  ],
  ['GENEVE with Ethernet', ethernet('0800', four), FOUR, (frame) => over(6081, '0000 6558 00002a00', frame)],
  ['GENEVE with IPv4', four, FOUR, (packet) => over(6081, '0100 0800 00002a00 00000000', packet)],
  ['GRE', four, FOUR, (packet) => outer(bytes('0000 0800', packet), 47)],
  ['GRE with IPv6', six, SIX, (packet) => outer(bytes('0000 86dd', packet), 47)],
  ['GRE in UDP', four, FOUR, (packet) => over(4754, '0000 0800', packet)],
  ['GRE with Ethernet', ethernet('0800', four), FOUR, (frame) => outer(bytes('0000 6558', frame), 47)],
  ['GRE with 802.11', wireless(snap(four)), FOUR, (frame) => outer(bytes('0000 8200', frame), 47)],
  ['ERSPAN I', ethernet('0800', four), FOUR, (frame) => outer(bytes('0000 88be', frame), 47)],
  [
    'ERSPAN II',
    ethernet('0800', four),
    FOUR,
    (frame) => outer(bytes('1000 88be 00000001 10050063 00000000', frame), 47),
  ],
  [
    'ERSPAN III',
    ethernet('0800', four),
    FOUR,
    (frame) => outer(bytes('1000 22eb 00000001 20050001 00000000 00000000', frame), 47),
  ],
  [
    'PPTP',
    four,
    FOUR,
    (packet) => outer(bytes('3001 880b', be16(packet.length + 4), '0003 00000001 ff030021', packet), 47),
  ],
  ['IPv4 in IPv4', four, FOUR, (packet) => outer(packet, 4)],
  ['IPv6 in IPv4', six, SIX, (packet) => outer(packet, 41)],
  ['IPv4 in IPv6', four, FOUR, (packet) => ipv6(packet, 4)],
  [
    'GTP',
    four,
    FOUR,
    (packet) => over(2152, `30ff ${Buffer.from(be16(packet.length)).toString('hex')} 0000a001`, packet),
  ],
  ['Teredo', six, SIX, (packet) => over(3544, '', packet)],
  ['AYIYA', six, SIX, (packet) => over(5072, `44521129 4f000000 ${'11'.repeat(16)} ${'22'.repeat(20)}`, packet)],
];

/** The last row, which is the inner packet's, agrees with the whole packet. */
function sameAsWhole(bench: Workbench, flow: string, inner: Uint8Array, what: string): void {
  const row = bench.columns.length - 1;
  assert.deepEqual([bench.flow(), bench.payload()], [flow, 'query'.length], what);
  const length = inner.length - Buffer.from(inner).indexOf(flow === FOUR ? four : six);
  assert.equal(bench.columns.ipLen[row], length, what);
}

for (const [name, inner, flow, carry] of CARRIERS) {
  test(`a packet that was cut before it came into ${name} counts as its header says, and is reported`, () => {
    for (let there = inner.length - BEHIND_PORTS; there < inner.length; there++) {
      const bench = new Workbench();
      assert.equal(bench.decode(ethernet('0800', carry(inner.subarray(0, there)))), 'session', `${there} bytes`);
      sameAsWhole(bench, flow, inner, `${there} bytes`);
      const row = bench.columns.length - 1;
      assert.equal(bench.columns.meta[row], META_TRUNCATED);
      const said = bench.odd.filter((odd) => odd === 'truncated_IP_len' || odd === 'truncated_inner_IP');
      assert.equal(said.length, 1, bench.odd.join());
      for (let outerRow = 0; outerRow < row; outerRow++)
        assert.equal(bench.columns.meta[outerRow] & META_TRUNCATED, 0, 'its datagram is whole');
    }
  });

  test(`in ${name} a record that hides that it was cut is reported once, and its packets are both cut`, () => {
    const frame = ethernet('0800', carry(inner));
    for (let capLen = frame.length - BEHIND_PORTS; capLen < frame.length; capLen++) {
      const bench = new Workbench();
      assert.equal(bench.decode(frame, 1, capLen, capLen), 'session', `${capLen} bytes`);
      sameAsWhole(bench, flow, inner, `${capLen} bytes`);
      for (let row = 0; row < bench.columns.length; row++) assert.notEqual(bench.columns.meta[row] & META_TRUNCATED, 0);
      assert.deepEqual(
        bench.odd.filter((odd) => odd !== 'internally_truncated_header'),
        ['truncated_IP_len'],
      );
    }
  });

  test(`bytes behind a packet in ${name} are a trailer, inside the tunnel and outside`, () => {
    for (const frame of [
      ethernet('0800', bytes(carry(inner), 'deadbeef')),
      ethernet('0800', carry(bytes(inner, 'deadbeef'))),
      ethernet('0800', bytes(carry(bytes(inner, 'deadbeef')), '0000')),
    ]) {
      const bench = new Workbench();
      assert.equal(bench.decode(frame), 'session');
      sameAsWhole(bench, flow, inner, name);
      assert.deepEqual(bench.odd, []);
      for (let row = 0; row < bench.columns.length; row++) assert.equal(bench.columns.meta[row] & META_TRUNCATED, 0);
    }
  });
}

test('segments of offload in a tunnel have the bytes of the record, whatever UDP’s length says', () => {
  const segment = ipv4(tcp(40000, 80, new Uint8Array(3000)), { proto: 6, total: 0 });
  const frame = bytes('08000000 00002a00', ethernet('0800', segment));
  for (const length of [0, 1500, 8 + frame.length]) {
    const bench = new Workbench();
    const packet = ipv4(udp(50000, 4789, frame, length), { total: 0 });
    assert.equal(bench.decode(ethernet('0800', packet)), 'session');
    assert.deepEqual([bench.payload(1), bench.columns.ipLen[1]], [3000, segment.length], `UDP length ${length}`);
    assert.equal(bench.columns.ipLen[0], packet.length);
  }
});

test('bytes behind UDP’s length are no part of a packet in it', () => {
  const cut = four.subarray(0, four.length - 3);
  const bench = new Workbench();
  const datagram = udp(50000, 6081, bytes('0000 0800 00002a00', four), 8 + 8 + cut.length);
  assert.equal(bench.decode(ethernet('0800', outer(datagram))), 'session');
  assert.deepEqual([bench.flow(), bench.payload()], [FOUR, 5]);
  assert.equal(bench.columns.meta[1], META_TRUNCATED);
});
