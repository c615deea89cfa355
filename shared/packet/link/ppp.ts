/**
 * PPP (RFC 1661) as a link type, with or without HDLC-like framing (RFC 1662), PPP over a serial line (always with
 * framing), and PPPoE session frames (RFC 2516). IPv4, IPv6 and MPLS are followed; control protocols are not IP.
 * Compressed protocol fields are not supported.
 */
import { fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { PPP_PROTOCOLS } from '../protocolnumbers.ts';

export const PPP = protocol({
  name: 'PPP',
  linkTypes: [9],
  notes: 'with or without HDLC-like framing',
  decode: ppp,
});

export const PPP_SERIAL = protocol({
  name: 'PPP over HDLC',
  linkTypes: [50],
  decode: pppSerial,
});

export const PPPOE = protocol({
  name: 'PPPoE sessions',
  // 0x8863 is discovery and carries no IP.
  etherTypes: [0x8864],
  decode: pppoe,
});

const HDLC_ADDRESS_CONTROL = 0xff03;
const PROTOCOL_FIELD = 2;
/** PPPoE header of six bytes and the PPP protocol field. */
const PPPOE_HEADER = 8;
const PPPOE_PROTOCOL = 6;

/** Address, control and protocol field. */
const SERIAL_HEADER = 4;

const TRUNCATED = ~fateOf('truncated_ppp_header');
const TRUNCATED_PPPOE = ~fateOf('truncated_pppoe_header');

function ppp(c: PacketCursor): number {
  if (c.end - c.pos <= PROTOCOL_FIELD) return TRUNCATED;
  if (uint16(c.bytes, c.pos) === HDLC_ADDRESS_CONTROL) c.pos += 2;
  if (c.end - c.pos <= PROTOCOL_FIELD) return TRUNCATED;
  const next = PPP_PROTOCOLS.next(uint16(c.bytes, c.pos), c);
  c.pos += PROTOCOL_FIELD;
  return next;
}

function pppSerial(c: PacketCursor): number {
  if (c.end - c.pos <= SERIAL_HEADER) return TRUNCATED;
  const next = PPP_PROTOCOLS.next(uint16(c.bytes, c.pos + SERIAL_HEADER - PROTOCOL_FIELD), c);
  c.pos += SERIAL_HEADER;
  return next;
}

function pppoe(c: PacketCursor): number {
  if (c.end - c.pos <= PPPOE_HEADER) return TRUNCATED_PPPOE;
  const next = PPP_PROTOCOLS.next(uint16(c.bytes, c.pos + PPPOE_PROTOCOL), c);
  c.pos += PPPOE_HEADER;
  return next;
}
