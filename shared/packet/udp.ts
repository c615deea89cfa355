/**
 * UDP (RFC 768) headers. Payload is what UDP's own length field says, even where
 * it disagrees with IP's: that is what Zeek counts. Refused: fewer than 8 bytes.
 */
import { type Cursor, uint16 } from './cursor.ts';
import { FATE_SESSION, fateOf } from './fate.ts';

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const LENGTH = 4;
const HEADER = 8;

const TRUNCATED = ~fateOf('truncated_header');
const NOT_CAPTURED = ~fateOf('internally_truncated_header');

export function udp(c: Cursor): number {
  const { bytes, pos: at } = c;
  if (c.announced < HEADER && c.sized !== 0) return TRUNCATED;
  if (c.end - at < HEADER) return NOT_CAPTURED;
  c.srcPort = uint16(bytes, at + SOURCE_PORT);
  c.dstPort = uint16(bytes, at + DESTINATION_PORT);
  const length = uint16(bytes, at + LENGTH);
  if (length !== c.announced) c.odd('UDP_datagram_length_mismatch', `${length} != ${c.announced}`);
  c.payloadLen = length < HEADER ? 0 : length - HEADER;
  return ~FATE_SESSION;
}
