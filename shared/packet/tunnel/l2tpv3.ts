/**
 * L2TP version 3 (RFC 3931): a session identifier, a cookie of 0, 4 or 8 bytes, perhaps a sublayer of 4 bytes, and what
 * the pseudowire carries. Only the control connection says which; here it is told by what the bytes look like at each
 * place: an Ethernet frame with IP or ARP, a PPP or Cisco HDLC frame with IP, or an IP packet whose header holds. Where
 * nothing of that stands the packet is one like those of other protocols, as are control messages.
 */
import { FATE_SESSION } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { other } from '../ip/other.ts';
import { IP_HOLDS, ipHeader } from '../ip/plausible.ts';
import { ETHERNET } from '../link/ethernet.ts';
import { frameAt, IP_INSIDE } from '../link/pseudowire.ts';
import { int32, type PacketCursor, uint16 } from '../packetcursor.ts';
import { ipTunnel, type TunnelKind } from '../protocol.ts';
import { LAYER_HAS_ID } from '../tunnellayers.ts';
import { innerLength } from './ipinip.ts';

export const L2TPV3_KIND: TunnelKind = { number: 13, name: 'l2tpv3', id: 'session' };

export const L2TPV3 = ipTunnel({
  name: 'L2TPv3',
  ipProtocols: [115],
  notes: 'what lies behind its cookie: Ethernet, PPP and HDLC frames, IP; more than Zeek reads',
  kinds: [L2TPV3_KIND],
  decode: l2tpv3,
});

const SESSION = 4;
/** Largest cookie and sublayer, in steps of four bytes. */
const MOST_SKIPPED = 12;
const STEP = 4;

const ETHERTYPE = 12;
const ETHERNET_HEADER = 14;
const TYPE_ARP = 0x0806;
/** Hardware Ethernet, protocol IPv4. */
const ARP_ETHERNET_IPV4 = 0x00010800;

/** First four bytes of a frame of PPP with IPv4 and IPv6, and of Cisco's HDLC to one station and to all. */
const FRAMES_WITH_IP = new Set(
  [0xff030021, 0xff030057, 0x0f000800, 0x0f0086dd, 0x8f000800, 0x8f0086dd].map((word) => word | 0),
);
const FRAME_HEADER = 4;

function l2tpv3(c: PacketCursor): number {
  const next = pseudowire(c, c.pos);
  return next === ~FATE_SESSION ? other(c) : next;
}

/**
 * The session identifier at `at` and what follows it.
 * @returns what is inside, at `c.pos`; or the complement of FATE_SESSION when nothing is found, or for a control message
 */
export function pseudowire(c: PacketCursor, at: number): number {
  if (c.end - at <= SESSION) return ~FATE_SESSION;
  const session = int32(c.bytes, at);
  if (session === 0) return ~FATE_SESSION;
  const start = at + SESSION;
  let next = ~FATE_SESSION;
  // An Ethernet frame shows itself by far more bits than the others do.
  for (let skip = 0; skip <= MOST_SKIPPED && next < 0; skip += STEP) next = ethernetFrame(c, start + skip);
  for (let skip = 0; skip <= MOST_SKIPPED && next < 0; skip += STEP) next = ipPacket(c, start + skip);
  if (next < 0) return next;
  c.tunnelKind = L2TPV3_KIND.number | LAYER_HAS_ID;
  c.tunnelId = session;
  return next;
}

function ethernetFrame(c: PacketCursor, at: number): number {
  if (frameAt(c, at) !== IP_INSIDE && !isArp(c, at)) return ~FATE_SESSION;
  c.pos = at;
  return ETHERNET.code;
}

function isArp(c: PacketCursor, at: number): boolean {
  const { bytes } = c;
  if (c.end - at < ETHERNET_HEADER + 4) return false;
  return uint16(bytes, at + ETHERTYPE) === TYPE_ARP && int32(bytes, at + ETHERNET_HEADER) === ARP_ETHERNET_IPV4;
}

/** IP at `at`, or in a frame of PPP or HDLC there. */
function ipPacket(c: PacketCursor, at: number): number {
  const framed = c.end - at > FRAME_HEADER && FRAMES_WITH_IP.has(int32(c.bytes, at));
  const start = framed ? at + FRAME_HEADER : at;
  if (ipHeader(c, start) !== IP_HOLDS) return ~FATE_SESSION;
  // IPv6 has no checksum, and here are four places to try.
  const isBareIpv6 = !framed && c.bytes[start] >> 4 === 6;
  if (isBareIpv6 && start + innerLength(c.bytes, start, 6) !== c.wireEnd) return ~FATE_SESSION;
  c.pos = start;
  return IP.code;
}
