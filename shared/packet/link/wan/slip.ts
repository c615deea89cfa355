/**
 * Serial lines of BSD: SLIP with a header of 16 bytes (direction, kind, compressed header), that of BSD/OS with one of 24,
 * and its PPP likewise. The IP header behind is whole even where the line's was compressed.
 */
import { fateOf } from '../../fate.ts';
import { IP } from '../../ip/ipv4.ts';
import { IP_HOLDS, ipHeader } from '../../ip/plausible.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_LINK_TYPE } from '../../undecodednames.ts';

const SLIP_BSDOS = 102;

export const SLIP = protocol({
  name: 'SLIP',
  linkTypes: [8],
  notes: 'more than Zeek reads',
  decode: slip,
});

export const BSD_OS_SERIAL = protocol({
  name: 'SLIP and PPP of BSD/OS',
  // SLIP_BSDOS and PPP_BSDOS, and their DLT values.
  linkTypes: [SLIP_BSDOS, 15, 103, 16],
  notes: 'IP, when its header holds; more than Zeek reads',
  decode: bsdOs,
});

const HEADER = 16;
const BSD_OS_HEADER = 24;

const TRUNCATED = ~fateOf('truncated_link_header');

function slip(c: PacketCursor): number {
  const { pos } = c;
  if (c.end - pos <= HEADER) return TRUNCATED;
  // Some writers leave the header out.
  if (ipHeader(c, pos) === IP_HOLDS && ipHeader(c, pos + HEADER) !== IP_HOLDS) return IP.code;
  c.pos = pos + HEADER;
  return IP.code;
}

function bsdOs(c: PacketCursor): number {
  if (c.end - c.pos <= BSD_OS_HEADER) return TRUNCATED;
  c.pos += BSD_OS_HEADER;
  return ipHeader(c, c.pos) === IP_HOLDS ? IP.code : notIp(c, SPACE_LINK_TYPE, SLIP_BSDOS);
}
