/** AYIYA (anything in anything): an identity and a signature of named lengths, then IP, in messages that forward. */

import { FATE_NOT_IP, FATE_SESSION } from '../fate.ts';
import { capturedFrom, NEXT_IP, type PacketCursor } from '../packetcursor.ts';
import { KIND_AYIYA } from '../tunnellayers.ts';

const HEADER = 8;
const OPERATION = 2;
const NEXT_HEADER = 3;
const FORWARD = 1;
const PROTOCOL_IPV4 = 4;
const PROTOCOL_IPV6 = 41;

/** Whether the datagram payload at `at` looks like AYIYA, its port apart: SHA-1, a shared secret, forward. */
export function looksLikeAyiya(bytes: Uint8Array, at: number, end: number): boolean {
  return end - at >= 3 && bytes[at + 1] === 0x52 && bytes[at + 2] === 0x11;
}

/** @returns what is inside, or the complement of FATE_SESSION for a datagram that carries no packet */
export function ayiya(c: PacketCursor): number {
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
  c.tunnelKind = KIND_AYIYA;
  c.pos = pos + header;
  return next === PROTOCOL_IPV4 || next === PROTOCOL_IPV6 ? NEXT_IP : ~FATE_NOT_IP;
}
