/** GENEVE with options, as Gateway Load Balancers send it, and datagrams that are not GENEVE. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, ethernet, hex, ipv4, ipv6, tcp, text, udp, Workbench } from '../harness.ts';

const RAW = 101;
const OPTIONS = '01080102 1122334455667788 01080202 99aabbccddeeff00 01080301 0badf00d';
const there = ipv4(tcp(45000, 443, text('abc')), { proto: 6, src: '10.1.0.1', dst: '10.2.0.2' });
const back = ipv4(tcp(443, 45000, text('de')), { proto: 6, src: '10.2.0.2', dst: '10.1.0.1' });
const carry = (payload: Uint8Array, srcPort = 60001, src = '10.9.0.1', dst = '10.9.0.2') =>
  ipv4(udp(srcPort, 6081, payload), { src, dst });

test('both directions of an inspected session are one, options skipped', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(carry(bytes('08000800 00000000', OPTIONS, there)), RAW), 'session');
  assert.equal(
    bench.decode(carry(bytes('08000800 00000000', OPTIONS, back), 60002, '10.9.0.2', '10.9.0.1'), RAW),
    'session',
  );
  assert.deepEqual(bench.levels(), [1, 0, 1, 0]);
  assert.equal(bench.columns.flow[1], bench.columns.flow[3]);
  assert.equal(bench.flow(1), '6 10.1.0.1:45000 10.2.0.2:443');
  assert.deepEqual(
    [bench.tunnel(1), bench.tunnel(3)],
    ['geneve 10.9.0.1>10.9.0.2 vni=0', 'geneve 10.9.0.2>10.9.0.1 vni=0'],
  );
});

test('Ethernet and IPv6 are decoded too, anything else is not IP', () => {
  const bench = new Workbench();
  bench.decode(carry(bytes('00006558 00003900', ethernet('0800', there))), RAW);
  assert.deepEqual(
    [bench.flow(), bench.tunnel()],
    ['6 10.1.0.1:45000 10.2.0.2:443', 'geneve 10.9.0.1>10.9.0.2 vni=57'],
  );
  bench.decode(carry(bytes('000086dd 00003900', ipv6(udp(1, 2, text('x')), 17))), RAW);
  assert.equal(bench.flow(), '17 2001:db8::1:1 2001:db8::2:2');
  assert.equal(bench.decode(carry(hex('00000806 00003900 000108000604')), RAW), 'not_ip');
});

test('another version, options beyond the end and an empty payload are not a tunnel', () => {
  for (const [payload, odd] of [
    ['40000800 00000000 45000014', ['geneve_invalid_version']],
    ['3f000800 00000000 45000014', []],
    ['00000800 00000000', ['geneve_empty_packet']],
    ['00000800 000000', []],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(hex(payload)), RAW), 'session', payload);
    assert.deepEqual(bench.levels(), [0]);
    assert.deepEqual(bench.odd, odd);
  }
});
