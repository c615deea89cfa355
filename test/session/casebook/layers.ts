/** Cases of packets in VLAN tags and in a tunnel. */
import { bytes, ethernet, ipv4, udp } from '../../packet/harness.ts';
import { at, type Case, Ends, frame } from './case.ts';

const tagged = new Ends(41, 9999);
const inside = new Ends(42, 9999);

const VXLAN_PORT = 4789;
/** Flags with the bit for a valid network identifier, and that identifier: 7. */
const VXLAN_HEADER = '08000000 00000700';
/** Bytes around an inner packet: IP, UDP and VXLAN headers, and the inner Ethernet header. */
const AROUND = 20 + 8 + 8 + 14;

const [WEST, EAST] = ['10.1.42.1', '10.1.42.2'];

/** An inner IPv4 packet from one tunnel endpoint to the other. */
function vxlan(src: string, dst: string, fromPort: number, inner: Uint8Array): Uint8Array {
  return frame(ipv4(udp(fromPort, VXLAN_PORT, bytes(VXLAN_HEADER, frame(inner))), { src, dst }));
}

export const LAYERS: readonly Case[] = [
  {
    name: 'both directions in VLANs, two tags one way and one the other',
    captures: [
      {
        name: 'tagged.pcap',
        records: [
          at(0, ethernet('88a8 0064 8100 002a 0800', tagged.ask(20))),
          at(10, ethernet('8100 002a 0800', tagged.answer(30))),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'udp',
        orig: tagged.client,
        resp: tagged.server,
        lasts: 10,
        bytes: [20, 30],
        state: 'SF',
        history: 'Dd',
        pkts: [1, 1],
        ipBytes: [48, 58],
        why: 'Tags are no part of the 5-tuple, by which Zeek knows a connection unless told otherwise, and not of IP bytes.',
      },
    ],
  },
  {
    name: 'a flow inside of VXLAN',
    captures: [
      {
        name: 'vxlan.pcap',
        records: [
          at(0, vxlan(WEST, EAST, 50_000, inside.ask(20))),
          at(10, vxlan(EAST, WEST, 50_001, inside.answer(30))),
          at(20, vxlan(WEST, EAST, 50_000, inside.ask(20))),
        ],
      },
    ],
    rows: [
      {
        at: 0,
        proto: 'udp',
        orig: inside.client,
        resp: inside.server,
        lasts: 20,
        bytes: [40, 30],
        state: 'SF',
        history: 'Dd',
        pkts: [2, 1],
        ipBytes: [2 * 48, 58],
        why: 'The inner flow is a session like any other, and its bytes are those of the inner packets.',
      },
      {
        at: 0,
        proto: 'udp',
        orig: [WEST, 50_000],
        resp: [EAST, VXLAN_PORT],
        lasts: 20,
        bytes: [2 * (8 + 14 + 48), 0],
        state: 'S0',
        history: 'D',
        pkts: [2, 0],
        ipBytes: [2 * (AROUND + 48), 0],
        why: 'The outer packets are sessions too. Tunnel endpoints send from ports of their choice to 4789, so each direction is a session of its own, and one way.',
      },
      {
        at: 10,
        proto: 'udp',
        orig: [EAST, 50_001],
        resp: [WEST, VXLAN_PORT],
        state: 'S0',
        history: 'D',
        pkts: [1, 0],
        ipBytes: [AROUND + 58, 0],
        why: 'The other direction, of one packet: no duration, no bytes.',
      },
    ],
  },
];
