/**
 * VXLAN (RFC 7348): eight bytes with the network identifier, then an Ethernet frame. Without its flag it is not VXLAN.
 */
import { FATE_SESSION } from '../fate.ts';
import { ETHERNET } from '../link/ethernet.ts';
import { capturedFrom, int32, type PacketCursor } from '../packetcursor.ts';
import { type TunnelKind, udpTunnel } from '../protocol.ts';
import { LAYER_HAS_ID } from '../tunnellayers.ts';

const KIND: TunnelKind = { number: 5, name: 'vxlan', id: 'vni', isNetwork: true };

export const VXLAN = udpTunnel({
  name: 'VXLAN',
  udpPorts: [4789],
  kinds: [KIND],
  decode: vxlan,
});

const VNI = 4;
const HEADER = 8;
/** The identifier is valid. */
const FLAG = 0x08;

/** @returns the code of the frame's protocol, or the complement of FATE_SESSION for a datagram that is not VXLAN */
function vxlan(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < HEADER || (bytes[pos] & FLAG) === 0) return ~FATE_SESSION;
  if (capturedFrom(c) === HEADER) {
    c.odd('vxlan_empty_packet', '');
    return ~FATE_SESSION;
  }
  c.tunnelKind = KIND.number | LAYER_HAS_ID;
  c.tunnelId = int32(bytes, pos + VNI) >>> 8;
  c.pos = pos + HEADER;
  return ETHERNET.code;
}
