/** FDDI: a frame control byte, two addresses, and LLC in the frames that carry it. */
import { fateOf } from '../fate.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_FDDI } from '../undecodednames.ts';
import { llc } from './llc.ts';

export const FDDI = protocol({
  name: 'FDDI',
  linkTypes: [10],
  notes: 'frames with LLC, of which Zeek takes all for IP',
  decode: fddi,
});

/** Frame control and two addresses. */
const HEADER = 13;
/** Frame control of LLC frames, asynchronous and synchronous: the bits in the middle. */
const FORMAT = 0x70;
const LLC = 0x50;

const TRUNCATED = ~fateOf('FDDI_analyzer_failed');

function fddi(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  const control = c.bytes[c.pos];
  if ((control & FORMAT) !== LLC) return notIp(c, SPACE_FDDI, control);
  c.pos += HEADER;
  return llc(c, c.wireEnd - c.pos);
}
