/**
 * IP in IP (RFC 2003), IPv6 in IPv4 (RFC 4213) and the other two combinations: the inner packet must have the version
 * that the outer one gives. One that is shorter than the outer payload has a trailer; one that is longer was cut before it
 * was put into the tunnel.
 */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { ipTunnel, type TunnelKind } from '../protocol.ts';

const KIND: TunnelKind = { number: 1, name: 'ip' };

export const IP_IN_IP = ipTunnel({
  name: 'IP in IP',
  notes: 'in all four mixtures',
  // IPv4, IPv6.
  ipProtocols: [4, 41],
  kinds: [KIND],
  decode: ipInIp,
});

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const IPV4_LENGTH = 2;
const IPV6_LENGTH = 4;
const PROTOCOL_IPV6 = 41;

const WRONG_VERSION = ~fateOf('invalid_inner_IP_version');
const TRUNCATED = ~fateOf('truncated_inner_IP');

/** Length that the header of the IP packet of version 4 or 6 at `at` says, whose fixed header is captured. */
export function innerLength(bytes: Uint8Array, at: number, version: number): number {
  return version === 6 ? uint16(bytes, at + IPV6_LENGTH) + IPV6_HEADER : uint16(bytes, at + IPV4_LENGTH);
}

/** Whether the fixed header of an IP packet of version 4 or 6 is captured at `c.pos`. */
export function hasInnerHeader(c: PacketCursor, version: number): boolean {
  return c.end - c.pos >= (version === 6 ? IPV6_HEADER : IPV4_HEADER) && c.bytes[c.pos] >> 4 === version;
}

/** What follows in a tunnel that carries an IP packet of version 4 or 6 at `c.pos`; the complement of a fate if none does. */
export function innerPacket(c: PacketCursor, version: number): number {
  const { pos } = c;
  if (!hasInnerHeader(c, version)) return c.end > pos && c.bytes[pos] >> 4 !== version ? WRONG_VERSION : TRUNCATED;
  const end = pos + innerLength(c.bytes, pos, version);
  if (end > c.wireEnd) {
    c.odd('truncated_inner_IP', '');
    // Said once: it is not odd again for the IP packet itself.
    c.wireEnd = end;
  }
  return IP.code;
}

function ipInIp(c: PacketCursor): number {
  c.tunnelKind = KIND.number;
  return innerPacket(c, c.proto === PROTOCOL_IPV6 ? 6 : 4);
}
