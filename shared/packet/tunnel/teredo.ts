/**
 * Teredo (RFC 4380): IPv6 in UDP, after an optional authentication header and an optional origin indication. The inner
 * packet must be as long as the rest of the datagram; only bubbles, which carry no payload, and packets with a Teredo or
 * link-local address may have trailing bytes (RFC 6081), or have been cut.
 *
 * On other ports than Teredo's it is recognised by a Teredo address inside, or by
 * its headers, by the same tests as in Zeek.
 */
import { FATE_SESSION, fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { type TunnelKind, udpTunnel } from '../protocol.ts';
import { innerPacket } from './ipinip.ts';

const KIND: TunnelKind = { number: 8, name: 'teredo' };

export const TEREDO = udpTunnel({
  name: 'Teredo',
  udpPorts: [3544],
  firstBytes: [
    // An IPv6 packet, or the indication or authentication header before one.
    { mask: 0xf0000000, value: 0x60000000 },
    { mask: 0xfffe0000, value: 0x00000000 },
  ],
  looksLike: looksLikeTeredo,
  kinds: [KIND],
  decode: teredo,
});

const ORIGIN = 8;
const AUTHENTICATION = 4;
/** Nonce and confirmation after client id and authentication value. */
const NONCE = 9;
const IPV6_HEADER = 40;
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const SOURCE = 8;
const DESTINATION = 24;
const NO_NEXT = 59;

const BUBBLE = ~fateOf('teredo_bubble');

function isTeredoAddress(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x20 && bytes[at + 1] === 0x01 && bytes[at + 2] === 0 && bytes[at + 3] === 0;
}

/** Whether the IPv6 packet at `at` has an address that only Teredo carries there: a Teredo host's, or a router solicitation's. */
function hasTeredoAddress(bytes: Uint8Array, at: number): boolean {
  const linkLocal = bytes[at + SOURCE] === 0xfe && (bytes[at + SOURCE + 1] & 0xc0) === 0x80;
  return linkLocal || isTeredoAddress(bytes, at + SOURCE) || isTeredoAddress(bytes, at + DESTINATION);
}

/** Whether the datagram payload at `at` looks like Teredo, regardless of its port. */
function looksLikeTeredo(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < IPV6_HEADER) return false;
  const second = bytes[at + 1];
  const isIpv6 = bytes[at] >> 4 === 6;
  if (!isIpv6 && (bytes[at] !== 0 || second > 1)) return false;
  if (isIpv6 && (isTeredoAddress(bytes, at + SOURCE) || isTeredoAddress(bytes, at + DESTINATION))) return true;
  let tag = second;
  let p = at;
  if (tag === 1) {
    p += AUTHENTICATION + bytes[at + 2] + bytes[at + 3] + NONCE;
    if (end - p < IPV6_HEADER) return false;
    tag = uint16(bytes, p);
  }
  if (tag !== 0) return false;
  p += ORIGIN;
  return end - p >= IPV6_HEADER && bytes[p] >> 4 === 6;
}

/** @returns what is inside, or the complement of FATE_SESSION for a datagram that is not Teredo */
function teredo(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  let at = pos;
  if (end - at >= AUTHENTICATION && uint16(bytes, at) === 1)
    at += AUTHENTICATION + bytes[at + 2] + bytes[at + 3] + NONCE;
  if (end - at >= ORIGIN && uint16(bytes, at) === 0) at += ORIGIN;
  if (end - at < IPV6_HEADER || bytes[at] >> 4 !== 6) return ~FATE_SESSION;
  const length = uint16(bytes, at + PAYLOAD_LENGTH);
  const isBubble = length === 0 && bytes[at + NEXT_HEADER] === NO_NEXT;
  if (at + IPV6_HEADER + length !== c.wireEnd && !isBubble && !hasTeredoAddress(bytes, at)) return ~FATE_SESSION;
  c.tunnelKind = KIND.number;
  c.pos = at;
  return isBubble ? BUBBLE : innerPacket(c, 6);
}
