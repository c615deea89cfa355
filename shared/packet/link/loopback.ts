/**
 * BSD loopback (LINKTYPE_NULL, LINKTYPE_LOOP): four bytes with an address family, in the byte order of the capturing
 * host (NULL) or of the network (LOOP). The byte order is not recorded, but families are small numbers, so the value
 * reveals it.
 */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { IP_HOLDS, ipHeader } from '../ip/plausible.ts';
import { int32, type PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_ADDRESS_FAMILY } from '../undecodednames.ts';

export const LOOPBACK = protocol({
  name: 'BSD loopback',
  linkTypes: [0, 108],
  notes: 'LOOP, and the families of IPv6 on Linux and Windows, are more than Zeek reads',
  decode: loopback,
});

const HEADER = 4;
const AF_INET6_LINUX = 10;
const AF_INET6_WINDOWS = 23;

const TRUNCATED = ~fateOf('null_analyzer_failed');

/** The address family at `at`, of a host of either byte order. */
export function addressFamily(bytes: Uint8Array, at: number): number {
  const big = int32(bytes, at);
  return big >= 0 && big <= 0xffff ? big : bytes[at] | (bytes[at + 1] << 8);
}

/** Whether a family is IPv4's or IPv6's on the BSDs. */
export function isIpFamily(family: number): boolean {
  switch (family) {
    case 2: // AF_INET everywhere
    case 24: // AF_INET6 on NetBSD, OpenBSD, BSD/OS
    case 28: // on FreeBSD, DragonFly
    case 30: // on macOS
      return true;
    default:
      return false;
  }
}

function loopback(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  const family = addressFamily(c.bytes, c.pos);
  c.pos += HEADER;
  if (isIpFamily(family)) return IP.code;
  // On the BSDs these are other protocols.
  const mayBeIpv6 = family === AF_INET6_LINUX || family === AF_INET6_WINDOWS;
  if (mayBeIpv6 && ipHeader(c, c.pos) === IP_HOLDS) return IP.code;
  return notIp(c, SPACE_ADDRESS_FAMILY, family);
}
