/**
 * Per-packet information (LINKTYPE_PPI): a header with its length and the link type of the frame after it, both
 * little-endian. Zeek does not know it.
 */
import { fateOf } from '../fate.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { LINK_TYPES } from '../protocolnumbers.ts';

export const PPI = protocol({
  name: 'PPI',
  linkTypes: [192],
  notes: 'more than Zeek reads',
  decode: ppi,
});

const LENGTH = 2;
const LINK_TYPE = 4;
const MIN_HEADER = 8;

const TRUNCATED = ~fateOf('truncated_PPI_header');
const UNKNOWN = ~fateOf('unknown_link_type');

function ppi(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < MIN_HEADER) return TRUNCATED;
  const length = bytes[pos + LENGTH] | (bytes[pos + LENGTH + 1] << 8);
  if (length < MIN_HEADER || length >= c.end - pos) return TRUNCATED;
  const next = LINK_TYPES.next(bytes[pos + LINK_TYPE] | (bytes[pos + LINK_TYPE + 1] << 8), c);
  c.pos = pos + length;
  return next === PPI.code ? UNKNOWN : next;
}
