/**
 * GTPv1-U (3GPP TS 29.281): user data messages with their optional fields and extension headers. The packet inside must
 * be IP, and of three lengths two must agree: that of the datagram, GTP's own, and the inner packet's. Otherwise the
 * datagram is not a tunnel; nor are all other messages. GTP inside GTP is not decoded.
 */
import { FATE_SESSION } from '../fate.ts';
import { int32, type PacketCursor, uint16 } from '../packetcursor.ts';
import { type TunnelKind, udpTunnel } from '../protocol.ts';
import { LAYER_HAS_ID, LAYER_KIND, LAYER_WORDS } from '../tunnellayers.ts';
import { hasInnerHeader, innerLength, innerPacket } from './ipinip.ts';

const KIND: TunnelKind = { number: 7, name: 'gtpv1', id: 'teid' };

export const GTP = udpTunnel({
  name: 'GTPv1-U',
  // User data, control.
  udpPorts: [2152, 2123],
  kinds: [KIND],
  decode: gtp,
});

const MESSAGE = 1;
const LENGTH = 2;
const TEID = 4;
const HEADER = 8;
const OPTIONAL_FIELDS = 4;

const VERSION = 0xe0;
const VERSION_1 = 0x20;
const GTP_NOT_PRIME = 0x10;
const HAS_EXTENSION = 0x04;
const HAS_OPTIONAL = 0x07;
const G_PDU = 255;

/** @returns what is inside, or the complement of FATE_SESSION for a datagram that carries no packet */
function gtp(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  if (end - pos < HEADER) return ~FATE_SESSION;
  const flags = bytes[pos];
  if ((flags & VERSION) !== VERSION_1 || (flags & GTP_NOT_PRIME) === 0) return ~FATE_SESSION;
  if (bytes[pos + MESSAGE] !== G_PDU) return ~FATE_SESSION;
  if (c.depth !== 0 && (c.layers[(c.depth - 1) * LAYER_WORDS] & LAYER_KIND) === KIND.number) return ~FATE_SESSION;
  let at = pos + HEADER;
  if ((flags & HAS_OPTIONAL) !== 0) at += OPTIONAL_FIELDS;
  if ((flags & HAS_EXTENSION) !== 0) {
    let next: number;
    do {
      if (at >= end || bytes[at] === 0) return ~FATE_SESSION;
      at += bytes[at] * 4;
      if (at > end) return ~FATE_SESSION;
      next = bytes[at - 1];
    } while (next !== 0);
  }
  const version = at < end ? bytes[at] >> 4 : 0;
  c.pos = at;
  if ((version !== 4 && version !== 6) || !hasInnerHeader(c, version) || !agrees(c, pos, version)) {
    c.pos = pos;
    return ~FATE_SESSION;
  }
  c.tunnelKind = KIND.number | LAYER_HAS_ID;
  c.tunnelId = int32(bytes, pos + TEID);
  return innerPacket(c, version);
}

/** Whether two of the lengths of the message at `start` agree, whose inner packet is at `c.pos`. */
function agrees(c: PacketCursor, start: number, version: number): boolean {
  const there = c.wireEnd - start;
  const said = HEADER + uint16(c.bytes, start + LENGTH);
  const needed = c.pos - start + innerLength(c.bytes, c.pos, version);
  return there === said || there === needed || said === needed;
}
