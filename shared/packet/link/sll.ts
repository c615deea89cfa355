/**
 * Linux cooked captures, versions 1 and 2 (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2): a fixed header with an EtherType,
 * or Linux's number for frames of 802.2.
 * The device type is ignored, as in Zeek.
 */
import { fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { ETHER_TYPES } from '../protocolnumbers.ts';
import { llc } from './llc.ts';

export const SLL = protocol({
  name: 'Linux cooked capture',
  linkTypes: [113],
  decode: sll,
});

export const SLL2 = protocol({
  name: 'Linux cooked capture, version 2',
  linkTypes: [276],
  decode: sll2,
});

/** ETH_P_802_2: LLC follows. */
const FRAME_802_2 = 4;

const TYPE_V1 = 14;
const HEADER_V1 = 16;
const TYPE_V2 = 0;
const HEADER_V2 = 20;

const TRUNCATED_V1 = ~fateOf('truncated_Linux_SLL_header');
const TRUNCATED_V2 = ~fateOf('truncated_Linux_SLL2_header');

function sll(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER_V1) return TRUNCATED_V1;
  const type = uint16(c.bytes, c.pos + TYPE_V1);
  c.pos += HEADER_V1;
  return type === FRAME_802_2 ? llc(c, c.wireEnd - c.pos) : ETHER_TYPES.next(type, c);
}

function sll2(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER_V2) return TRUNCATED_V2;
  const type = uint16(c.bytes, c.pos + TYPE_V2);
  c.pos += HEADER_V2;
  return type === FRAME_802_2 ? llc(c, c.wireEnd - c.pos) : ETHER_TYPES.next(type, c);
}
