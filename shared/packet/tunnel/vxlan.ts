/** VXLAN (RFC 7348): eight bytes with the network identifier, then an Ethernet frame. Without its flag it is none. */

import { FATE_SESSION } from '../fate.ts';
import { capturedFrom, int32, NEXT_ETHERNET, type PacketCursor } from '../packetcursor.ts';
import { KIND_VXLAN, LAYER_HAS_ID } from '../tunnellayers.ts';

const VNI = 4;
const HEADER = 8;
/** The identifier is valid. */
const FLAG = 0x08;

/** @returns what the frame is, or the complement of FATE_SESSION for a datagram that is no VXLAN */
export function vxlan(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < HEADER || (bytes[pos] & FLAG) === 0) return ~FATE_SESSION;
  if (capturedFrom(c) === HEADER) {
    c.odd('vxlan_empty_packet', '');
    return ~FATE_SESSION;
  }
  c.tunnelKind = KIND_VXLAN | LAYER_HAS_ID;
  c.tunnelId = int32(bytes, pos + VNI) >>> 8;
  c.pos = pos + HEADER;
  return NEXT_ETHERNET;
}
