/** VNTag (Cisco, EtherType 0x8926): six bytes, the last two an EtherType. */
import { fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { ETHER_TYPES } from '../protocolnumbers.ts';

export const VNTAG = protocol({
  name: 'VNTag',
  etherTypes: [0x8926],
  decode: vntag,
});

const TYPE = 4;
const HEADER = 6;

const TRUNCATED = ~fateOf('truncated_vntag_header');

function vntag(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  const type = uint16(c.bytes, c.pos + TYPE);
  c.pos += HEADER;
  return ETHER_TYPES.next(type, c);
}
