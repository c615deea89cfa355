/**
 * L2TP over UDP: version 2 (RFC 2661) with PPP, version 3 (RFC 3931) with a pseudowire (l2tpv3.ts). Control messages, and
 * datagrams that set reserved bits, are datagrams like any other.
 */
import { FATE_SESSION } from '../fate.ts';
import { pppProtocol } from '../link/ppp.ts';
import { clip, type PacketCursor, uint16 } from '../packetcursor.ts';
import { type TunnelKind, udpTunnel } from '../protocol.ts';
import { PPP_PROTOCOLS } from '../protocolnumbers.ts';
import { LAYER_HAS_ID } from '../tunnellayers.ts';
import { L2TPV3_KIND, pseudowire } from './l2tpv3.ts';

const KIND: TunnelKind = { number: 12, name: 'l2tp', id: 'session' };

export const L2TP = udpTunnel({
  name: 'L2TP',
  udpPorts: [1701],
  isUnknownToZeek: true,
  notes: 'version 2 with PPP, version 3 with what lies behind its cookie; more than Zeek reads',
  kinds: [KIND, L2TPV3_KIND],
  decode: l2tp,
});

/** The first word. */
const CONTROL = 0x8000;
const HAS_LENGTH = 0x4000;
const HAS_SEQUENCE = 0x0800;
const HAS_OFFSET = 0x0200;
const RESERVED = 0x34f0;
const VERSION = 0x000f;
/** Of version 3 all other bits are zero, and the word behind it. */
const VERSION_3 = 3;
const V3_HEADER = 4;

/** Length of each field of version 2. */
const FIELD = 2;

/** @returns what is inside, or the complement of FATE_SESSION for a datagram that carries no packet */
function l2tp(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < V3_HEADER) return ~FATE_SESSION;
  const flags = uint16(bytes, pos);
  if (flags === VERSION_3 && uint16(bytes, pos + FIELD) === 0) return pseudowire(c, pos + V3_HEADER);
  if ((flags & (CONTROL | RESERVED)) !== 0 || (flags & VERSION) !== 2) return ~FATE_SESSION;
  return version2(c, flags);
}

function version2(c: PacketCursor, flags: number): number {
  const { bytes, pos } = c;
  const session = pos + ((flags & HAS_LENGTH) === 0 ? 2 : 3) * FIELD;
  let at = session + FIELD;
  if ((flags & HAS_SEQUENCE) !== 0) at += 2 * FIELD;
  if ((flags & HAS_OFFSET) !== 0) {
    if (c.end - at < FIELD) return ~FATE_SESSION;
    at += FIELD + uint16(bytes, at);
  }
  // A protocol of one byte, and one of the packet.
  if (c.end - at < 2) return ~FATE_SESSION;
  const length = (flags & HAS_LENGTH) === 0 ? 0 : uint16(bytes, pos + FIELD);
  if ((flags & HAS_LENGTH) !== 0 && length < at - pos) return ~FATE_SESSION;
  const protocol = pppProtocol(c, at);
  if (protocol < 0 || c.pos >= c.end) return ~FATE_SESSION;
  if (length !== 0) clip(c, pos, length);
  c.tunnelKind = KIND.number | LAYER_HAS_ID;
  c.tunnelId = uint16(bytes, session);
  return PPP_PROTOCOLS.next(protocol, c);
}
