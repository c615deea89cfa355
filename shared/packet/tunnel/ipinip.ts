/**
 * IP in IP (RFC 2003), IPv6 in IPv4 (RFC 4213) and the other two combinations: the inner packet must have the version
 * that the outer one gives and exactly the length of the outer payload, trailing bytes included, as in Zeek.
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
const MISMATCH = ~fateOf('inner_IP_payload_length_mismatch');

/**
 * Checks the IP packet of version 4 or 6 at `c.pos`.
 *
 * @param captured bytes available for it
 * @returns 0 when its length field is exactly that, else the complement of a fate
 */
export function innerPacket(c: PacketCursor, version: number, captured: number): number {
  const { bytes, pos } = c;
  if (captured < (version === 6 ? IPV6_HEADER : IPV4_HEADER)) return version === 6 ? TRUNCATED : WRONG_VERSION;
  if (bytes[pos] >> 4 !== version) return WRONG_VERSION;
  const length = version === 6 ? uint16(bytes, pos + IPV6_LENGTH) + IPV6_HEADER : uint16(bytes, pos + IPV4_LENGTH);
  if (captured === length) return 0;
  return captured < length ? TRUNCATED : MISMATCH;
}

function ipInIp(c: PacketCursor): number {
  c.tunnelKind = KIND.number;
  const wrong = innerPacket(c, c.proto === PROTOCOL_IPV6 ? 6 : 4, c.limit + c.limitBeyond - c.pos);
  return wrong === 0 ? IP.code : wrong;
}
