/**
 * Link types that say "IP" without its version: the packet begins with its header. Programs that hand on the frames of
 * tunnel devices also use them for what is none, so the header must hold (ip/plausible.ts). OpenBSD writes its loopback,
 * with four bytes for the address family, under 12.
 */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { IP_DOUBTFUL, IP_HOLDS, IP_MALFORMED, ipHeader } from '../ip/plausible.ts';
import { int32, type PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { isIpFamily } from './loopback.ts';

export const RAW = protocol({
  name: 'raw IP',
  // 12 and 14 are DLT values that old writers put into files.
  linkTypes: [12, 14, 101],
  notes: 'when its header holds: checksum, lengths, addresses; otherwise `implausible_IP_header`',
  decode: raw,
});

const FAMILY = 4;

const IMPLAUSIBLE = ~fateOf('implausible_IP_header');

function raw(c: PacketCursor): number {
  const evidence = ipHeader(c, c.pos);
  if (evidence === IP_DOUBTFUL) return IMPLAUSIBLE;
  if (evidence === IP_MALFORMED && isLoopback(c)) c.pos += FAMILY;
  return IP.code;
}

function isLoopback(c: PacketCursor): boolean {
  const { pos } = c;
  return c.end - pos > FAMILY && isIpFamily(int32(c.bytes, pos)) && ipHeader(c, pos + FAMILY) === IP_HOLDS;
}
