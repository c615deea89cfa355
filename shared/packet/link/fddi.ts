/** FDDI: header and LLC/SNAP are skipped unread, as Zeek does; what follows is taken for IP. */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';

export const FDDI = protocol({
  name: 'FDDI',
  linkTypes: [10],
  decode: fddi,
});

/** 13 bytes of FDDI, 8 of LLC and SNAP. */
const HEADER = 21;

const TRUNCATED = ~fateOf('FDDI_analyzer_failed');

function fddi(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  c.pos += HEADER;
  return IP.code;
}
