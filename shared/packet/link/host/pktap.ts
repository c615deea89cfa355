/**
 * PKTAP, Apple's header before packets of any interface (LINKTYPE_PKTAP; also as LINKTYPE_USER2, which Apple took for it).
 * In both versions the header's length and the link type of what follows are in it, little-endian; a flag, at the same
 * place in both, tells the version.
 */
import { fateOf } from '../../fate.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { LINK_TYPES } from '../../protocolnumbers.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_LINK_TYPE } from '../../undecodednames.ts';
import { UNKNOWN } from '../unknown.ts';

const LINKTYPE_PKTAP = 258;
const USER2 = 149;

export const PKTAP = protocol({
  name: 'PKTAP',
  linkTypes: [LINKTYPE_PKTAP],
  notes: 'both versions; more than Zeek reads',
  decode: pktap,
});

export const PKTAP_AS_USER2 = protocol({
  name: 'PKTAP as USER2',
  linkTypes: [USER2],
  notes: 'when its header is one; otherwise as any other link type for private use',
  decode: pktapAsUser2,
});

const LENGTH = 0;
const RECORD = 4;
const LINK_TYPE = 8;
const NAME = 12;
const NAME_LENGTH = 24;
const MIN_HEADER = 108;
const MAX_HEADER = 512;
const PACKET_FOLLOWS = 1;

const FLAGS = 36;
const VERSION_2 = 0x00080000;
/** Version 2: length and link type, and the header without its optional fields. */
const LENGTH_2 = 0;
const LINK_TYPE_2 = 6;
const MIN_HEADER_2 = 40;

const TRUNCATED = ~fateOf('truncated_link_header');
const UNKNOWN_LINK_TYPE = ~fateOf('unknown_link_type');

function little32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

function pktap(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < MIN_HEADER_2) return TRUNCATED;
  const isVersion2 = (little32(bytes, pos + FLAGS) & VERSION_2) !== 0;
  const length = isVersion2 ? bytes[pos + LENGTH_2] : little32(bytes, pos + LENGTH);
  if (length < (isVersion2 ? MIN_HEADER_2 : MIN_HEADER) || length > c.end - pos) return TRUNCATED;
  if (!isVersion2 && little32(bytes, pos + RECORD) !== PACKET_FOLLOWS) return notIp(c, SPACE_LINK_TYPE, LINKTYPE_PKTAP);
  const linkType = isVersion2
    ? bytes[pos + LINK_TYPE_2] | (bytes[pos + LINK_TYPE_2 + 1] << 8)
    : little32(bytes, pos + LINK_TYPE);
  const next = linkType <= 0xffff ? LINK_TYPES.next(linkType, c) : UNKNOWN_LINK_TYPE;
  c.pos = pos + length;
  return next === PKTAP.code || next === PKTAP_AS_USER2.code ? UNKNOWN_LINK_TYPE : next;
}

function pktapAsUser2(c: PacketCursor): number {
  return hasHeader(c) ? pktap(c) : UNKNOWN.code;
}

/** Whether what is at `c.pos` can only be such a header: sizes, a link type, a name in printable characters. */
function hasHeader(c: PacketCursor): boolean {
  const { bytes, pos, end } = c;
  if (end - pos < MIN_HEADER_2) return false;
  if ((little32(bytes, pos + FLAGS) & VERSION_2) !== 0) {
    const length = bytes[pos + LENGTH_2];
    // Five offsets of optional fields, each behind the others or 0.
    for (let i = 1; i <= 5; i++)
      if (bytes[pos + i] !== 0 && (bytes[pos + i] < MIN_HEADER_2 || bytes[pos + i] >= length)) return false;
    return length >= MIN_HEADER_2 && length <= end - pos && bytes[pos + LINK_TYPE_2 + 1] <= 1;
  }
  const length = little32(bytes, pos + LENGTH);
  if (length < MIN_HEADER || length > MAX_HEADER || length > end - pos) return false;
  const isOfKind = little32(bytes, pos + RECORD) <= PACKET_FOLLOWS && little32(bytes, pos + LINK_TYPE) <= 0xffff;
  return isOfKind && isName(bytes, pos + NAME);
}

/** Printable characters, then zeros. */
function isName(bytes: Uint8Array, at: number): boolean {
  let i = 0;
  while (i < NAME_LENGTH && bytes[at + i] > 0x20 && bytes[at + i] < 0x7f) i++;
  if (i === 0) return false;
  while (i < NAME_LENGTH && bytes[at + i] === 0) i++;
  return i === NAME_LENGTH;
}
