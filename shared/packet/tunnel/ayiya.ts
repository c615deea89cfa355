/**
 * AYIYA (anything in anything): an identity and a signature with lengths in the header, then IP, in forward messages.
 */
import { FATE_SESSION } from '../fate.ts';
import { capturedFrom, type PacketCursor } from '../packetcursor.ts';
import { type TunnelKind, udpTunnel } from '../protocol.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_IP_PROTOCOL } from '../undecodednames.ts';
import { innerPacket } from './ipinip.ts';

const KIND: TunnelKind = { number: 9, name: 'ayiya' };

export const AYIYA = udpTunnel({
  name: 'AYIYA',
  udpPorts: [5072],
  // A SHA-1 signature with a shared secret, in a forward message.
  firstBytes: [{ mask: 0x00ffff00, value: 0x00521100 }],
  kinds: [KIND],
  decode: ayiya,
});

const HEADER = 8;
const OPERATION = 2;
const NEXT_HEADER = 3;
const FORWARD = 1;
const PROTOCOL_IPV4 = 4;
const PROTOCOL_IPV6 = 41;

/** The version of IP that a next-header value names, 0 for none. */
function versionOf(next: number): number {
  if (next === PROTOCOL_IPV4) return 4;
  return next === PROTOCOL_IPV6 ? 6 : 0;
}

/** @returns what is inside, or the complement of FATE_SESSION for a datagram that carries no packet */
function ayiya(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < HEADER) return ~FATE_SESSION;
  const header = HEADER + (1 << (bytes[pos] >> 4)) + (bytes[pos + 1] >> 4) * 4;
  const captured = capturedFrom(c);
  if (captured < header || (bytes[pos + OPERATION] & 0x0f) !== FORWARD) return ~FATE_SESSION;
  if (captured === header) {
    c.odd('ayiya_empty_packet', '');
    return ~FATE_SESSION;
  }
  const next = bytes[pos + NEXT_HEADER];
  const version = versionOf(next);
  c.tunnelKind = KIND.number;
  c.pos = pos + header;
  return version === 0 ? notIp(c, SPACE_IP_PROTOCOL, next) : innerPacket(c, version);
}
