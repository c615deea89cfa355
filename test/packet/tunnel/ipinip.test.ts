/** IP in IP, in all four combinations. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, hex, ipv4, ipv6, text, udp, Workbench } from '../harness.ts';

const RAW = 101;
const four = ipv4(udp(1000, 2000, text('query')));
const six = ipv6(udp(1000, 2000, text('query')), 17);
const outer = { src: '192.0.2.1', dst: '192.0.2.2' };
const OUTER6 = ['20010db80000000000000000000000a1', '20010db80000000000000000000000a2'] as const;

const mixtures: [name: string, packet: Uint8Array, flow: string, tunnel: string][] = [
  ['4in4', ipv4(four, { ...outer, proto: 4 }), '17 10.0.0.1:1000 10.0.0.2:2000', 'ip 192.0.2.1>192.0.2.2'],
  ['6in4', ipv4(six, { ...outer, proto: 41 }), '17 2001:db8::1:1000 2001:db8::2:2000', 'ip 192.0.2.1>192.0.2.2'],
  ['4in6', ipv6(four, 4, ...OUTER6), '17 10.0.0.1:1000 10.0.0.2:2000', 'ip 2001:db8::a1>2001:db8::a2'],
  ['6in6', ipv6(six, 41, ...OUTER6), '17 2001:db8::1:1000 2001:db8::2:2000', 'ip 2001:db8::a1>2001:db8::a2'],
  [
    '6in6 behind hop-by-hop and AH',
    ipv6(bytes('3300 010400000000', '2901 0000 0000000100000002', six), 0, ...OUTER6),
    '17 2001:db8::1:1000 2001:db8::2:2000',
    'ip 2001:db8::a1>2001:db8::a2',
  ],
];

for (const [name, packet, flow, tunnel] of mixtures)
  test(`${name} leads to the datagram, and the carrier has no row of its own`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, RAW), 'session');
    assert.equal(bench.columns.length, 1);
    assert.deepEqual([bench.flow(), bench.payload(), bench.tunnel()], [flow, 5, tunnel]);
    assert.deepEqual(bench.odd, []);
  });

test('the inner version must be that of the outer header', () => {
  for (const [packet, fate] of [
    [ipv4(six, { proto: 4 }), 'invalid_inner_IP_version'],
    [ipv4(four, { proto: 41 }), 'invalid_inner_IP_version'],
    [ipv4(hex('4500'), { proto: 4 }), 'truncated_inner_IP'],
    [ipv4(hex('60'), { proto: 41 }), 'truncated_inner_IP'],
    [ipv4(hex(''), { proto: 41 }), 'truncated_inner_IP'],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, RAW), fate);
    assert.deepEqual(bench.odd, [fate]);
  }
});
