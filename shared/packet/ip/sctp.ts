/**
 * SCTP (RFC 9260): chunks are not read. As in Zeek, the ports of the common header are not part of the flow: one
 * session has all associations of two hosts. They are kept with the packet for the Community ID; they are 0 if
 * they were not captured.
 */
import { FATE_SESSION } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { contentMark } from '../packetmark.ts';
import { protocol } from '../protocol.ts';

export const SCTP = protocol({
  name: 'SCTP',
  ipProtocols: [132],
  notes: 'a flow without ports, as in Zeek; the Community ID has them',
  decode: sctp,
});

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
/** Both ports. */
const PORTS = 4;
const HEADER = 12;

function sctp(c: PacketCursor): number {
  const { bytes, pos: at } = c;
  if (c.announced < PORTS || c.end - at < PORTS) {
    c.payloadLen = c.announced;
    return ~FATE_SESSION;
  }
  c.sctpPorts = ((uint16(bytes, at + SOURCE_PORT) << 16) | uint16(bytes, at + DESTINATION_PORT)) >>> 0;
  c.mark = contentMark(bytes, at + HEADER, c.end, c.mark);
  c.payloadLen = Math.max(0, c.announced - HEADER);
  return ~FATE_SESSION;
}
