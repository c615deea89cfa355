/** VXLAN: the inner session, with any outer ports, and datagrams that are not VXLAN. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, ethernet, hex, ipv4, ipv6, tcp, text, udp, V6_ONE, V6_TWO, Workbench } from '../harness.ts';

const RAW = 101;
const request = tcp(45000, 80, text('GET /'), { seq: 1 });
const reply = tcp(80, 45000, text('200'), { seq: 9 });
const inner = ethernet('0800', ipv4(request, { proto: 6, src: '10.0.1.1', dst: '10.0.1.2' }));
const back = ethernet('0800', ipv4(reply, { proto: 6, src: '10.0.1.2', dst: '10.0.1.1' }));
const vxlan = (vni: string, frame: Uint8Array) => bytes('08000000', vni, '00', frame);
const carry = (srcPort: number, payload: Uint8Array, src = '192.0.2.1', dst = '192.0.2.9') =>
  ipv4(udp(srcPort, 4789, payload), { src, dst });

test('a mirrored session is one session, though each direction has outer ports of its own', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(carry(65338, vxlan('00002a', inner)), RAW), 'session');
  assert.equal(bench.decode(carry(51200, vxlan('00002a', back)), RAW), 'session');
  assert.deepEqual([...bench.columns.flow.subarray(0, 4)], [0, 1, 2, 1]);
  assert.deepEqual(bench.levels(), [1, 0, 1, 0]);
  assert.equal(bench.flow(0), '17 192.0.2.1:65338 192.0.2.9:4789');
  assert.equal(bench.flow(1), '6 10.0.1.1:45000 10.0.1.2:80');
  assert.deepEqual([bench.fromB(1), bench.fromB(3)], [false, true]);
  assert.deepEqual([bench.payload(0), bench.payload(1)], [8 + inner.length, 5]);
  assert.deepEqual([bench.tunnel(0), bench.tunnel(1)], ['', 'vxlan 192.0.2.1>192.0.2.9 vni=42']);
  assert.equal(bench.columns.ipLen[1], 45);
  assert.deepEqual(bench.odd, []);
});

test('a packet from the port of VXLAN is one too, unless the other port is a service', () => {
  const bench = new Workbench();
  bench.decode(ipv4(udp(4789, 50000, vxlan('000001', inner))), RAW);
  bench.decode(ipv4(udp(4789, 4789, vxlan('000001', inner))), RAW);
  assert.deepEqual(bench.levels(), [1, 0, 1, 0]);
  const dns = new Workbench();
  dns.decode(ipv4(udp(4789, 53, vxlan('000001', inner))), RAW);
  dns.decode(ipv4(udp(53, 4789, vxlan('000001', inner))), RAW);
  assert.deepEqual(dns.levels(), [0, 0]);
});

test('the outer VLAN is the outer session’s, the inner one the inner session’s', () => {
  const bench = new Workbench();
  const tagged = ethernet('8100 0007 0800', ipv4(request, { proto: 6 }));
  bench.decode(ethernet('8100 0005 0800', carry(60000, vxlan('000001', tagged))));
  assert.deepEqual([...bench.columns.vlan.subarray(0, 2)], [6, 8]);
});

test('network identifiers separate flows only when they are part of the key', () => {
  for (const [keyVni, flows] of [
    [false, [0, 1, 0, 1]],
    [true, [0, 1, 0, 2]],
  ] as const) {
    const bench = new Workbench(false, keyVni);
    bench.decode(carry(60000, vxlan('000001', inner)), RAW);
    bench.decode(carry(60000, vxlan('000002', inner)), RAW);
    assert.deepEqual([...bench.columns.flow.subarray(0, 4)], flows);
  }
});

test('network identifiers separate fragments only when they are part of the key', () => {
  for (const keyVni of [false, true]) {
    const bench = new Workbench(false, keyVni);
    for (const vni of ['000001', '000002'])
      bench.decode(carry(60000, vxlan(vni, ethernet('0800', ipv4(new Uint8Array(16), { more: true })))), RAW);
    const [one, two] = bench.fragments.network;
    assert.deepEqual([bench.fragments.length, one === two], [2, !keyVni]);
  }
});

test('over IPv6 the tunnel has IPv6 addresses', () => {
  const bench = new Workbench();
  bench.decode(ipv6(udp(60000, 4789, vxlan('ffffff', inner)), 17, V6_ONE, V6_TWO), RAW);
  assert.equal(bench.tunnel(), 'vxlan 2001:db8::1>2001:db8::2 vni=16777215');
});

test('without its flag, or without a frame, it is a datagram like any other', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(carry(60000, bytes('0000000000002a00', inner)), RAW), 'session');
  assert.equal(bench.decode(carry(60000, hex('08000000 00002a')), RAW), 'session');
  assert.deepEqual(bench.odd, []);
  assert.equal(bench.decode(carry(60000, hex('08000000 00002a00')), RAW), 'session');
  assert.deepEqual(bench.odd, ['vxlan_empty_packet']);
  assert.deepEqual(bench.levels(), [0, 0, 0]);
});

test('the record’s fate is that of the innermost packet, and the outer one has its row', () => {
  for (const [frame, fate, odd] of [
    [ethernet('0806 0001080006040001', new Uint8Array(46)), 'not_ip', []],
    [hex('0200000000010200000000020800'), 'truncated_ethernet_frame', ['truncated_ethernet_frame']],
    [ethernet('0800', hex('4500001c00000000')), 'truncated_IP', ['truncated_IP']],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(60000, vxlan('000001', frame)), RAW), fate);
    assert.deepEqual(bench.levels(), [1]);
    assert.deepEqual(bench.odd, odd);
  }
});

test('bytes that the snaplen cut off are missing from the inner packet, which is not refused', () => {
  const bench = new Workbench();
  const packet = carry(60000, vxlan('000001', ethernet('0800', ipv4(tcp(1, 2, new Uint8Array(1000)), { proto: 6 }))));
  assert.equal(bench.decode(packet, RAW, 120, packet.length), 'session');
  assert.equal(bench.payload(), 1000);
  assert.deepEqual([bench.columns.meta[0] & 8, bench.columns.meta[1] & 8], [8, 8]);
});

test('tunnels are unpacked two layers deep; the third is a plain datagram', () => {
  const once = (frame: Uint8Array) =>
    ethernet('0800', carry(60001, vxlan('000002', frame), '198.51.100.1', '198.51.100.2'));
  const bench = new Workbench();
  assert.equal(bench.decode(carry(60000, vxlan('000001', once(inner))), RAW), 'session');
  assert.deepEqual(bench.levels(), [2, 1, 0]);
  assert.equal(bench.tunnel(), 'vxlan 192.0.2.1>192.0.2.9 vni=1, vxlan 198.51.100.1>198.51.100.2 vni=2');
  const deep = new Workbench();
  assert.equal(deep.decode(carry(60000, vxlan('000001', once(once(inner)))), RAW), 'session');
  assert.deepEqual(deep.levels(), [2, 1, 0]);
  assert.equal(deep.flow(), '17 198.51.100.1:60001 198.51.100.2:4789');
  assert.deepEqual(deep.odd, ['exceeded_tunnel_max_depth']);
});

const on = (port: number, header: string, payload = inner) => ipv4(udp(60000, port, bytes(header, payload)));

test('on the port of Linux it is VXLAN when all reserved bits are zero, with a group policy too', () => {
  for (const [header, levels] of [
    ['08000000 00002a00', [1, 0]],
    ['88480123 00002a00', [1, 0]],
    ['88000000 00002a00', [1, 0]],
    ['00000000 00002a00', [0]],
    ['0c000000 00002a00', [0]],
    ['08000100 00002a00', [0]],
    ['08000000 00002a01', [0]],
    ['88020000 00002a00', [0]],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(on(8472, header), RAW), 'session');
    assert.deepEqual(bench.levels(), levels, header);
    if (levels.length === 2) assert.equal(bench.tunnel(), 'vxlan 10.0.0.1>10.0.0.2 vni=42');
  }
});

test('VXLAN-GPE carries what its header says; other protocols, and OAM, are datagrams like any other', () => {
  const four = ipv4(request, { proto: 6 });
  const six = ipv6(request, 6);
  for (const [header, payload, tunnel] of [
    ['0c000003 00002a00', inner, 'vxlan-gpe 10.0.0.1>10.0.0.2 vni=42'],
    ['08000000 00002a00', inner, 'vxlan-gpe 10.0.0.1>10.0.0.2 vni=42'],
    ['0c000001 00002a00', four, 'vxlan-gpe 10.0.0.1>10.0.0.2 vni=42'],
    ['04000002 00000000', six, 'vxlan-gpe 10.0.0.1>10.0.0.2'],
    ['0c000004 00002a00', bytes('0f020101 00000cff', four), 'vxlan-gpe 10.0.0.1>10.0.0.2 vni=42'],
    ['0c000005 00002a00', bytes('00064140', four), 'vxlan-gpe 10.0.0.1>10.0.0.2 vni=42'],
    ['0c000009 00002a00', inner, null],
    ['0d000003 00002a00', inner, null],
    ['1c000003 00002a00', inner, null],
    ['0c000103 00002a00', inner, null],
    ['0c000003 00002a01', inner, null],
    ['00000000 00002a00', inner, null],
    ['08000003 00002a00', inner, null],
    ['0c000003 00002a00', hex(''), null],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(on(4790, header, payload), RAW), 'session', header);
    assert.deepEqual(bench.levels(), tunnel === null ? [0] : [1, 0], header);
    if (tunnel !== null) {
      assert.equal(bench.tunnel(), tunnel);
      assert.match(bench.flow(), /:45000 .*:80$/);
    }
  }
});

test('a virtual network of VXLAN-GPE is part of the key where one of VXLAN is', () => {
  const bench = new Workbench(false, true);
  bench.decode(on(4790, '0c000003 00000100'), RAW);
  bench.decode(on(4790, '0c000003 00000200'), RAW);
  assert.equal(new Set([bench.columns.flow[1], bench.columns.flow[3]]).size, 2);
});

test('further ports carry VXLAN where they are named, in this decoder alone and instead of what they carry otherwise', () => {
  const datagrams = [9999, 6081].map((port) => on(port, '08000000 00002a00'));
  const bench = new Workbench(false, false, [9999, 6081]);
  for (const datagram of datagrams) bench.decode(datagram, RAW);
  assert.deepEqual(bench.levels(), [1, 0, 1, 0]);
  assert.equal(bench.tunnel(), 'vxlan 10.0.0.1>10.0.0.2 vni=42');
  bench.decode(on(4789, '08000000 00002a00'), RAW);
  assert.deepEqual(bench.levels().slice(4), [1, 0]);
  const plain = new Workbench();
  plain.decode(datagrams[0], RAW);
  assert.deepEqual(plain.levels(), [0]);
});
