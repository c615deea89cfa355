/** FDDI: header and LLC/SNAP are skipped unread, as Zeek does; what follows is taken for IP. */

import { fateOf } from '../fate.ts';
import { NEXT_IP, type PacketCursor } from '../packetcursor.ts';

/** 13 bytes of FDDI, 8 of LLC and SNAP. */
const HEADER = 21;

const TRUNCATED = ~fateOf('FDDI_analyzer_failed');

export function fddi(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  c.pos += HEADER;
  return NEXT_IP;
}
