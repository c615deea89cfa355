/**
 * MPLS label stacks (RFC 3032): four bytes a label, the lowest bit of the third byte marks the bottom. The payload's
 * type is not given: pseudowire.ts tells it.
 */
import { fateOf } from '../fate.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { behindLabels } from './pseudowire.ts';

export const MPLS = protocol({
  name: 'MPLS',
  linkTypes: [219],
  // Unicast; multicast, or upstream-assigned labels.
  etherTypes: [0x8847, 0x8848],
  pppProtocols: [0x0281, 0x0283],
  notes:
    'carries IP, when its header holds, or Ethernet pseudowires with and without control word; EtherType 0x8848 and pseudowires are more than Zeek reads',
  decode: mpls,
});

const BOTTOM = 2;
const LABEL = 4;

const TRUNCATED = ~fateOf('truncated_link_header');

function mpls(c: PacketCursor): number {
  for (;;) {
    if (c.end - c.pos <= LABEL) return TRUNCATED;
    const bottom = c.bytes[c.pos + BOTTOM] & 1;
    c.pos += LABEL;
    if (bottom !== 0) return behindLabels(c);
  }
}
