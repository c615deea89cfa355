/**
 * MPLS label stacks (RFC 3032): four bytes a label, the lowest bit of the third
 * byte marks the bottom. What follows is not named; it is taken for IP.
 */

import { fateOf } from '../fate.ts';
import { NEXT_IP, type PacketCursor } from '../packetcursor.ts';

const BOTTOM = 2;
const LABEL = 4;

const TRUNCATED = ~fateOf('truncated_link_header');

export function mpls(c: PacketCursor): number {
  for (;;) {
    if (c.end - c.pos <= LABEL) return TRUNCATED;
    const bottom = c.bytes[c.pos + BOTTOM] & 1;
    c.pos += LABEL;
    if (bottom !== 0) return NEXT_IP;
  }
}
