/** Provider backbone bridges (IEEE 802.1ah, EtherType 0x88E7): a service tag of four bytes, then the customer's Ethernet frame. */
import { fateOf } from '../fate.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { ETHERNET } from './ethernet.ts';

export const PBB = protocol({
  name: 'provider backbone bridges (802.1ah)',
  etherTypes: [0x88e7],
  decode: pbb,
});

const TAG = 4;
/** The tag and an Ethernet header. */
const HEADER = 18;

const TRUNCATED = ~fateOf('truncated_PBB_header');

function pbb(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  c.pos += TAG;
  return ETHERNET.code;
}
