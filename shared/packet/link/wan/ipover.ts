/**
 * IP over networks that carry other things first of all: InfiniBand (RFC 4391), whose captures may begin with the global
 * route header; Fibre Channel (RFC 4338); IEEE 1394 as Apple captures it; token ring (IEEE 802.5).
 */
import { fateOf } from '../../fate.ts';
import { type PacketCursor, uint16 } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { ETHER_TYPES } from '../../protocolnumbers.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_LINK_TYPE } from '../../undecodednames.ts';
import { llc } from '../llc.ts';

export const IP_OVER_INFINIBAND = protocol({
  name: 'IP over InfiniBand',
  linkTypes: [242],
  notes: 'with and without the global route header; more than Zeek reads',
  decode: infiniband,
});

export const IP_OVER_FIBRE_CHANNEL = protocol({
  name: 'IP over Fibre Channel',
  linkTypes: [122],
  notes: 'more than Zeek reads',
  decode: fibreChannel,
});

export const IP_OVER_IEEE1394 = protocol({
  name: 'Apple IP over IEEE 1394',
  linkTypes: [138],
  notes: 'more than Zeek reads',
  decode: ieee1394,
});

const IEEE802_5 = 6;

export const TOKEN_RING = protocol({
  name: 'token ring',
  linkTypes: [IEEE802_5],
  notes: 'with source routes; more than Zeek reads',
  decode: tokenRing,
});

/** EtherType, two bytes of zero. */
const INFINIBAND_HEADER = 4;
const GLOBAL_ROUTE_HEADER = 40;
const TYPE_ARP = 0x0806;

/** Two network addresses of eight bytes. */
const FIBRE_CHANNEL_HEADER = 16;

/** Two addresses of eight bytes, EtherType. */
const IEEE1394_HEADER = 18;
const IEEE1394_TYPE = 16;

/** Access control, frame control, two addresses. */
const RING_HEADER = 14;
const RING_CONTROL = 1;
const RING_SOURCE = 8;
const FRAME_KIND = 0xc0;
const FRAME_LLC = 0x40;
const HAS_ROUTE = 0x80;
const ROUTE_LENGTH = 0x1f;

const TRUNCATED = ~fateOf('truncated_link_header');

function infiniband(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos <= INFINIBAND_HEADER) return TRUNCATED;
  const first = uint16(bytes, pos);
  const isBare = (ETHER_TYPES.codeOf(first) >= 0 || first === TYPE_ARP) && uint16(bytes, pos + 2) === 0;
  const at = isBare ? pos : pos + GLOBAL_ROUTE_HEADER;
  if (c.end - at <= INFINIBAND_HEADER) return TRUNCATED;
  c.pos = at + INFINIBAND_HEADER;
  return ETHER_TYPES.next(uint16(bytes, at), c);
}

function fibreChannel(c: PacketCursor): number {
  if (c.end - c.pos <= FIBRE_CHANNEL_HEADER) return TRUNCATED;
  c.pos += FIBRE_CHANNEL_HEADER;
  return llc(c, c.wireEnd - c.pos);
}

function ieee1394(c: PacketCursor): number {
  if (c.end - c.pos <= IEEE1394_HEADER) return TRUNCATED;
  const type = uint16(c.bytes, c.pos + IEEE1394_TYPE);
  c.pos += IEEE1394_HEADER;
  return ETHER_TYPES.next(type, c);
}

function tokenRing(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos <= RING_HEADER) return TRUNCATED;
  if ((bytes[pos + RING_CONTROL] & FRAME_KIND) !== FRAME_LLC) return notIp(c, SPACE_LINK_TYPE, IEEE802_5);
  const route = (bytes[pos + RING_SOURCE] & HAS_ROUTE) === 0 ? 0 : bytes[pos + RING_HEADER] & ROUTE_LENGTH;
  if (c.end - pos <= RING_HEADER + route) return TRUNCATED;
  c.pos = pos + RING_HEADER + route;
  return llc(c, c.wireEnd - c.pos);
}
