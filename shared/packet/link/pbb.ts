/** Provider backbone bridges (IEEE 802.1ah, EtherType 0x88E7): a service tag of four bytes, then the customer's Ethernet frame. */

import { fateOf } from '../fate.ts';
import { NEXT_ETHERNET, type PacketCursor } from '../packetcursor.ts';

const TAG = 4;
/** The tag and an Ethernet header. */
const HEADER = 18;

const TRUNCATED = ~fateOf('truncated_PBB_header');

export function pbb(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  c.pos += TAG;
  return NEXT_ETHERNET;
}
