/**
 * GRE (RFC 2784, 2890), directly over IP or over UDP (RFC 8086): with IP, MPLS,
 * Ethernet, ERSPAN of types I, II and III, WCCP, or 802.11 as Aruba sends it. Version 1
 * is PPTP's (RFC 2637) and carries IP in PPP. Routing fields are refused, other
 * payloads are not IP.
 */
import { FATE_NOT_IP, FATE_SESSION, FATES, fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { IP_HOLDS, ipHeader } from '../ip/plausible.ts';
import { ETHERNET } from '../link/ethernet.ts';
import { IEEE80211 } from '../link/ieee80211.ts';
import { MPLS } from '../link/mpls.ts';
import { pppProtocol } from '../link/ppp.ts';
import { capturedFrom, int32, type PacketCursor, uint16 } from '../packetcursor.ts';
import { ipTunnel, type TunnelKind, udpTunnel } from '../protocol.ts';
import { LAYER_HAS_ID } from '../tunnellayers.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_ETHER_TYPE, SPACE_PPP } from '../undecodednames.ts';
import { innerPacket } from './ipinip.ts';

const KIND: TunnelKind = { number: 2, name: 'gre', id: 'key' };
/** Enhanced GRE, used by PPTP. */
const PPTP: TunnelKind = { number: 3, name: 'pptp', id: 'call' };
const ERSPAN: TunnelKind = { number: 4, name: 'erspan', id: 'session' };
const KINDS = [KIND, PPTP, ERSPAN];

export const GRE = ipTunnel({
  name: 'GRE',
  ipProtocols: [47],
  notes:
    'with IP, MPLS, Ethernet, 802.11 (Aruba), WCCP; as ERSPAN of types I, II and III, of which I has no session; as PPTP (version 1) with IP, whose PPP headers without address and control, or with a short protocol, are more than Zeek reads',
  kinds: KINDS,
  decode: greOverIp,
});

export const GRE_IN_UDP = udpTunnel({
  name: 'GRE in UDP',
  udpPorts: [4754],
  notes: 'likewise',
  kinds: KINDS,
  decode: greInUdp,
});

const CHECKSUM = 0x8000;
const ROUTING = 0x4000;
const KEY = 0x2000;
const SEQUENCE = 0x1000;
const ACKNOWLEDGEMENT = 0x0080;
const RESERVED = 0x0078;
const VERSION = 0x0007;
/** Length of each optional field. */
const FIELD = 4;
const MIN_HEADER = 4;

const ETHERNET_HEADER = 14;
const ERSPAN_II_HEADER = 8;
const ERSPAN_III_HEADER = 12;
const ERSPAN_III_OPTION = 8;
const ERSPAN_SESSION = 2;
const ERSPAN_SESSION_MASK = 0x3ff;
/** A protocol of one byte, and one of the packet: the rest of PPP's header may be left out. */
const PPP_LEAST = 2;
/** Address, control and a protocol of two bytes. */
const PPP_WHOLE = 4;
/** WCCP version 2 puts four bytes before the packet. */
const WCCP_REDIRECT = 4;

const TYPE_PPP = 0x880b;
/** In place of PPP's protocol. */
const NO_FRAME = 0;
const TYPE_WCCP = 0x883e;

const TRUNCATED = ~fateOf('truncated_GRE');
const UNKNOWN_VERSION = ~fateOf('unknown_gre_version');
const UNKNOWN_FLAGS = ~fateOf('unknown_gre_flags');
const SOURCE_ROUTE = ~fateOf('gre_routing');
const NOT_PPP = ~fateOf('egre_protocol_type');
const NOT_IP_IN_PPP = ~fateOf('non_ip_packet_in_encap');

/** Whether Aruba uses this type for 802.11 frames. */
function isAruba(type: number): boolean {
  return type === 0x9000 || ((type & 0xf) === 0 && type >= 0x8200 && type <= 0x8370);
}

/** IP at `c.pos`, if its header holds. @param type that GRE gives */
function ipOrNot(c: PacketCursor, type: number): number {
  return ipHeader(c, c.pos) === IP_HOLDS ? IP.code : notIp(c, SPACE_ETHER_TYPE, type);
}

/** @param captured bytes from `c.pos` on */
function version0(c: PacketCursor, flags: number, captured: number, header: number): number {
  const { bytes, pos } = c;
  const type = uint16(bytes, pos + 2);
  let next: number;
  let skip = header;
  switch (type) {
    case 0x6558: // transparent Ethernet bridging
      if (captured <= header + ETHERNET_HEADER) return TRUNCATED;
      next = ETHERNET.code;
      break;
    case 0x88be: // ERSPAN type I, or II when it has a sequence number
      if (captured <= header + ETHERNET_HEADER) return TRUNCATED;
      c.tunnelKind = ERSPAN.number;
      if ((flags & SEQUENCE) !== 0) {
        if (captured < header + ERSPAN_II_HEADER + ETHERNET_HEADER) return TRUNCATED;
        c.tunnelKind |= LAYER_HAS_ID;
        c.tunnelId = uint16(bytes, pos + header + ERSPAN_SESSION) & ERSPAN_SESSION_MASK;
        skip += ERSPAN_II_HEADER;
      }
      next = ETHERNET.code;
      break;
    case 0x22eb: // ERSPAN type III
      if (captured <= header + ERSPAN_III_HEADER + ETHERNET_HEADER) return TRUNCATED;
      c.tunnelKind = ERSPAN.number | LAYER_HAS_ID;
      c.tunnelId = uint16(bytes, pos + header + ERSPAN_SESSION) & ERSPAN_SESSION_MASK;
      skip += ERSPAN_III_HEADER;
      if ((bytes[pos + skip - 1] & 1) !== 0) {
        skip += ERSPAN_III_OPTION;
        if (captured <= skip + ETHERNET_HEADER) return TRUNCATED;
      }
      next = ETHERNET.code;
      break;
    case 0x8847: // MPLS
      next = MPLS.code;
      break;
    default:
      if (isAruba(type)) {
        if (captured <= header) return TRUNCATED;
        next = IEEE80211.code;
      } else {
        next = IP.code;
      }
  }
  if ((flags & ROUTING) !== 0) return SOURCE_ROUTE;
  if ((flags & RESERVED) !== 0) return UNKNOWN_FLAGS;
  if (captured < skip) return TRUNCATED;
  c.pos = pos + skip;
  if (next !== IP.code || type === 0x0800 || type === 0x86dd) return next;
  // Zeek tries every other type as IP by its first four bits; for WCCP version 2 its header is skipped first.
  const found = ipOrNot(c, type);
  if (type !== TYPE_WCCP || found === IP.code || captured - skip <= WCCP_REDIRECT) return found;
  c.pos += WCCP_REDIRECT;
  return ipOrNot(c, type);
}

function version1(c: PacketCursor, flags: number, captured: number, header: number): number {
  const { bytes, pos } = c;
  const type = uint16(bytes, pos + 2);
  if (type !== TYPE_PPP) {
    c.undecoded(SPACE_ETHER_TYPE, type);
    return NOT_PPP;
  }
  if ((flags & ROUTING) !== 0) return SOURCE_ROUTE;
  if ((flags & RESERVED) !== 0) return UNKNOWN_FLAGS;
  // Without a sequence number it acknowledges, and carries nothing.
  if ((flags & (SEQUENCE | ACKNOWLEDGEMENT)) === ACKNOWLEDGEMENT && captured >= header)
    return notIp(c, SPACE_PPP, NO_FRAME);
  if (captured < header + PPP_LEAST) return TRUNCATED;
  const protocol = pppProtocol(c, pos + header);
  if (protocol < 0) {
    if (captured < header + PPP_WHOLE) return TRUNCATED;
    c.undecoded(SPACE_ETHER_TYPE, type);
    return NOT_IP_IN_PPP;
  }
  if (protocol !== 0x0021 && protocol !== 0x0057) {
    c.undecoded(SPACE_PPP, protocol);
    return NOT_IP_IN_PPP;
  }
  return innerPacket(c, protocol === 0x0057 ? 6 : 4);
}

/**
 * GRE at `c.pos`.
 * @param captured bytes from there on
 */
function gre(c: PacketCursor, captured: number): number {
  const { bytes, pos } = c;
  if (captured < MIN_HEADER) return TRUNCATED;
  const flags = uint16(bytes, pos);
  const version = flags & VERSION;
  if (version > 1) return UNKNOWN_VERSION;
  let header = MIN_HEADER;
  if ((flags & CHECKSUM) !== 0) header += FIELD;
  const key = header;
  if ((flags & KEY) !== 0) header += FIELD;
  if ((flags & SEQUENCE) !== 0) header += FIELD;
  if ((flags & ACKNOWLEDGEMENT) !== 0) header += FIELD;
  c.tunnelKind = version === 0 ? KIND.number : PPTP.number;
  if ((flags & KEY) !== 0 && captured >= key + FIELD) {
    c.tunnelKind |= LAYER_HAS_ID;
    // The key of PPTP is the payload's length and the call id.
    c.tunnelId = version === 0 ? int32(bytes, pos + key) : uint16(bytes, pos + key + 2);
  }
  return version === 0 ? version0(c, flags, captured, header) : version1(c, flags, captured, header);
}

function greOverIp(c: PacketCursor): number {
  return gre(c, capturedFrom(c));
}

/** A datagram that is not GRE is a datagram like any other. */
function greInUdp(c: PacketCursor): number {
  const next = gre(c, capturedFrom(c));
  if (next >= 0 || next === ~FATE_NOT_IP) return next;
  c.odd(FATES[~next], 'in a UDP datagram');
  return ~FATE_SESSION;
}
