/**
 * Hilscher's netANALYZER: four bytes, then an Ethernet frame, with preamble and start of frame under another link type.
 */
import { fateOf } from '../../fate.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { ETHERNET } from '../ethernet.ts';

export const NETANALYZER = protocol({
  name: 'netANALYZER',
  linkTypes: [240],
  notes: 'more than Zeek reads',
  decode: netanalyzer,
});

export const NETANALYZER_TRANSPARENT = protocol({
  name: 'netANALYZER with preamble',
  linkTypes: [241],
  notes: 'more than Zeek reads',
  decode: transparent,
});

const HEADER = 4;
const PREAMBLE = 8;

const TRUNCATED = ~fateOf('truncated_link_header');

function netanalyzer(c: PacketCursor): number {
  c.pos += HEADER;
  return c.pos < c.end ? ETHERNET.code : TRUNCATED;
}

function transparent(c: PacketCursor): number {
  c.pos += HEADER + PREAMBLE;
  return c.pos < c.end ? ETHERNET.code : TRUNCATED;
}
