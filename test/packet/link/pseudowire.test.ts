/** What is found behind MPLS labels, whose payload no field names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FateName } from '../../../shared/packet/fate.ts';
import { bytes, ethernet, hex, ipv4, ipv6, text, udp, Workbench, withChecksum } from '../harness.ts';

const four = withChecksum(ipv4(udp(1000, 53, text('query'))));
const six = ipv6(udp(1000, 53, text('query')), 17);
const FLOW_FOUR = '17 10.0.0.1:1000 10.0.0.2:53';
const FLOW_SIX = '17 2001:db8::1:1000 2001:db8::2:53';

const behindLabels = (payload: Uint8Array): Uint8Array => ethernet('8847 00010040 00020140', payload);
/** An Ethernet frame from a hardware address that begins with `start`. */
const frame = (start: string, type: string, payload: Uint8Array): Uint8Array =>
  bytes(start.padEnd(12, '1'), '020000000002', type, payload);

for (const [name, payload, flow] of [
  ['IPv4', four, FLOW_FOUR],
  ['IPv6', six, FLOW_SIX],
  ['Ethernet without control word', frame('02', '0800', four), FLOW_FOUR],
  ['Ethernet to an address that begins like IPv4', frame('45000032', '0800', four), FLOW_FOUR],
  ['Ethernet to an address that begins like IPv6', frame('6000', '86dd', six), FLOW_SIX],
  ['Ethernet to an address that begins like a control word', frame('000000', '0800', four), FLOW_FOUR],
  ['Ethernet with a control word', bytes('00000000', frame('02', '0800', four)), FLOW_FOUR],
  ['Ethernet with a numbered control word', bytes('00001234', frame('4500', '86dd', six)), FLOW_SIX],
  ['Ethernet with tags', frame('60', '88a8 0005 8100 0006 0800', four), FLOW_FOUR],
  ['Ethernet with tags and a control word', bytes('00000007', frame('00', '8100 0005 0800', four)), FLOW_FOUR],
  ['Ethernet with PPPoE', frame('44', '8864 1100 0001 0023 0021', four), FLOW_FOUR],
  ['Ethernet with LLC and SNAP', frame('00', '0029 aaaa03 000000 0800', four), FLOW_FOUR],
  ['IPv4 in an associated channel', bytes('10000021', four), FLOW_FOUR],
  ['IPv6 in an associated channel', bytes('10000057', six), FLOW_SIX],
] as const)
  test(`${name} is found behind labels`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(behindLabels(payload)), 'session');
    assert.equal(bench.flow(), flow);
    assert.deepEqual(bench.odd, []);
  });

test('a control word that is also the beginning of an address is told by what follows', () => {
  // Behind the word an ARP request, at the same place without it nothing that is known.
  const bench = new Workbench();
  assert.equal(bench.decode(behindLabels(bytes('00000001', frame('ffff', '0806', new Uint8Array(46))))), 'not_ip');
  assert.deepEqual(bench.odd, []);
});

test('other pseudowires are not IP', () => {
  const cases: [string, Uint8Array, FateName][] = [
    ['ARP in Ethernet', frame('45', '0806', new Uint8Array(46)), 'not_ip'],
    ['spanning tree', frame('01', '0026 424203', new Uint8Array(46)), 'not_ip'],
    ['an unknown EtherType', frame('45', '1234', four), 'not_ip'],
    ['ATM cells', bytes('00000001 0064', '6a'.repeat(52)), 'not_ip'],
    ['bits that begin like IPv4', bytes('45', '6a'.repeat(52)), 'not_ip'],
    ['bits that begin like IPv6', bytes('60', '6a'.repeat(52)), 'not_ip'],
    ['an associated channel with BFD', bytes('10000007', '20c80318', '00'.repeat(20)), 'not_ip'],
    ['an EtherType of IPv4 before something else', frame('00', '0800', bytes('6a'.repeat(30))), 'not_ip'],
    ['nothing', hex(''), 'truncated_link_header'],
  ];
  for (const [name, payload, fate] of cases) assert.equal(new Workbench().decode(behindLabels(payload)), fate, name);
});
