/**
 * Any other IP protocol: a flow of addresses and protocol number without ports,
 * whose payload is everything after the IP header. Nothing is refused.
 */

import { FATE_SESSION } from '../fate.ts';
import type { PacketCursor } from '../packetcursor.ts';

export function other(c: PacketCursor): number {
  c.payloadLen = c.announced;
  return ~FATE_SESSION;
}
