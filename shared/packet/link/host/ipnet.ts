/** Solaris's header of packets between zones and on the network (LINKTYPE_IPNET): version, family, and 22 bytes more. */
import { fateOf } from '../../fate.ts';
import { IP } from '../../ip/ipv4.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_ADDRESS_FAMILY } from '../../undecodednames.ts';

export const IPNET = protocol({
  name: 'Solaris ipnet',
  linkTypes: [226],
  notes: 'more than Zeek reads',
  decode: ipnet,
});

const FAMILY = 1;
const HEADER = 24;
const AF_INET = 2;
const AF_INET6 = 26;

const TRUNCATED = ~fateOf('truncated_link_header');

function ipnet(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return TRUNCATED;
  const family = c.bytes[c.pos + FAMILY];
  c.pos += HEADER;
  return family === AF_INET || family === AF_INET6 ? IP.code : notIp(c, SPACE_ADDRESS_FAMILY, family);
}
