/**
 * Whether bytes that may be an IP packet are one, where no header below says so: behind MPLS labels, under link types
 * that name no protocol, in GRE of an unknown type. The first four bits alone match one packet in eight of anything; a
 * phantom session is worse than a missing one.
 *
 * An IPv4 header is believed for its checksum (RFC 1071) whatever its length says, for captures are cut, and senders
 * that leave segments to the network card write other lengths. A checksum of zero, which such a card fills in, is
 * believed where the length fits; a wrong one, as in captures with changed addresses, where the length is exactly that of
 * what is there. IPv6 has no checksum: its length, next header and addresses have to fit instead.
 */
import { int32, type PacketCursor, uint16 } from '../packetcursor.ts';

/** The decoder of IP refuses it by name: too short, cut in its header, or with lengths that contradict each other. */
export const IP_MALFORMED = -1;
/** It begins like IP, but something speaks against it. */
export const IP_DOUBTFUL = 0;
/** Only its length speaks against it, which is more than was on the wire: IP where a link type says so. */
export const IP_TOO_LONG = 1;
export const IP_HOLDS = 2;

const V4_HEADER = 20;
const V4_LENGTH = 2;
const V4_PROTOCOL = 9;
const V4_CHECKSUM = 10;
const V6_HEADER = 40;
const V6_LENGTH = 4;
const V6_NEXT = 6;
const V6_SOURCE = 8;
const V6_DESTINATION = 24;

const TCP = 6;
const UDP = 17;
const HOP_BY_HOP = 0;
/** Option of a jumbogram's length (RFC 2675), and the length of its value. */
const JUMBO_OPTION = 0xc204;
/** 64:ff9b::/96 (RFC 6052). */
const WITH_IPV4 = 0x0064ff9b;

/** Next headers of IPv6 that are seen in networks; most of the 256 are not. */
const NEXT_HEADERS = new Uint8Array(256);
for (const next of [0, 4, 6, 17, 41, 43, 44, 46, 47, 50, 51, 58, 59, 60, 88, 89, 97, 103, 112, 115, 132, 135, 136])
  NEXT_HEADERS[next] = 1;

/**
 * Judges the bytes at `at` as an IP packet.
 * @returns IP_MALFORMED, IP_DOUBTFUL, IP_TOO_LONG or IP_HOLDS
 */
export function ipHeader(c: PacketCursor, at: number): number {
  const version = c.end > at ? c.bytes[at] >> 4 : 0;
  if (version === 4) return ipv4Header(c, at);
  return version === 6 ? ipv6Header(c, at) : IP_MALFORMED;
}

function ipv4Header(c: PacketCursor, at: number): number {
  const { bytes } = c;
  const header = (bytes[at] & 15) << 2;
  if (header < V4_HEADER || c.end - at < header) return IP_MALFORMED;
  const total = uint16(bytes, at + V4_LENGTH);
  if (total !== 0 && total < header) return IP_MALFORMED;
  const proto = bytes[at + V4_PROTOCOL];
  // Only segments that the network card cuts have no length.
  const isOffloaded = total === 0 && (proto === TCP || proto === UDP);
  if (total === 0 && !isOffloaded) return IP_DOUBTFUL;
  const wire = c.wireEnd - at;
  if (uint16(bytes, at + V4_CHECKSUM) === 0) return total <= wire ? IP_HOLDS : IP_TOO_LONG;
  return total === wire || checksumHolds(bytes, at, header) ? IP_HOLDS : IP_DOUBTFUL;
}

/** Whether the header's 16-bit words add up to 0xffff in ones' complement. */
function checksumHolds(bytes: Uint8Array, at: number, length: number): boolean {
  let sum = 0;
  for (let i = 0; i < length; i += 2) sum += uint16(bytes, at + i);
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16) === 0xffff;
}

function ipv6Header(c: PacketCursor, at: number): number {
  const { bytes } = c;
  if (c.end - at < V6_HEADER) return IP_MALFORMED;
  const next = bytes[at + V6_NEXT];
  if (NEXT_HEADERS[next] === 0) return IP_DOUBTFUL;
  const payload = uint16(bytes, at + V6_LENGTH);
  const rest = c.wireEnd - at - V6_HEADER;
  if (payload === rest && payload !== 0) return IP_HOLDS;
  if (!addressFits(bytes, at + V6_SOURCE, false) || !addressFits(bytes, at + V6_DESTINATION, true)) return IP_DOUBTFUL;
  if (payload === 0) return next !== HOP_BY_HOP || isJumbogram(c, at) ? IP_HOLDS : IP_DOUBTFUL;
  // Longer than the wire is what a program wrote that cuts packets and their lengths: then all else must be usual.
  return payload < rest || bytes[at] === 0x60 ? IP_HOLDS : IP_TOO_LONG;
}

/** Whether the hop-by-hop header begins with the option that holds a jumbogram's length. */
function isJumbogram(c: PacketCursor, at: number): boolean {
  const option = at + V6_HEADER + 2;
  return c.end - option >= 2 && uint16(c.bytes, option) === JUMBO_OPTION;
}

/**
 * Whether an IPv6 address is of a range in use (the IANA registry of address space): global, unique local, link-local,
 * unspecified, loopback, with an IPv4 address, and multicast for a destination.
 */
function addressFits(bytes: Uint8Array, at: number, isDestination: boolean): boolean {
  const first = bytes[at];
  if (first >= 0x20 && first < 0x40) return true;
  const second = bytes[at + 1];
  switch (first) {
    case 0x00: {
      const start = int32(bytes, at);
      return start === 0 || start === WITH_IPV4;
    }
    case 0xfc:
    case 0xfd:
      return true;
    case 0xfe:
      return second >= 0x80;
    default:
      return first === 0xff && isDestination && second < 0x80;
  }
}
