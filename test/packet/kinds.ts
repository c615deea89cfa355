/** Ethernet frames with every kind of transport, extension header and tunnel, for tests that cut and damage them. */
import { be16, be32, bytes, ethernet, ipv4, ipv6, tcp, text, udp } from './harness.ts';

export const PACKETS: [name: string, packet: Uint8Array][] = [
  ['TCP', ethernet('0800', ipv4(tcp(1, 2, text('SSH-2.0-x'), { options: '0101080a0000000100000002' }), { proto: 6 }))],
  ['UDP behind options', ethernet('0800', ipv4(udp(1, 2, text('abcdef')), { options: '9404000001010101' }))],
  ['ICMP', ethernet('0800', ipv4(bytes('0800 0000 0001 0002', text('ping')), { proto: 1 }))],
  ['SCTP', ethernet('0800', ipv4(new Uint8Array(28), { proto: 132 }))],
  ['a fragment', ethernet('0800', ipv4(new Uint8Array(80), { offset: 80, more: true }))],
  [
    'IPv6 with every extension header',
    ethernet(
      '86dd',
      ipv6(
        bytes(
          '2b000104 00000000',
          '3c020001 00000000',
          new Uint8Array(16),
          '33000104 00000000',
          '11010000 00000001 00000002',
          udp(7, 8, text('abcd')),
        ),
        0,
      ),
    ),
  ],
  ['an IPv6 fragment', ethernet('86dd', ipv6(bytes([17, 0], be16(1), be32(5), new Uint8Array(80)), 44))],
  ['an atomic fragment', ethernet('86dd', ipv6(bytes([17, 0], be16(0), be32(5), udp(7, 8, text('abcd'))), 44))],
  [
    'VXLAN in GENEVE',
    ethernet(
      '0800',
      ipv4(
        udp(
          60000,
          6081,
          bytes(
            '01006558 00000100 01080000',
            ethernet(
              '0800',
              ipv4(udp(60000, 4789, bytes('08000000 00000100', ethernet('0800', ipv4(udp(1, 2, text('abc'))))))),
            ),
          ),
        ),
      ),
    ),
  ],
  [
    'GTP',
    ethernet('0800', ipv4(udp(2152, 2152, bytes('34ff0028 00000001 00000085 01000000', ipv4(udp(1, 2, text('abc'))))))),
  ],
  ['Teredo', ethernet('0800', ipv4(udp(1, 3544, bytes('0000fbbf3f57fefe', ipv6(udp(7, 8, text('abcd')), 17)))))],
  [
    'ERSPAN III in IPv6',
    ethernet(
      '86dd',
      ipv6(
        bytes(
          '100022eb 00000001 200500010000000000000001',
          '00'.repeat(8),
          ethernet('0800', ipv4(udp(1, 2, text('abc')))),
        ),
        47,
      ),
    ),
  ],
  [
    'enhanced GRE',
    ethernet('0800', ipv4(bytes('3001880b 00000000 00000001 ff030021', ipv4(udp(1, 2, text('abc')))), { proto: 47 })),
  ],
  [
    '802.11 in GRE',
    ethernet(
      '0800',
      ipv4(
        bytes(
          '00008200 8801',
          '00'.repeat(22),
          '8000',
          '00'.repeat(12),
          '0023',
          'aaaa03 000000 0800',
          ipv4(udp(1, 2, text('abcd'))).subarray(0, 27),
        ),
        { proto: 47 },
      ),
    ),
  ],
  [
    'VLAN, MPLS, PPPoE',
    ethernet('88a8 0005 8100 0006 8864 1100 0001 0020 0281 00010140', ipv4(udp(1, 2, text('abc')))),
  ],
];
