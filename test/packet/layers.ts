/** Frames of each link layer around one datagram, for tests that need all of them. */
import { datagram, hexOf, hexOfLittle, type Layer } from './frames/datagram.ts';
import { HOSTS } from './frames/hosts.ts';
import { TAGS } from './frames/tags.ts';
import { WAN } from './frames/wan.ts';
import { bytes, ethernet } from './harness.ts';

export { datagram, hexOf } from './frames/datagram.ts';

/** Frames of each link layer around the same datagram, by link type. */
export const LAYERS: readonly Layer[] = [
  ['Ethernet', 1, ethernet('0800', datagram)],
  ['Ethernet with an EtherType that names the wrong IP version', 1, ethernet('86dd', datagram)],
  ['Ethernet behind Cisco FabricPath', 1, bytes('0100000000010200000000028903', '0000', ethernet('0800', datagram))],
  ['802.3 with LLC and SNAP', 1, ethernet(`${hexOf(datagram.length + 8)} aaaa03 000000 0800`, datagram)],
  ['PPPoE session', 1, ethernet(`8864 1100 0001 ${hexOf(datagram.length + 2)} 0021`, datagram)],
  ['MPLS of three labels', 1, ethernet('8847 00010040 00020040 00030140', datagram)],
  ['VNTag and VLAN', 1, ethernet('8926 80000004 8100 0001 0800', datagram)],
  ['a provider backbone bridge', 1, ethernet('88e7 00000065', ethernet('0800', datagram))],
  [
    'NFLOG',
    239,
    bytes('0200 0000 0800 0100 08000300 0500 0a00 00000000', `${hexOfLittle(datagram.length + 4)} 0900`, datagram),
  ],
  [
    'NFLOG of a big-endian host',
    239,
    bytes('0200 0000 0008 0001 08000300', `${hexOf(datagram.length + 4)} 0009`, datagram),
  ],
  ['PPI with Ethernet', 192, bytes('0000 0c00 01000000 00000000', ethernet('0800', datagram))],
  ['FDDI', 10, bytes('50', '00'.repeat(12), 'aaaa03 000000 0800', datagram)],
  ['PPP', 9, bytes('0021', datagram)],
  ['PPP in HDLC-like framing', 9, bytes('ff03 0021', datagram)],
  ['PPP over HDLC', 50, bytes('ff03 0021', datagram)],
  ['PPP with MPLS', 50, bytes('ff03 0281 00010140', datagram)],
  ['raw IP', 101, datagram],
  ['raw IP under its old number', 12, datagram],
  ['IPv4', 228, datagram],
  ['loopback, little-endian family', 0, bytes('02000000', datagram)],
  ['loopback, big-endian family', 0, bytes('00000002', datagram)],
  ['loopback of OpenBSD', 108, bytes('00000002', datagram)],
  ['Linux cooked capture', 113, bytes('0000 0001 0006 020000000001 0000 0800', datagram)],
  ['802.2 in a Linux cooked capture', 113, bytes('0000 0001 0006 020000000001 0000 0004 aaaa03 000000 0800', datagram)],
  ['Linux cooked capture, version 2', 276, bytes('0800 0000 00000002 0001 00 06 0200000000010000', datagram)],
  ...TAGS,
  ...WAN,
  ...HOSTS,
];
