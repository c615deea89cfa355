/**
 * Link types that say "IP" without its version: the packet begins with its header. Programs that hand on the frames of
 * tunnel devices also use them for what is none, so the header must hold (ip/plausible.ts).
 */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { IP_DOUBTFUL, ipHeader } from '../ip/plausible.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';

export const RAW = protocol({
  name: 'raw IP',
  // 12 and 14 are DLT values that old writers put into files.
  linkTypes: [12, 14, 101],
  notes: 'when its header holds: checksum, lengths, addresses; otherwise `implausible_IP_header`',
  decode: raw,
});

const IMPLAUSIBLE = ~fateOf('implausible_IP_header');

function raw(c: PacketCursor): number {
  return ipHeader(c, c.pos) === IP_DOUBTFUL ? IMPLAUSIBLE : IP.code;
}
