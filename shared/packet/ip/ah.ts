/**
 * The authentication header (RFC 4302) over IPv4, and of IPv6 where it stands behind a whole datagram's fragment header:
 * what it protects can be read, so it is skipped. Zeek makes a flow of protocol 51 of it over IPv4; one that is longer
 * than its packet is that here too.
 */
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { IP_PROTOCOLS } from '../protocolnumbers.ts';
import { other } from './other.ts';

export const AH = protocol({
  name: 'AH',
  ipProtocols: [51],
  notes: 'is skipped; over IPv4 that is more than Zeek reads',
  decode: ah,
});

const LENGTH = 1;
/** Next header, length, reserved, SPI and sequence number. */
const MIN_HEADER = 12;
const NO_NEXT = 59;

function ah(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < MIN_HEADER) return other(c);
  const header = (bytes[pos + LENGTH] + 2) << 2;
  const next = bytes[pos];
  if (header < MIN_HEADER || header > c.end - pos || next === NO_NEXT) return other(c);
  c.proto = next;
  c.announced -= header;
  c.pos = pos + header;
  return IP_PROTOCOLS.next(next, c);
}
