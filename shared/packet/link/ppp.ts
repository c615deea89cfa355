/**
 * PPP (RFC 1661) as a link type, with or without HDLC-like framing (RFC 1662), PPP
 * over a serial line, always with it, and PPPoE session frames (RFC 2516). IPv4, IPv6 and MPLS are followed; control
 * protocols are not IP. Compressed protocol fields are not undone.
 */

import { FATE_NOT_IP, fateOf } from '../fate.ts';
import { NEXT_IP, NEXT_MPLS, type PacketCursor, uint16 } from '../packetcursor.ts';

const HDLC_ADDRESS_CONTROL = 0xff03;
const PROTOCOL_FIELD = 2;
/** PPPoE header of six bytes and the PPP protocol field. */
const PPPOE_HEADER = 8;
const PPPOE_PROTOCOL = 6;

/** Address, control and protocol field. */
const SERIAL_HEADER = 4;

const TRUNCATED = ~fateOf('truncated_ppp_header');
const TRUNCATED_PPPOE = ~fateOf('truncated_pppoe_header');

function pppProtocol(protocol: number): number {
  switch (protocol) {
    case 0x0021: // IPv4
    case 0x0057: // IPv6
      return NEXT_IP;
    case 0x0281: // MPLS unicast
    case 0x0283: // MPLS multicast
      return NEXT_MPLS;
    default:
      return ~FATE_NOT_IP;
  }
}

export function ppp(c: PacketCursor): number {
  if (c.end - c.pos <= PROTOCOL_FIELD) return TRUNCATED;
  if (uint16(c.bytes, c.pos) === HDLC_ADDRESS_CONTROL) c.pos += 2;
  if (c.end - c.pos <= PROTOCOL_FIELD) return TRUNCATED;
  const protocol = uint16(c.bytes, c.pos);
  c.pos += PROTOCOL_FIELD;
  return pppProtocol(protocol);
}

export function pppSerial(c: PacketCursor): number {
  if (c.end - c.pos <= SERIAL_HEADER) return TRUNCATED;
  const protocol = uint16(c.bytes, c.pos + SERIAL_HEADER - PROTOCOL_FIELD);
  c.pos += SERIAL_HEADER;
  return pppProtocol(protocol);
}

export function pppoe(c: PacketCursor): number {
  if (c.end - c.pos <= PPPOE_HEADER) return TRUNCATED_PPPOE;
  const protocol = uint16(c.bytes, c.pos + PPPOE_PROTOCOL);
  c.pos += PPPOE_HEADER;
  return pppProtocol(protocol);
}
