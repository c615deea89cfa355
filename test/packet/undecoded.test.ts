/** What is not decoded is counted by the number that says what it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNDECODED_LISTED, UndecodedCounts, undecodedByName } from '../../shared/packet/undecoded.ts';
import { SPACE_ETHER_TYPE, SPACE_LLC, snapSpace } from '../../shared/packet/undecodednames.ts';
import { be16, bytes, ethernet, hex, ipv4, udp, Workbench } from './harness.ts';

const RAW = 101;
const rest = new Uint8Array(46);
const length = (content: Uint8Array): string => Buffer.from(be16(content.length)).toString('hex');
const llc = (header: string): Uint8Array => {
  const content = bytes(header, rest);
  return ethernet(length(content), content);
};
const gre = (header: string): Uint8Array => ipv4(bytes(header, rest), { proto: 47 });

for (const [name, linkType, frame, fate, counted] of [
  ['ARP', 1, ethernet('0806', rest), 'not_ip', 'ethertype_0x0806_ARP'],
  ['an EtherType without a name', 1, ethernet('1234', rest), 'not_ip', 'ethertype_0x1234'],
  ['LLDP in a VLAN', 1, ethernet('8100 0005 88cc', rest), 'not_ip', 'ethertype_0x88cc_LLDP'],
  ['a number between length and EtherType', 1, ethernet('05fe', rest), 'undefined_ether_type', 'ethertype_0x05fe'],
  ['the same in a VLAN', 1, ethernet('8100 0005 05fe', rest), 'undefined_vlan_protocol', 'ethertype_0x05fe'],
  ['spanning tree', 1, llc('424203'), 'not_ip', 'llc_sap_0x42_STP'],
  ['Novell’s frames', 1, llc('ffff'), 'not_ip', 'llc_sap_0xffff_Novell_raw_802.3'],
  ['Cisco’s discovery', 1, llc('aaaa03 00000c 2000'), 'not_ip', 'snap_00000c_0x2000_Cisco_CDP'],
  ['SNAP of the largest organisation', 1, llc('aaaa03 ffffff ffff'), 'not_ip', 'snap_ffffff_0xffff'],
  ['SNAP with an EtherType', 1, llc('aaaa03 000000 809b'), 'not_ip', 'ethertype_0x809b_AppleTalk'],
  ['LCP', 9, bytes('ff03 c021', rest), 'not_ip', 'ppp_0xc021_LCP'],
  ['another address family', 0, bytes('07000000', rest), 'not_ip', 'address_family_7_OSI'],
  ['a pseudowire of another kind', 1, ethernet('8847 00064140', bytes('00000001', rest)), 'not_ip', 'behind_mpls_0x00'],
  ['a channel’s message', 1, ethernet('8847 00064140', bytes('10000007', rest)), 'not_ip', 'associated_channel_0x0007'],
  ['FDDI’s beacon', 10, bytes('c2', rest), 'not_ip', 'fddi_0xc2'],
  ['a beacon', 105, bytes('8000', rest), 'not_ip', '802.11_0x80_beacon'],
  ['AppleTalk in GRE', RAW, gre('0000 809b 00'), 'not_ip', 'ethertype_0x809b_AppleTalk'],
  ['PPP’s control in GRE', RAW, gre('0001 880b ff03 8021'), 'non_ip_packet_in_encap', 'ppp_0x8021_IPCP'],
  [
    'ARP in VXLAN',
    RAW,
    ipv4(udp(5, 4789, bytes('08000000 00002a00', ethernet('0806', rest)))),
    'not_ip',
    'ethertype_0x0806_ARP',
  ],
  [
    'another type in GENEVE',
    RAW,
    ipv4(udp(5, 6081, bytes('0000 88cc 00002a00', rest))),
    'not_ip',
    'ethertype_0x88cc_LLDP',
  ],
  ['a link type without a decoder', 195, hex('0188 0000'), 'unknown_link_type', 'link_type_195_IEEE802_15_4_WITHFCS'],
  ['an unregistered link type', 4000, hex('0188 0000'), 'unknown_link_type', 'link_type_4000'],
] as const)
  test(`${name} is counted as ${counted}`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(frame, linkType), fate);
    assert.equal(bench.undecodedNames(), `${counted}=1`);
    // An anomaly has it as its detail.
    if (bench.odd.length > 0) assert.deepEqual([bench.odd, bench.details], [[fate], [counted]]);
  });

test('what became a session is not counted, nor is it named after the packet before it', () => {
  const bench = new Workbench();
  bench.decode(ethernet('0806', rest));
  bench.decode(ethernet('0800', ipv4(rest, { proto: 89 })));
  bench.decode(ethernet('0800', hex('45000010')));
  assert.equal(bench.undecodedNames(), 'ethertype_0x0806_ARP=1');
});

test('an aggregate is counted once, by the subframe that gave it its fate', () => {
  const subframe = (type: string) => bytes('00'.repeat(12), be16(16), 'aaaa03 000000', type, '00'.repeat(8));
  const frame = bytes('8801', '00'.repeat(22), '8000', subframe('0806'), subframe('88cc'));
  const bench = new Workbench();
  assert.equal(bench.decode(frame, 105), 'not_ip');
  assert.equal(bench.undecodedNames(), 'ethertype_0x0806_ARP=1');
});

test('every record that is not IP is counted, with or without a number', () => {
  const bench = new Workbench();
  // A length that leaves no room for LLC.
  assert.equal(bench.decode(ethernet('8100 0005 0001', rest)), 'not_ip');
  assert.equal(bench.undecodedNames(), 'unnamed=1');
});

test('names are bounded, and what lies beyond the bound is still counted', () => {
  const counts = new UndecodedCounts();
  for (let round = 0; round < 3; round++)
    for (let type = 0; type < UNDECODED_LISTED + 20; type++) counts.add(SPACE_ETHER_TYPE, 0x4000 + type * 256);
  const taken = counts.take();
  assert.equal(taken.length, UNDECODED_LISTED + 1);
  const named = undecodedByName(taken);
  assert.deepEqual(named[0], { name: 'others', count: 60 });
  assert.ok(named.slice(1).every(({ count }) => count === 3));
  assert.deepEqual(counts.take(), [], 'taken once');
});

test('equal numbers of different spaces are different; names are in order of frequency, then by themselves', () => {
  const counts = new UndecodedCounts();
  for (const space of [SPACE_LLC, SPACE_ETHER_TYPE, snapSpace(1), snapSpace(2), SPACE_ETHER_TYPE])
    counts.add(space, 66);
  assert.deepEqual(
    undecodedByName(counts.take()).map(({ name, count }) => `${name}=${count}`),
    ['ethertype_0x0042=2', 'llc_sap_0x42_STP=1', 'snap_000001_0x0042=1', 'snap_000002_0x0042=1'],
  );
});
