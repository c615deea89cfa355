/** GTPv1-U: user data with and without options, and messages that carry no packet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { be16, bytes, ethernet, hex, ipv4, ipv6, text, udp, Workbench } from '../harness.ts';

const RAW = 101;
const inner = ipv4(udp(1000, 53, text('query')), { src: '10.131.0.1', dst: '10.131.0.2' });
const FLOW = '17 10.131.0.1:1000 10.131.0.2:53';
const carry = (payload: Uint8Array, port = 2152) =>
  ipv4(udp(port, port, payload), { src: '192.0.2.1', dst: '192.0.2.2' });
const message = (flags: string, rest: string, packet: Uint8Array) =>
  carry(bytes(flags, 'ff', be16(rest.length / 2 + packet.length), '0000a001', rest, packet));

for (const [name, flags, rest] of [
  ['no options', '30', ''],
  ['a sequence number', '32', '00010000'],
  ['an extension header', '34', '00000085 01000900'.replaceAll(' ', '')],
  ['two extension headers, one of them long', '36', '000500c0 01000985 0200000000000000'.replaceAll(' ', '')],
] as const)
  test(`user data with ${name} leads to the packet`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(message(flags, rest, inner), RAW), 'session');
    assert.deepEqual(bench.levels(), [1, 0]);
    assert.deepEqual([bench.flow(), bench.payload()], [FLOW, 5]);
    assert.equal(bench.tunnel(), 'gtpv1 192.0.2.1>192.0.2.2 teid=40961');
    assert.deepEqual(bench.odd, []);
  });

test('user data on the port of control messages leads to the packet, as in Zeek', () => {
  const bench = new Workbench();
  const carried = carry(bytes('30ff', be16(inner.length), '0000a001', inner), 2123);
  assert.equal(bench.decode(carried, RAW), 'session');
  assert.deepEqual(bench.levels(), [1, 0]);
  assert.equal(bench.flow(), FLOW);
});

test('both directions are one session under different TEIDs, also with the VNI in the key', () => {
  const bench = new Workbench(false, true);
  const back = ipv4(udp(53, 1000, text('answer')), { src: '10.131.0.2', dst: '10.131.0.1' });
  bench.decode(carry(bytes('30ff', be16(inner.length), '00000001', inner)), RAW);
  bench.decode(carry(bytes('30ff', be16(back.length), '00000002', back)), RAW);
  assert.equal(bench.columns.flow[1], bench.columns.flow[3]);
  assert.notEqual(bench.tunnel(1), bench.tunnel(3));
});

test('IPv6 is decoded too', () => {
  const bench = new Workbench();
  bench.decode(message('30', '', ipv6(udp(1, 2, text('x')), 17)), RAW);
  assert.equal(bench.flow(), '17 2001:db8::1:1 2001:db8::2:2');
});

test('a packet that is cut or has a trailer is found while GTP’s length agrees with it or with the datagram', () => {
  const length = be16(inner.length);
  for (const payload of [
    bytes('30ff', length, '0000a001', inner, '00'),
    bytes('30ff', length, '0000a001', inner.subarray(0, -1)),
    bytes('30ff', be16(inner.length + 3), '0000a001', inner, '000000'),
    bytes('30ff', be16(inner.length - 3), '0000a001', inner.subarray(0, -3)),
  ]) {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(payload), RAW), 'session');
    assert.deepEqual([bench.levels(), bench.flow(), bench.payload()], [[1, 0], FLOW, 5]);
  }
});

test('a message whose lengths all differ, or without a packet, is a datagram like any other', () => {
  for (const payload of [
    bytes('50ff', be16(inner.length), '0000a001', inner), // version 2
    bytes('20ff', be16(inner.length), '0000a001', inner), // GTP'
    bytes('3001', be16(inner.length), '0000a001', inner), // echo
    bytes('30ff', be16(inner.length + 1), '0000a001', inner, '0000'), // too long
    bytes('30ff', be16(inner.length - 1), '0000a001', inner.subarray(0, -2)), // too short
    bytes('30ff', be16(20), '0000a001', new Uint8Array(20)), // no IP
    bytes('34ff', be16(4), '0000a001 00000085'), // extension header missing
    bytes('34ff', be16(8), '0000a001 00000085 00000000'), // extension header of no length
    hex('30ff0000'),
  ]) {
    const bench = new Workbench();
    assert.equal(bench.decode(carry(payload), RAW), 'session');
    assert.deepEqual(bench.levels(), [0]);
    assert.equal(bench.payload(), payload.length);
  }
});

test('GTP inside GTP is not decoded', () => {
  const bench = new Workbench();
  bench.decode(message('30', '', message('30', '', inner)), RAW);
  assert.deepEqual(bench.levels(), [1, 0]);
  assert.equal(bench.flow(), '17 192.0.2.1:2152 192.0.2.2:2152');
});

test('the frame’s padding is not the packet’s', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(ethernet('0800', bytes(message('30', '', inner), '00'.repeat(9)))), 'session');
  assert.equal(bench.flow(), FLOW);
});
