/** FDDI: header and LLC/SNAP are skipped unread, as Zeek does; what follows is taken for IP. */
import { type Cursor, NEXT_IP } from '../cursor.ts';
import { fateOf } from '../fate.ts';

/** 13 bytes of FDDI, 8 of LLC and SNAP. */
const HEADER = 21;

const TRUNCATED = ~fateOf('FDDI_analyzer_failed');

export function fddi(c: Cursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  c.pos += HEADER;
  return NEXT_IP;
}
