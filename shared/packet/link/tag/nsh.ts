/** Network service header (RFC 8300): its length in words of four bytes, and what follows it. */
import { fateOf } from '../../fate.ts';
import { IP } from '../../ip/ipv4.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_NSH } from '../../undecodednames.ts';
import { ETHERNET } from '../ethernet.ts';
import { MPLS } from '../mpls.ts';

export const NSH = protocol({
  name: 'network service header',
  etherTypes: [0x894f],
  notes: 'with IP, Ethernet, MPLS; more than Zeek reads',
  decode: nsh,
});

const LENGTH = 1;
const LENGTH_MASK = 0x3f;
const NEXT = 3;
/** Base header and service path header. */
const MIN_HEADER = 8;

const TRUNCATED = ~fateOf('truncated_link_header');

function nsh(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos <= MIN_HEADER) return TRUNCATED;
  const header = (bytes[pos + LENGTH] & LENGTH_MASK) << 2;
  if (header < MIN_HEADER || c.end - pos <= header) return TRUNCATED;
  c.pos = pos + header;
  const next = bytes[pos + NEXT];
  const code = followsBy(next);
  return code >= 0 ? code : notIp(c, SPACE_NSH, next);
}

/** The code of the protocol by its number in this header, and in that of VXLAN-GPE; -1 for one without a decoder. */
export function followsBy(next: number): number {
  switch (next) {
    case 1: // IPv4
    case 2: // IPv6
      return IP.code;
    case 3:
      return ETHERNET.code;
    case 4:
      return NSH.code;
    case 5:
      return MPLS.code;
    default:
      return -1;
  }
}
