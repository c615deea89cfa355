/**
 * BSD loopback (LINKTYPE_NULL, LINKTYPE_LOOP): four bytes with an address family, in the byte order of the capturing
 * host (NULL) or of the network (LOOP). The byte order is not recorded, but families are small numbers, so the value
 * reveals it.
 */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { int32, type PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_ADDRESS_FAMILY } from '../undecodednames.ts';

export const LOOPBACK = protocol({
  name: 'BSD loopback',
  linkTypes: [0, 108],
  notes: 'LOOP is more than Zeek reads',
  decode: loopback,
});

const HEADER = 4;

const TRUNCATED = ~fateOf('null_analyzer_failed');

function loopback(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  const big = int32(c.bytes, c.pos);
  const family = big >= 0 && big <= 0xffff ? big : c.bytes[c.pos] | (c.bytes[c.pos + 1] << 8);
  c.pos += HEADER;
  switch (family) {
    case 2: // AF_INET everywhere
    case 24: // AF_INET6 on NetBSD, OpenBSD, BSD/OS
    case 28: // on FreeBSD, DragonFly
    case 30: // on macOS
      return IP.code;
    default:
      return notIp(c, SPACE_ADDRESS_FAMILY, family);
  }
}
