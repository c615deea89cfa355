/** Teredo on its port and elsewhere, with its headers, and bubbles. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, hex, ipv4, ipv6, text, udp, Workbench } from '../harness.ts';

const RAW = 101;
const CLIENT = '200100004136e37880000000aaaabbbb';
const HOST = '20010db8000000000000000000000001';
const inner = ipv6(udp(1000, 2000, text('hi')), 17, CLIENT, HOST);
const FLOW = '17 2001:0:4136:e378:8000:0:aaaa:bbbb:1000 2001:db8::1:2000';
const ORIGIN = '0000 fbbf 3f57fefe';
const AUTHENTICATION = '0001 0204 6964 61757468 0102030405060708 00';
const carry = (payload: Uint8Array, port = 3544) =>
  ipv4(udp(50000, port, payload), { src: '192.0.2.1', dst: '192.0.2.2' });

for (const [name, payload] of [
  ['nothing before it', inner],
  ['an origin indication', bytes(ORIGIN, inner)],
  ['authentication', bytes(AUTHENTICATION, inner)],
  ['authentication and origin', bytes(AUTHENTICATION, ORIGIN, inner)],
] as const) {
  test(`IPv6 with ${name} is found on Teredo’s port`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(payload), RAW), 'session');
    assert.deepEqual(bench.levels(), [1, 0]);
    assert.deepEqual([bench.flow(), bench.tunnel()], [FLOW, 'teredo 192.0.2.1>192.0.2.2']);
  });

  const found = name !== 'authentication';
  test(`IPv6 with ${name} is ${found ? '' : 'not '}recognised on another port`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(payload, 40000), RAW), 'session');
    assert.deepEqual(bench.levels(), found ? [1, 0] : [0]);
  });
}

test('IPv6 without a Teredo address is not a tunnel on another port', () => {
  const plain = ipv6(udp(1000, 2000, text('hi')), 17);
  const bench = new Workbench();
  bench.decode(carry(plain, 40000), RAW);
  bench.decode(carry(plain), RAW);
  assert.deepEqual(bench.levels(), [0, 1, 0]);
});

test('a bubble carries no packet, even with trailing bytes', () => {
  for (const payload of [ipv6(hex(''), 59, CLIENT, HOST), bytes(ipv6(hex(''), 59, CLIENT, HOST), '010203')]) {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(payload), RAW), 'teredo_bubble');
    assert.deepEqual([bench.levels(), bench.odd], [[1], []]);
  }
});

test('a packet with an address of Teredo’s may have a trailer, or have been cut', () => {
  const solicitation = ipv6(udp(1000, 2000, text('hi')), 17, 'fe800000000000008000f227bffffffe', HOST);
  for (const packet of [inner, solicitation])
    for (const payload of [bytes(packet, '00'), packet.subarray(0, -1)]) {
      const bench = new Workbench();
      assert.equal(bench.decode(carry(payload), RAW), 'session');
      assert.deepEqual([bench.levels(), bench.payload()], [[1, 0], 2]);
      assert.deepEqual(bench.odd, payload.length < packet.length ? ['truncated_inner_IP'] : []);
    }
});

test('any other packet longer or shorter than the datagram is not a tunnel', () => {
  const plain = ipv6(udp(1000, 2000, text('hi')), 17);
  for (const payload of [
    bytes(plain, '00'),
    plain.subarray(0, -1),
    inner.subarray(0, 39),
    hex('0001ff'),
    hex('0000'),
  ]) {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(payload), RAW), 'session');
    assert.deepEqual(bench.levels(), [0]);
  }
});
