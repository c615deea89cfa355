/** Link types without a decoder: a record is an IP packet if it begins like one, as in Zeek. */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';

export const UNKNOWN = protocol({
  name: 'any other link type',
  linkTypes: 'others',
  notes: 'tried as raw IP, as in Zeek; what is none is counted under `unknown_link_type`',
  decode: guess,
});

const NO_IP = ~fateOf('unknown_link_type');

function guess(c: PacketCursor): number {
  const version = c.end > c.pos ? c.bytes[c.pos] >> 4 : 0;
  return version === 4 || version === 6 ? IP.code : NO_IP;
}
