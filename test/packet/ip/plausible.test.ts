/** Where no header says that IP follows, and under link types of raw IP: what is taken for IP, and what is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REGISTERED_LINK_TYPES } from '../../../shared/capture/linktypes.ts';
import type { FateName } from '../../../shared/packet/fate.ts';
import { LINK_TYPES } from '../../../shared/packet/protocolnumbers.ts';
import {
  be16,
  bytes,
  hex,
  ipv4,
  ipv6,
  random,
  text,
  udp,
  V6_ONE,
  V6_TWO,
  Workbench,
  withChecksum,
} from '../harness.ts';

const RAW = 101;
const UNREGISTERED = 65_000;
const USER0 = 147;

const four = withChecksum(ipv4(udp(1000, 53, text('query')), { id: 7 }));
const six = ipv6(udp(1000, 53, text('query')), 17);

/** The packet with other bytes from `at` on. */
function changed(packet: Uint8Array, at: number, value: string): Uint8Array {
  const other = packet.slice();
  other.set(hex(value), at);
  return other;
}

function fates(packet: Uint8Array, capLen = packet.length, origLen = packet.length): FateName[] {
  return [RAW, UNREGISTERED].map((linkType) => new Workbench().decode(packet, linkType, capLen, origLen));
}

test('IP is found under link types that are not registered, and for private use', () => {
  for (const linkType of [UNREGISTERED, USER0])
    for (const packet of [four, six]) assert.equal(new Workbench().decode(packet, linkType), 'session');
});

test('a registered link type without a decoder is never taken for IP', () => {
  const undecoded = REGISTERED_LINK_TYPES.filter((linkType) => LINK_TYPES.codeOf(linkType) < 0);
  assert.ok(undecoded.includes(195) && undecoded.includes(243));
  for (const linkType of undecoded)
    for (const packet of [four, six])
      assert.equal(new Workbench().decode(packet, linkType), 'unknown_link_type', `link type ${linkType}`);
});

test('an IPv4 header holds for its checksum, whatever its length says', () => {
  const noLength = withChecksum(ipv4(bytes('0001 0002 00000000 00000000 5010 0000 0000 0000'), { proto: 6, total: 0 }));
  for (const [name, packet, capLen, origLen] of [
    ['whole', four, four.length, four.length],
    ['cut by a snaplen', four, 30, four.length],
    ['behind it padding', bytes(four, '00'.repeat(20)), four.length + 20, four.length + 20],
    ['no length, for the network card cuts it', noLength, noLength.length, noLength.length],
  ] as const)
    assert.deepEqual(fates(packet, capLen, origLen), ['session', 'session'], name);
});

test('a checksum of zero holds where the length fits', () => {
  const zero = ipv4(udp(1000, 53, text('query')));
  assert.deepEqual(fates(zero), ['session', 'session']);
  assert.deepEqual(fates(zero, 30, zero.length), ['session', 'session']);
  assert.equal(fates(changed(zero, 2, '0100'))[1], 'unknown_link_type');
});

test('a wrong checksum holds where the length is exactly that of the packet', () => {
  const wrong = changed(four, 10, '1234');
  assert.deepEqual(fates(wrong), ['session', 'session']);
  assert.deepEqual(fates(wrong, 30, wrong.length), ['session', 'session']);
  for (const packet of [
    bytes(wrong, '00'),
    changed(wrong, 2, '0020'),
    changed(wrong, 2, '0100'),
    changed(wrong, 2, '0000'),
  ])
    assert.deepEqual(fates(packet), ['implausible_IP_header', 'unknown_link_type']);
});

test('an IPv6 header holds for its length, next header and addresses', () => {
  assert.deepEqual(fates(six), ['session', 'session']);
  assert.deepEqual(fates(bytes(six, '00'.repeat(6))), ['session', 'session']);
  assert.deepEqual(fates(six, 50, six.length), ['session', 'session']);
  for (const [name, packet] of [
    ['a next header that nobody uses', changed(six, 6, 'c8')],
    ['a source that is nobody’s', bytes(changed(six, 8, '61881142'), '00')],
    ['a multicast source', bytes(changed(six, 8, 'ff02'), '00')],
    ['a destination that is nobody’s', bytes(changed(six, 24, '40'), '00')],
  ] as const)
    assert.deepEqual(fates(packet), ['implausible_IP_header', 'unknown_link_type'], name);
});

test('an IPv6 header without a length holds for a transport, and for the option of a jumbogram', () => {
  const noLength = (rest: Uint8Array, next: number): Uint8Array => ipv6(rest, next, V6_ONE, V6_TWO, 0);
  const datagram = udp(1000, 53, text('query'));
  const jumbo = bytes([17, 0], 'c204', '00011170', datagram);
  assert.equal(new Workbench().decode(noLength(datagram, 17), UNREGISTERED), 'session');
  assert.notEqual(fates(noLength(jumbo, 0))[1], 'unknown_link_type');
  assert.equal(fates(noLength(changed(jumbo, 2, '0104'), 0))[1], 'unknown_link_type');
});

test('addresses of every range in use are those of IPv6', () => {
  for (const start of ['2001', '3fff', 'fc00', 'fd12', 'fe80', '00000000', '0064ff9b'])
    assert.equal(fates(bytes(changed(six, 8, start), '00'))[1], 'session', start);
  for (const start of ['ff02', 'ff3e']) assert.equal(fates(bytes(changed(six, 24, start), '00'))[1], 'session', start);
});

test('frames of other networks are not taken for IP by their first four bits', () => {
  const next = random(11);
  const noise = (length: number): number[] => Array.from({ length }, () => next(256));
  let taken = 0;
  for (let i = 0; i < 4000; i++) {
    const beginning =
      next(2) === 0 ? bytes('6188', [i & 255], '4200', '0000', [0x94 + (i & 3), 0x1c]) : bytes([0x40 | next(48)]);
    for (const fate of fates(bytes(beginning, noise(90)))) if (fate === 'session' || fate === 'fragment') taken++;
  }
  assert.equal(taken, 0);
});

test('what is cut too short for the test has the name that IP gives it', () => {
  for (const [packet, length] of [
    [four, 19],
    [six, 39],
  ] as const) {
    assert.deepEqual(fates(packet, length, packet.length), ['truncated_IP', 'unknown_link_type']);
    assert.deepEqual(fates(bytes(be16(0x4500))), ['truncated_IP', 'unknown_link_type']);
  }
});
