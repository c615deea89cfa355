/** VNTag (Cisco, EtherType 0x8926): six bytes, the last two an EtherType. */

import { fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { etherType } from './ethertype.ts';

const TYPE = 4;
const HEADER = 6;

const TRUNCATED = ~fateOf('truncated_vntag_header');

export function vntag(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  const type = uint16(c.bytes, c.pos + TYPE);
  c.pos += HEADER;
  return etherType(type);
}
