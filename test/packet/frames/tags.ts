/** Frames with tags between the addresses and the EtherType. */
import { bytes, ethernet } from '../harness.ts';
import { datagram, hexOf, type Layer } from './datagram.ts';

const ADDRESSES = '020000000001020000000002';
const snap = (payload: Uint8Array): Uint8Array => bytes(hexOf(payload.length + 8), 'aaaa03 000000 0800', payload);

export const TAGS: readonly Layer[] = [
  ['a tag of 0x9200 in one of 0x9300', 1, ethernet('9300 0065 9200 0066 0800', datagram)],
  ['Cisco metadata', 1, ethernet('8909 01 01 0001 0064 0800', datagram)],
  [
    'Cisco metadata with two options below a VLAN tag',
    1,
    ethernet('8100 0005 8909 01 02 0001 0064 0002 0007 0800', datagram),
  ],
  ['Cisco timestamp tag', 1, ethernet('8988 0102030405 06 0800', datagram)],
  ['HSR', 1, ethernet('892f 0029 0007 0800', datagram)],
  ['HSR around 802.3', 1, ethernet('892f 0032 0007', snap(datagram))],
  ['a VLAN tag in HSR', 1, ethernet('892f 002d 0007 8100 0005 0800', datagram)],
  ['PRP behind the packet', 1, ethernet('0800', bytes(datagram, '0007 a02d 88fb'))],
  ['DSA tag', 284, bytes(ADDRESSES, '40800001 0800', datagram)],
  ['DSA tag before 802.3', 284, bytes(ADDRESSES, '40800001', snap(datagram))],
  ['EDSA tag', 285, bytes(ADDRESSES, 'dada 0000 c0000001 0800', datagram)],
  ['EDSA tag of another EtherType', 285, bytes(ADDRESSES, '9100 0000 c0000001 0800', datagram)],
  ['EDSA tag in Ethernet', 1, ethernet('dada 0000 40000000 0800', datagram)],
  ['Broadcom tag', 281, bytes(ADDRESSES, '20000003 0800', datagram)],
  ['Broadcom tag before the frame', 282, bytes('20000003', ethernet('0800', datagram))],
  ['E-TAG', 1, ethernet('893f 0000 1064 0000 0800', datagram)],
  ['MACsec without a channel', 1, ethernet('88e5 00 00 00000001 0800', bytes(datagram, '5a'.repeat(16)))],
  ['MACsec with a channel', 1, ethernet('88e5 20 00 00000001 0200000000010001 0800', bytes(datagram, '5a'.repeat(16)))],
  ['network service header with IP', 1, ethernet('894f 0fc6 0101 00000aff', bytes('00'.repeat(16), datagram))],
  ['network service header with Ethernet', 1, ethernet('894f 0fc2 0203 00000aff', ethernet('0800', datagram))],
  ['network service header with MPLS', 1, ethernet('894f 0fc2 0205 00000aff 00010140', datagram)],
  ['Arista timestamp of 64 bits', 1, ethernet('d28b 0001 0110 6553f100 00000001 0800', datagram)],
  ['Arista timestamp of 48 bits', 1, ethernet('d28b 0001 0020 f100 00000001 0800', datagram)],
  ['TRILL', 1, ethernet('22f3 003f 0001 0002', ethernet('0800', datagram))],
  ['TRILL with options', 1, ethernet('22f3 00bf 0001 0002 0000000000000000', ethernet('0800', datagram))],
];
