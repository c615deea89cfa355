/**
 * Raw IP: the link types that begin with an IP header, and the numbers of all
 * link types that are decoded (the LINKTYPE_* registry of tcpdump.org; 12 and 14
 * are the DLT values of raw IP that old writers put into files).
 */
import { NEXT_ETHERNET, NEXT_IP, NEXT_LOOPBACK, NEXT_PPP, NEXT_SLL, NEXT_SLL2 } from './cursor.ts';
import { fateOf } from './fate.ts';

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
    case 50: // PPP_HDLC
      return NEXT_PPP;
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
    default:
      return UNKNOWN;
  }
}
