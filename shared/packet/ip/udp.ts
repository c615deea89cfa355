/**
 * UDP (RFC 768) headers. Payload length is by UDP's own length field, even if it disagrees with IP's, as in Zeek; without
 * one (the header was cut; 0 where IP's length is 0 too, in jumbograms and under segmentation offload) by IP's. Its content is detected by ports or the payload's
 * first bytes (udptunnels.ts). Refused: headers without both ports.
 */
import { META_BROKEN } from '../columns.ts';
import { FATE_SESSION, fateOf } from '../fate.ts';
import { clip, type PacketCursor, uint16 } from '../packetcursor.ts';
import { contentMark } from '../packetmark.ts';
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
/** Both ports. */
const PORTS = 4;
const HEADER = 8;

const TRUNCATED = ~fateOf('truncated_header');
const NOT_CAPTURED = ~fateOf('internally_truncated_header');

/** The header ends behind its ports: in the packet, or in the capture alone. */
function partial(c: PacketCursor): number {
  const { announced } = c;
  if (announced < HEADER) {
    c.odd('truncated_header', '');
    c.payloadLen = 0;
    c.meta |= META_BROKEN;
  } else {
    c.odd('internally_truncated_header', '');
    c.payloadLen = announced - HEADER;
  }
  return ~FATE_SESSION;
}

function udp(c: PacketCursor): number {
  const { bytes, pos: at, announced } = c;
  const captured = c.end - at;
  if (announced < PORTS) return TRUNCATED;
  if (captured < PORTS) return NOT_CAPTURED;
  c.srcPort = uint16(bytes, at + SOURCE_PORT);
  c.dstPort = uint16(bytes, at + DESTINATION_PORT);
  if (announced < HEADER || captured < HEADER) return partial(c);
  let length = uint16(bytes, at + LENGTH);
  if (length !== announced) {
    if (length === 0 && c.sized === 0) length = announced;
    else {
      c.odd('UDP_datagram_length_mismatch', `${length} != ${announced}`);
      // What lies behind the datagram is no part of a packet in it, except where the network card cuts it into several.
      if (length >= HEADER && length < announced && c.sized !== 0) clip(c, at, length);
    }
  }
  if (length >= HEADER) {
    c.payloadLen = length - HEADER;
  } else {
    c.payloadLen = 0;
    c.meta |= META_BROKEN;
  }
  c.pos = at + HEADER;
  if (c.end - c.pos >= c.payloadLen) c.hint = datagramHint(bytes, c.pos, c.payloadLen, c.srcPort, c.dstPort);
  c.mark = contentMark(bytes, c.pos, c.end, c.mark);
  const tunnel = c.tunnelPorts.tunnel(c.srcPort, c.dstPort);
  if (tunnel >= 0) return tunnel;
  const begun = UDP_TUNNELS.ofBytes(bytes, c.pos, c.end);
  return begun >= 0 ? begun : ~FATE_SESSION;
}
