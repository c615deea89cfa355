/** What the field of two bytes behind a tag leads to: an EtherType, or a length with LLC after it (ethertype.ts). */
import { fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { ETHER_TYPES } from '../protocolnumbers.ts';
import { SPACE_ETHER_TYPE } from '../undecodednames.ts';
import { MAX_LENGTH_FIELD, MIN_ETHERTYPE } from './ethertype.ts';
import { llc } from './llc.ts';

const UNDEFINED = ~fateOf('undefined_ether_type');
const TRUNCATED = ~fateOf('truncated_link_header');

/**
 * Skips a tag of `length` bytes at `c.pos`, whose last two are that field.
 * @returns what follows, or the complement of a fate
 */
export function behindTag(c: PacketCursor, length: number): number {
  const at = c.pos + length;
  if (c.end <= at) return TRUNCATED;
  const type = uint16(c.bytes, at - 2);
  c.pos = at;
  if (type >= MIN_ETHERTYPE) return ETHER_TYPES.next(type, c);
  if (type > MAX_LENGTH_FIELD) {
    c.undecoded(SPACE_ETHER_TYPE, type);
    return UNDEFINED;
  }
  return llc(c, type);
}
