/**
 * PPP (RFC 1661) as a link type, with or without HDLC-like framing (RFC 1662), with and without a byte for the
 * direction, PPP over a serial line, which may also carry Cisco's HDLC, and PPPoE session frames (RFC 2516). IPv4, IPv6
 * and MPLS are followed; control protocols are not IP. Address and control may be left out, and the protocol be one byte
 * (RFC 1661, section 6.5).
 */
import { fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { PPP_PROTOCOLS } from '../protocolnumbers.ts';
import { CISCO_HDLC } from './wan/chdlc.ts';

export const PPP = protocol({
  name: 'PPP',
  linkTypes: [9],
  notes: 'with or without HDLC-like framing; protocol fields of one byte are more than Zeek reads',
  decode: ppp,
});

export const PPP_WITH_DIRECTION = protocol({
  name: 'PPP with direction',
  // PPP_WITH_DIR, PPP_PPPD.
  linkTypes: [204, 166],
  notes: 'more than Zeek reads',
  decode: withDirection,
});

export const PPP_SERIAL = protocol({
  name: 'PPP over HDLC',
  linkTypes: [50],
  notes: 'Cisco HDLC in its place is more than Zeek reads',
  decode: pppSerial,
});

export const PPPOE = protocol({
  name: 'PPPoE sessions',
  linkTypes: [51],
  // 0x8863 is discovery and carries no IP.
  etherTypes: [0x8864],
  decode: pppoe,
});

const HDLC_ADDRESS_CONTROL = 0xff03;
const PROTOCOL_FIELD = 2;
/** PPPoE header of six bytes and the PPP protocol field. */
const PPPOE_HEADER = 8;
const PPPOE_PROTOCOL = 6;

const ALL_STATIONS = 0xff;
const CONTROL = 0x03;
/** First byte of Cisco's HDLC: unicast, and multicast. */
const CISCO_UNICAST = 0x0f;
const CISCO_MULTICAST = 0x8f;
/** Protocol numbers are even in their first byte and odd in the last: one that is odd in the first is one byte long. */
const ODD = 1;

const TRUNCATED = ~fateOf('truncated_ppp_header');
const TRUNCATED_PPPOE = ~fateOf('truncated_pppoe_header');

function ppp(c: PacketCursor): number {
  if (c.end - c.pos <= PROTOCOL_FIELD) return TRUNCATED;
  if (uint16(c.bytes, c.pos) === HDLC_ADDRESS_CONTROL) c.pos += 2;
  const length = c.end > c.pos && (c.bytes[c.pos] & ODD) !== 0 ? 1 : PROTOCOL_FIELD;
  if (c.end - c.pos <= length) return TRUNCATED;
  const number = length === 1 ? c.bytes[c.pos] : uint16(c.bytes, c.pos);
  c.pos += length;
  return PPP_PROTOCOLS.next(number, c);
}

function pppSerial(c: PacketCursor): number {
  const first = c.end > c.pos ? c.bytes[c.pos] : 0;
  return first === CISCO_UNICAST || first === CISCO_MULTICAST ? CISCO_HDLC.code : ppp(c);
}

/** The byte of the direction may stand before the address, or in its place. */
function withDirection(c: PacketCursor): number {
  c.pos++;
  if (c.end - c.pos <= 1) return TRUNCATED;
  if (c.bytes[c.pos] === ALL_STATIONS) c.pos++;
  if (c.bytes[c.pos] === CONTROL) c.pos++;
  return ppp(c);
}

function pppoe(c: PacketCursor): number {
  if (c.end - c.pos <= PPPOE_HEADER) return TRUNCATED_PPPOE;
  const next = PPP_PROTOCOLS.next(uint16(c.bytes, c.pos + PPPOE_PROTOCOL), c);
  c.pos += PPPOE_HEADER;
  return next;
}

/**
 * The protocol of the PPP frame at `at`, whose address and control field, and the high byte of the protocol, may be left
 * out (RFC 1661, 6.5 and 6.6). Moves the cursor behind it.
 * @returns -1 if it is none, or cut
 */
export function pppProtocol(c: PacketCursor, at: number): number {
  const { bytes, end } = c;
  const field = uint16(bytes, at) === HDLC_ADDRESS_CONTROL ? at + 2 : at;
  const isShort = field < end && (bytes[field] & 1) === 1;
  const after = field + (isShort ? 1 : 2);
  // The last byte of a protocol is odd.
  if (after > end || (bytes[after - 1] & 1) === 0) return -1;
  c.pos = after;
  return isShort ? bytes[field] : uint16(bytes, field);
}
