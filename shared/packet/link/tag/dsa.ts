/**
 * Tags between switch chips and their processor, in front of the EtherType: DSA of Marvell (four bytes), EDSA (an
 * EtherType, two bytes and a DSA tag), Broadcom's (four bytes, also in front of the whole frame). A DSA tag may take the
 * place of a VLAN tag, and then holds its id.
 */
import { fateOf } from '../../fate.ts';
import { type PacketCursor, uint16 } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { ETHERNET } from '../ethernet.ts';
import { behindTag } from '../typeorlength.ts';
import { addVlan, VLAN_ID } from '../vlan.ts';

export const DSA = protocol({
  name: 'DSA switch tag',
  linkTypes: [284],
  notes: 'more than Zeek reads',
  decode: dsa,
});

export const EDSA = protocol({
  name: 'EDSA switch tag',
  linkTypes: [285],
  notes: 'more than Zeek reads',
  decode: edsa,
});

export const EDSA_TYPE = protocol({
  name: 'EDSA switch tag in Ethernet',
  etherTypes: [0xdada],
  notes: 'more than Zeek reads',
  decode: edsaTag,
});

export const BROADCOM = protocol({
  name: 'Broadcom switch tag',
  linkTypes: [281],
  notes: 'more than Zeek reads',
  decode: broadcom,
});

export const BROADCOM_PREPENDED = protocol({
  name: 'Broadcom switch tag before the frame',
  linkTypes: [282],
  notes: 'more than Zeek reads',
  decode: broadcomPrepended,
});

const ADDRESSES = 12;
const TAG = 4;
/** The EtherType of EDSA, and two bytes behind it. */
const EDSA_TYPE_FIELD = 2;
const EDSA_RESERVED = 2;
const TYPE = 2;
/** In the tag's first byte: the frame has a VLAN tag, or had one. */
const TAGGED = 0x20;
const ID = 2;

const TRUNCATED = ~fateOf('truncated_link_header');

/** A DSA tag at `c.pos` and the EtherType behind it. */
function dsaTag(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos <= TAG + TYPE) return TRUNCATED;
  if ((bytes[pos] & TAGGED) !== 0) addVlan(c, uint16(bytes, pos + ID) & VLAN_ID);
  return behindTag(c, TAG + TYPE);
}

function dsa(c: PacketCursor): number {
  c.pos += ADDRESSES;
  return dsaTag(c);
}

function edsa(c: PacketCursor): number {
  c.pos += ADDRESSES + EDSA_TYPE_FIELD + EDSA_RESERVED;
  return dsaTag(c);
}

function edsaTag(c: PacketCursor): number {
  c.pos += EDSA_RESERVED;
  return dsaTag(c);
}

function broadcom(c: PacketCursor): number {
  c.pos += ADDRESSES;
  return behindTag(c, TAG + TYPE);
}

function broadcomPrepended(c: PacketCursor): number {
  if (c.end - c.pos <= TAG) return TRUNCATED;
  c.pos += TAG;
  return ETHERNET.code;
}
