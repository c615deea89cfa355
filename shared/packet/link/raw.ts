/**
 * The numbers of all link types that are decoded (the LINKTYPE_* registry of
 * tcpdump.org; 12 and 14 are the DLT values of raw IP that old writers put into
 * files). A link type that is not known is tried as raw IP, as Zeek does.
 */

import { fateOf } from '../fate.ts';
import {
  NEXT_ETHERNET,
  NEXT_FDDI,
  NEXT_GUESS,
  NEXT_IEEE80211,
  NEXT_IP,
  NEXT_LOOPBACK,
  NEXT_NFLOG,
  NEXT_PPI,
  NEXT_PPP,
  NEXT_PPP_SERIAL,
  NEXT_RADIOTAP,
  NEXT_SLL,
  NEXT_SLL2,
  type PacketCursor,
} from '../packetcursor.ts';

const UNKNOWN = ~fateOf('unknown_link_type');

/** The first protocol of a record by its link type. */
export function linkProtocol(linkType: number): number {
  switch (linkType) {
    case 1: // EN10MB
      return NEXT_ETHERNET;
    case 0: // NULL
    case 108: // LOOP
      return NEXT_LOOPBACK;
    case 9: // PPP
      return NEXT_PPP;
    case 50: // PPP_HDLC
      return NEXT_PPP_SERIAL;
    case 12:
    case 14:
    case 101: // RAW
    case 228: // IPV4
    case 229: // IPV6
      return NEXT_IP;
    case 113: // LINUX_SLL
      return NEXT_SLL;
    case 276: // LINUX_SLL2
      return NEXT_SLL2;
    case 10: // FDDI
      return NEXT_FDDI;
    case 105: // IEEE802_11
      return NEXT_IEEE80211;
    case 127: // IEEE802_11_RADIOTAP
      return NEXT_RADIOTAP;
    case 192: // PPI
      return NEXT_PPI;
    case 239: // NFLOG
      return NEXT_NFLOG;
    default:
      return NEXT_GUESS;
  }
}

/** A record of unknown link type: an IP packet if it begins as one. */
export function guess(c: PacketCursor): number {
  const version = c.end > c.pos ? c.bytes[c.pos] >> 4 : 0;
  return version === 4 || version === 6 ? NEXT_IP : UNKNOWN;
}
