/** Headers of operating systems and of devices that capture: what is no IP behind them, and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FateName } from '../../../shared/packet/fate.ts';
import { bytes, ethernet, hex, text, Workbench } from '../harness.ts';
import { datagram } from '../layers.ts';

const frame = ethernet('0800', datagram);
const FLOW = '17 10.0.0.1:1000 10.0.0.2:53';

/** A PKTAP header, version 1; numbers as little-endian hex. */
const pktap = (length: string, record: string, linkType: string, name = text('en0')): Uint8Array =>
  bytes(length, record, linkType, name, '00'.repeat(24 - name.length), '00'.repeat(72));

test('a PKTAP header says how long it is, and whether a packet follows', () => {
  const cases: [string, Uint8Array, FateName][] = [
    ['longer', bytes(pktap('74000000', '01000000', '01000000'), '00'.repeat(8), frame), 'session'],
    ['no packet', bytes(pktap('6c000000', '00000000', '01000000'), frame), 'not_ip'],
    ['shorter than itself', bytes(pktap('6b000000', '01000000', '01000000'), frame), 'truncated_link_header'],
    ['longer than the record', bytes(pktap('6c010000', '01000000', '01000000'), frame), 'truncated_link_header'],
    ['a link type beyond 16 bits', bytes(pktap('6c000000', '01000000', '01000100'), frame), 'unknown_link_type'],
    ['a PKTAP header again', bytes(pktap('6c000000', '01000000', '02010000'), frame), 'unknown_link_type'],
    ['802.15.4', bytes(pktap('6c000000', '01000000', 'c3000000'), frame), 'unknown_link_type'],
    ['cut', hex('6c000000'), 'truncated_link_header'],
  ];
  for (const [name, packet, fate] of cases) assert.equal(new Workbench().decode(packet, 258), fate, name);
});

test('USER2 is PKTAP only with its header, and otherwise like any private link type', () => {
  const cases: [string, Uint8Array, FateName][] = [
    ['IP alone', datagram, 'session'],
    ['Ethernet alone', frame, 'unknown_link_type'],
    ['a name that is none', bytes(pktap('6c000000', '01000000', '01000000', hex('ff01')), frame), 'unknown_link_type'],
    ['no name', bytes(pktap('6c000000', '01000000', '01000000', hex('')), frame), 'unknown_link_type'],
    ['another record', bytes(pktap('6c000000', '02000000', '01000000'), frame), 'unknown_link_type'],
    ['another length', bytes(pktap('00001000', '01000000', '01000000'), frame), 'unknown_link_type'],
    ['with its header', bytes(pktap('6c000000', '01000000', '01000000'), frame), 'session'],
  ];
  for (const [name, packet, fate] of cases) {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, 149), fate, name);
    assert.equal(bench.undecodedNames(), fate === 'session' ? '' : 'link_type_149_USER2=1', name);
  }
});

test('a PFLOG header is as long as it says, to the next multiple of four bytes', () => {
  for (const [length, padded] of [
    [0x2d, 48],
    [0x30, 48],
    [0x3d, 64],
    [0x45, 72],
    [0x64, 100],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(bytes([length, 2], '00'.repeat(padded - 2), datagram), 117), 'session', `${length}`);
    assert.equal(bench.flow(), FLOW);
    assert.deepEqual(bench.odd, []);
  }
  const cases: [string, Uint8Array, FateName][] = [
    ['another family', bytes('3d12', '00'.repeat(62), datagram), 'not_ip'],
    ['shorter than any', bytes('1c02', '00'.repeat(26), datagram), 'truncated_link_header'],
    ['nothing behind it', bytes('3d02', '00'.repeat(62)), 'truncated_link_header'],
    ['nothing', hex(''), 'truncated_link_header'],
  ];
  for (const [name, packet, fate] of cases) assert.equal(new Workbench().decode(packet, 117), fate, name);
});

test('an ERF record leads to what its type says', () => {
  const record = (type: string, rest: Uint8Array): Uint8Array => bytes('00'.repeat(8), type, '04 0050 0000 0040', rest);
  const cases: [string, Uint8Array, FateName][] = [
    ['coloured Ethernet', record('0b', bytes('0000', frame)), 'session'],
    ['PPP', record('0a', bytes('ff03 0021', datagram)), 'session'],
    ['a cell', record('03', new Uint8Array(52)), 'not_ip'],
    ['InfiniBand', record('15', new Uint8Array(52)), 'not_ip'],
    ['extension headers without end', record('82', hex('80'.repeat(64))), 'truncated_link_header'],
    ['nothing', record('02', hex('')), 'truncated_link_header'],
    ['padding alone', record('02', hex('0000')), 'truncated_link_header'],
  ];
  for (const [name, packet, fate] of cases) assert.equal(new Workbench().decode(packet, 197), fate, name);
});

test('Juniper’s header has a magic number, flags and extensions', () => {
  const cases: [string, number, Uint8Array, FateName][] = [
    ['another magic number', 178, bytes('4d4744 00', frame), 'unknown_link_type'],
    ['more extensions than there are', 178, bytes('4d4743 80 ffff', frame), 'truncated_link_header'],
    ['no extensions', 178, bytes('4d4743 80 0000', frame), 'session'],
    ['no link layer and no IP', 178, bytes('4d4743 02 00000003', '00'.repeat(40)), 'not_ip'],
    ['nothing behind it', 178, hex('4d4743 01'), 'truncated_link_header'],
    ['LCP', 179, bytes('4d4743 01 ff03 c021', '00'.repeat(20)), 'not_ip'],
    ['a cell of ATM', 135, bytes('4d4743 01', '00'.repeat(52)), 'not_ip'],
    ['bundled LCP', 130, bytes('4d4743 01 0102 c021', '00'.repeat(20)), 'not_ip'],
    ['services without IP', 136, bytes('4d4743 01', '45'.repeat(52)), 'not_ip'],
  ];
  for (const [name, linkType, packet, fate] of cases) {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, linkType), fate, name);
    assert.equal(bench.columns.length, fate === 'session' ? 1 : 0);
  }
});

test('monitor mode’s headers are as long as they say', () => {
  const data = bytes('0801', '00'.repeat(22), 'aaaa03 000000 0800', datagram);
  const cases: [string, Uint8Array, FateName][] = [
    ['AVS under Prism’s link type', bytes('80211001 00000040', '00'.repeat(56), data), 'session'],
    ['longer than the record', bytes('44000000 90000000', data), 'truncated_link_header'],
    ['shorter than itself', bytes('44000000 04000000', data), 'truncated_link_header'],
    ['cut', hex('44000000'), 'truncated_link_header'],
  ];
  for (const [name, packet, fate] of cases) assert.equal(new Workbench().decode(packet, 119), fate, name);
});

test('frames of cable networks without a packet, and cut ones', () => {
  assert.equal(new Workbench().decode(bytes('c0 00 0043 0000', frame), 143), 'not_ip');
  assert.equal(new Workbench().decode(bytes('01 ff 0043 0000', frame), 143), 'truncated_link_header');
  assert.equal(new Workbench().decode(hex('000000000000'), 143), 'truncated_link_header');
});
