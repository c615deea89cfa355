/** Provider backbone bridges (IEEE 802.1ah, EtherType 0x88E7): a service tag of four bytes, then the customer's Ethernet frame. */
import { type Cursor, NEXT_ETHERNET } from '../cursor.ts';
import { fateOf } from '../fate.ts';

const TAG = 4;
/** The tag and an Ethernet header. */
const HEADER = 18;

const TRUNCATED = ~fateOf('truncated_PBB_header');

export function pbb(c: Cursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  c.pos += TAG;
  return NEXT_ETHERNET;
}
