/**
 * EtherType numbers (IEEE 802) that lead to IP, for every link layer that
 * carries one: Ethernet, VLAN tags, SNAP, Linux cooked captures.
 */

import { FATE_NOT_IP } from '../fate.ts';
import { NEXT_IP, NEXT_MPLS, NEXT_PBB, NEXT_PPPOE, NEXT_VLAN, NEXT_VNTAG } from '../packetcursor.ts';

/** Numbers up to this are a length (IEEE 802.3), not an EtherType. */
export const MAX_LENGTH_FIELD = 1500;
/** EtherTypes begin here; the numbers between the two are undefined. */
export const MIN_ETHERTYPE = 1536;

/** The next protocol for an EtherType; IPv4 and IPv6 are told apart by their version field, as Zeek does. */
export function etherType(type: number): number {
  switch (type) {
    case 0x0800: // IPv4
    case 0x86dd: // IPv6
      return NEXT_IP;
    case 0x8100: // 802.1Q
    case 0x88a8: // 802.1ad
    case 0x9100: // QinQ before 802.1ad
      return NEXT_VLAN;
    case 0x8847: // MPLS unicast
    case 0x8848: // MPLS multicast, or upstream-assigned labels
      return NEXT_MPLS;
    case 0x8864: // PPPoE session; 0x8863 is discovery and carries no IP
      return NEXT_PPPOE;
    case 0x8926: // VNTag
      return NEXT_VNTAG;
    case 0x88e7: // 802.1ah
      return NEXT_PBB;
    default:
      return ~FATE_NOT_IP;
  }
}
