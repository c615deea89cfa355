/**
 * Any other IP protocol: a flow of addresses and protocol number without ports,
 * whose payload is everything after the IP header. Nothing is refused.
 */
import { FATE_SESSION } from '../fate.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { contentMark } from '../packetmark.ts';
import { protocol } from '../protocol.ts';

export const OTHER = protocol({
  name: 'any other IP protocol',
  ipProtocols: 'others',
  notes: 'a flow without ports, as in Zeek; ESP among them',
  decode: other,
});

export function other(c: PacketCursor): number {
  c.mark = contentMark(c.bytes, c.pos, c.end, c.mark);
  c.payloadLen = c.announced;
  return ~FATE_SESSION;
}
