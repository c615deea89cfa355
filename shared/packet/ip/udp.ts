/**
 * UDP (RFC 768) headers. Payload length is by UDP's own length field, even if it disagrees with IP's, as in Zeek.
 * Refused: fewer than 8 bytes. Its content is detected by ports or the payload's first bytes (udptunnels.ts).
 */
import { META_BROKEN } from '../columns.ts';
import { FATE_SESSION, fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { datagramHint } from './datagramhint.ts';
import { UDP_TUNNELS } from './udptunnels.ts';

export const UDP = protocol({
  name: 'UDP',
  ipProtocols: [17],
  decode: udp,
});

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const LENGTH = 4;
const HEADER = 8;

const TRUNCATED = ~fateOf('truncated_header');
const NOT_CAPTURED = ~fateOf('internally_truncated_header');

function udp(c: PacketCursor): number {
  const { bytes, pos: at } = c;
  if (c.announced < HEADER && c.sized !== 0) return TRUNCATED;
  if (c.end - at < HEADER) return NOT_CAPTURED;
  c.srcPort = uint16(bytes, at + SOURCE_PORT);
  c.dstPort = uint16(bytes, at + DESTINATION_PORT);
  const length = uint16(bytes, at + LENGTH);
  if (length !== c.announced) c.odd('UDP_datagram_length_mismatch', `${length} != ${c.announced}`);
  if (length >= HEADER) {
    c.payloadLen = length - HEADER;
  } else {
    c.payloadLen = 0;
    c.meta |= META_BROKEN;
  }
  c.pos = at + HEADER;
  if (c.end - c.pos >= c.payloadLen) c.hint = datagramHint(bytes, c.pos, c.payloadLen, c.srcPort, c.dstPort);
  const tunnel = UDP_TUNNELS.ofPorts(c.srcPort, c.dstPort);
  if (tunnel >= 0) return tunnel;
  const begun = UDP_TUNNELS.ofBytes(bytes, c.pos, c.end);
  return begun >= 0 ? begun : ~FATE_SESSION;
}
