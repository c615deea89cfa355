/** Tag of bridge port extenders (IEEE 802.1BR, EtherType 0x893F): six bytes, then the EtherType. */
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { behindTag } from '../typeorlength.ts';

export const ETAG = protocol({
  name: 'E-TAG (802.1BR)',
  etherTypes: [0x893f],
  notes: 'more than Zeek reads',
  decode: etag,
});

/** Six bytes, and the EtherType. */
const TAG = 8;

function etag(c: PacketCursor): number {
  return behindTag(c, TAG);
}
