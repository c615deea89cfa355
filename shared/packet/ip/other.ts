/**
 * Any other IP protocol: a flow of addresses and protocol number without ports,
 * whose payload is everything after the IP header. Nothing is refused.
 */
import type { Cursor } from '../cursor.ts';
import { FATE_SESSION } from '../fate.ts';

export function other(c: Cursor): number {
  c.payloadLen = c.announced;
  return ~FATE_SESSION;
}
