/**
 * Link types that are not in the registry, or are in it for private use: a record is an IP packet if its header holds
 * (ip/plausible.ts). Registered ones without a decoder are never guessed (protocols.ts).
 */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { IP_HOLDS, ipHeader } from '../ip/plausible.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';

export const UNKNOWN = protocol({
  name: 'any other link type',
  linkTypes: 'others',
  notes:
    'a number that is not registered, or for private use, is tried as raw IP; what is none, and every other link type, is counted under `unknown_link_type`',
  decode: guess,
});

const NO_IP = ~fateOf('unknown_link_type');

function guess(c: PacketCursor): number {
  return ipHeader(c, c.pos) === IP_HOLDS ? IP.code : NO_IP;
}
