/** GRE of both versions, over IP and over UDP, and everything that it carries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FateName } from '../../../shared/packet/fate.ts';
import { be16, bytes, ethernet, hex, ipv4, ipv6, text, udp, Workbench } from '../harness.ts';

const RAW = 101;
const inner = ipv4(udp(1000, 2000, text('query')));
const FLOW = '17 10.0.0.1:1000 10.0.0.2:2000';
const frame = ethernet('0800', inner);
const gre = (header: string, payload: Uint8Array) =>
  ipv4(bytes(header, payload), { proto: 47, src: '192.0.2.1', dst: '192.0.2.2' });
const snap = bytes('aaaa03 000000 0800', inner);

const carried: [name: string, packet: Uint8Array, tunnel: string][] = [
  ['IPv4', gre('0000 0800', inner), 'gre 192.0.2.1>192.0.2.2'],
  [
    'IPv4 with checksum, key and sequence',
    gre('b000 0800 00000000 00000007 00000001', inner),
    'gre 192.0.2.1>192.0.2.2 key=7',
  ],
  ['MPLS', gre('0000 8847 00010140', inner), 'gre 192.0.2.1>192.0.2.2'],
  ['Ethernet', gre('2000 6558 00001001', frame), 'gre 192.0.2.1>192.0.2.2 key=4097'],
  ['ERSPAN I', gre('0000 88be', frame), 'erspan 192.0.2.1>192.0.2.2'],
  ['ERSPAN II', gre('1000 88be 00000001 10050063 00000000', frame), 'erspan 192.0.2.1>192.0.2.2 session=99'],
  ['ERSPAN III', gre('1000 22eb 00000001 20050001 00000000 00000000', frame), 'erspan 192.0.2.1>192.0.2.2 session=1'],
  [
    'ERSPAN III with its subheader',
    gre('1000 22eb 00000001 20050001 00000000 00000001 0000000000000000', frame),
    'erspan 192.0.2.1>192.0.2.2 session=1',
  ],
  ['802.11 as Aruba sends it', gre('0000 8200', bytes('0800', '00'.repeat(22), snap)), 'gre 192.0.2.1>192.0.2.2'],
  ['WCCP 1', gre('0000 883e', inner), 'gre 192.0.2.1>192.0.2.2'],
  ['WCCP 2', gre('0000 883e 00000000', inner), 'gre 192.0.2.1>192.0.2.2'],
  [
    'PPP, enhanced',
    gre(`3081 880b ${Buffer.from(be16(inner.length + 4)).toString('hex')} 0003 00000001 00000002 ff030021`, inner),
    'pptp 192.0.2.1>192.0.2.2 call=3',
  ],
];

for (const [name, packet, tunnel] of carried) {
  test(`${name} in GRE leads to the datagram, and the carrier has no row of its own`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, RAW), 'session');
    assert.equal(bench.columns.length, 1);
    assert.deepEqual([bench.flow(), bench.payload(), bench.tunnel()], [FLOW, 5, tunnel]);
    assert.deepEqual(bench.levels(), [0]);
    assert.deepEqual(bench.odd, []);
  });

  test(`${name} in GRE cut at any byte before the ports is refused by name`, () => {
    for (let capLen = 20; capLen < packet.length; capLen++) {
      const bench = new Workbench();
      const ports = capLen >= packet.length - 'query'.length - 4;
      assert.equal(bench.decode(packet, RAW, capLen) === 'session', ports, `${capLen} bytes`);
      assert.equal(bench.columns.length, ports ? 1 : 0);
    }
  });
}

for (const [name, header] of [
  ['address and control', '3081 880b 0000 0003 00000001 00000002 0021'],
  ['the high byte of the protocol', '3001 880b 0000 0003 00000001 ff0321'],
  ['both', '3001 880b 0000 0003 00000001 21'],
])
  test(`PPP in enhanced GRE may leave out ${name}`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(gre(header, inner), RAW), 'session');
    assert.deepEqual([bench.flow(), bench.payload()], [FLOW, 5]);
    assert.equal(bench.tunnel(), 'pptp 192.0.2.1>192.0.2.2 call=3');
    assert.deepEqual(bench.odd, []);
  });

test('what PPP in enhanced GRE carries besides IP is named, and an acknowledgement alone is no damage', () => {
  for (const [header, fate, undecoded] of [
    ['2081 880b 0000 0003 00000002', 'not_ip', 'ppp_0x0000_no_frame=1'],
    ['3001 880b 0006 0003 00000001 c02101010004', 'non_ip_packet_in_encap', 'ppp_0xc021_LCP=1'],
    ['3001 880b 0005 0003 00000001 fd01020304', 'non_ip_packet_in_encap', 'ppp_0x00fd_compression=1'],
    ['3001 880b 0004 0003 00000001 00000000', 'non_ip_packet_in_encap', 'ethertype_0x880b_PPP=1'],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(gre(header, hex('')), RAW), fate, header);
    assert.equal(bench.undecodedNames(), undecoded);
  }
});

test('faults of GRE have names', () => {
  const cases: [header: string, fate: FateName][] = [
    ['0002 0800', 'unknown_gre_version'],
    ['4000 0800', 'gre_routing'],
    ['0008 0800', 'unknown_gre_flags'],
    ['0001 0800', 'egre_protocol_type'],
    ['0001 880b ff03c021', 'non_ip_packet_in_encap'],
    ['3001 880b 0000', 'truncated_GRE'],
    ['0000', 'truncated_GRE'],
    ['0000 6558 020000000001', 'truncated_GRE'],
    ['1000 88be 00000001 10050063', 'truncated_GRE'],
    ['0000 22eb 10050063', 'truncated_GRE'],
    ['0000 2000 01b4', 'not_ip'],
    ['0000 0800', 'truncated_IP'],
  ];
  for (const [header, fate] of cases) {
    const bench = new Workbench();
    assert.equal(bench.decode(gre(header, hex('')), RAW), fate, header);
    assert.deepEqual(bench.odd, fate === 'not_ip' ? [] : [fate]);
  }
});

test('IPv6 in enhanced GRE may have a trailer, or have been cut', () => {
  const packet = ipv6(udp(1, 2, text('query')), 17);
  const header = '2001 880b 00000003 ff030057';
  for (const [payload, odd] of [
    [packet, []],
    [bytes(packet, '00'), []],
    [packet.subarray(0, 50), ['truncated_inner_IP']],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(gre(header, payload), RAW), 'session');
    assert.deepEqual([bench.flow(), bench.payload()], ['17 2001:db8::1:1 2001:db8::2:2', 5]);
    assert.deepEqual(bench.odd, odd);
  }
});

test('over UDP the carrier is a session too, and a datagram that is not GRE is only that', () => {
  const bench = new Workbench();
  const carry = (payload: Uint8Array) => ipv4(udp(50000, 4754, payload), { src: '192.0.2.1', dst: '192.0.2.2' });
  assert.equal(bench.decode(carry(bytes('2000 0800 00000005', inner)), RAW), 'session');
  assert.deepEqual(bench.levels(), [1, 0]);
  assert.deepEqual([bench.flow(), bench.tunnel()], [FLOW, 'gre 192.0.2.1>192.0.2.2 key=5']);
  const other = new Workbench();
  assert.equal(other.decode(carry(text('hello')), RAW), 'session');
  assert.deepEqual([other.levels(), other.odd], [[0], ['unknown_gre_version']]);
});

test('GRE in GRE is two layers, and a third is refused', () => {
  const nested = gre('0000 0800', inner);
  const bench = new Workbench();
  assert.equal(bench.decode(gre('0000 0800', nested), RAW), 'session');
  assert.equal(bench.tunnel(), 'gre 192.0.2.1>192.0.2.2, gre 192.0.2.1>192.0.2.2');
  assert.equal(new Workbench().decode(gre('0000 0800', gre('0000 0800', nested)), RAW), 'exceeded_tunnel_max_depth');
});
