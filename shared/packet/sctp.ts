/**
 * SCTP (RFC 9260): the ports of the common header; chunks are not read. Where the
 * common header is not there in full, the packet belongs to a flow without ports.
 */
import { type Cursor, uint16 } from './cursor.ts';
import { FATE_SESSION } from './fate.ts';
import { other } from './other.ts';

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const HEADER = 12;

export function sctp(c: Cursor): number {
  const { bytes, pos: at } = c;
  if (c.announced < HEADER || c.end - at < HEADER) return other(c);
  c.srcPort = uint16(bytes, at + SOURCE_PORT);
  c.dstPort = uint16(bytes, at + DESTINATION_PORT);
  c.payloadLen = c.announced - HEADER;
  return ~FATE_SESSION;
}
