/** Cisco's HDLC (RFC 1547, section 4.3.1): address, control, EtherType. In some captures a byte says the direction first. */
import { fateOf } from '../../fate.ts';
import { type PacketCursor, uint16 } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { ETHER_TYPES } from '../../protocolnumbers.ts';

export const CISCO_HDLC = protocol({
  name: 'Cisco HDLC',
  linkTypes: [104],
  notes: 'more than Zeek reads',
  decode: ciscoHdlc,
});

export const CISCO_HDLC_WITH_DIRECTION = protocol({
  name: 'Cisco HDLC with direction',
  linkTypes: [205],
  notes: 'more than Zeek reads',
  decode: withDirection,
});

const TYPE = 2;
const HEADER = 4;

const TRUNCATED = ~fateOf('truncated_link_header');

function ciscoHdlc(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  const type = uint16(c.bytes, c.pos + TYPE);
  c.pos += HEADER;
  return ETHER_TYPES.next(type, c);
}

function withDirection(c: PacketCursor): number {
  c.pos++;
  return ciscoHdlc(c);
}
