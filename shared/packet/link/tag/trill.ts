/** TRILL (RFC 6325, EtherType 0x22F3): flags with a number of option words, two nicknames, then an Ethernet frame. */
import { fateOf } from '../../fate.ts';
import { type PacketCursor, uint16 } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { ETHERNET } from '../ethernet.ts';

export const TRILL = protocol({
  name: 'TRILL',
  etherTypes: [0x22f3],
  notes: 'more than Zeek reads',
  decode: trill,
});

const HEADER = 6;
const OPTIONS_SHIFT = 6;
const OPTIONS_MASK = 0x1f;

const TRUNCATED = ~fateOf('truncated_link_header');

function trill(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  const options = (uint16(c.bytes, c.pos) >> OPTIONS_SHIFT) & OPTIONS_MASK;
  c.pos += HEADER + options * 4;
  return c.pos < c.end ? ETHERNET.code : TRUNCATED;
}
