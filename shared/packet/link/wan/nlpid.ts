/**
 * What a network layer protocol identifier leads to (ISO/IEC TR 9577; RFC 2427 for Frame Relay, RFC 2684 for ATM): IP,
 * PPP, or SNAP with an EtherType or a bridged Ethernet frame.
 */
import { fateOf } from '../../fate.ts';
import { IP } from '../../ip/ipv4.ts';
import { type PacketCursor, uint16 } from '../../packetcursor.ts';
import { ETHER_TYPES } from '../../protocolnumbers.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_NLPID, snapSpace } from '../../undecodednames.ts';
import { ETHERNET } from '../ethernet.ts';
import { PPP } from '../ppp.ts';

const IPV4 = 0xcc;
const IPV6 = 0x8e;
const OVER_PPP = 0xcf;
const SNAP = 0x80;

/** Organisation code, protocol. */
const SNAP_HEADER = 5;
const ORGANISATION_ETHERTYPE = 0x000000;
/** EtherTypes of frames that bridges carry (IEEE 802.1H). */
const ORGANISATION_BRIDGE_TUNNEL = 0x0000f8;
const ORGANISATION_BRIDGED = 0x0080c2;
const BRIDGED_WITH_FCS = 0x0001;
const BRIDGED = 0x0007;

const TRUNCATED = ~fateOf('truncated_link_header');

/**
 * The identifier at `c.pos`.
 * @param padding bytes between a SNAP header and a bridged frame: 2 over ATM, none over Frame Relay
 * @returns the code of a protocol, or the complement of a fate
 */
export function nlpid(c: PacketCursor, padding: number): number {
  if (c.end - c.pos <= 1) return TRUNCATED;
  const id = c.bytes[c.pos++];
  switch (id) {
    case IPV4:
    case IPV6:
      return IP.code;
    case OVER_PPP:
      return PPP.code;
    case SNAP:
      return snap(c, padding);
    default:
      return notIp(c, SPACE_NLPID, id);
  }
}

/** The SNAP header at `c.pos`, likewise. */
export function snap(c: PacketCursor, padding: number): number {
  const { bytes, pos } = c;
  if (c.end - pos <= SNAP_HEADER) return TRUNCATED;
  const organisation = (bytes[pos] << 16) | uint16(bytes, pos + 1);
  const protocol = uint16(bytes, pos + 3);
  c.pos = pos + SNAP_HEADER;
  if (organisation === ORGANISATION_ETHERTYPE || organisation === ORGANISATION_BRIDGE_TUNNEL)
    return ETHER_TYPES.next(protocol, c);
  if (organisation !== ORGANISATION_BRIDGED || (protocol !== BRIDGED && protocol !== BRIDGED_WITH_FCS))
    return notIp(c, snapSpace(organisation), protocol);
  c.pos += padding;
  return c.pos < c.end ? ETHERNET.code : TRUNCATED;
}
