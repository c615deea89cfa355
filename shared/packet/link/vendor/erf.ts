/**
 * Records of Endace's cards (ERF): a header of 16 bytes with the type of what follows, extension headers of eight bytes as
 * long as a bit says that another comes, then the frame, before which some types have fields of their own.
 */
import { fateOf } from '../../fate.ts';
import { IP } from '../../ip/ipv4.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_ERF } from '../../undecodednames.ts';
import { ETHERNET } from '../ethernet.ts';
import { PPP_SERIAL } from '../ppp.ts';
import { adaptationLayer5 } from '../wan/atm.ts';

export const ERF = protocol({
  name: 'Endace ERF',
  // ERF, ERF_ETH, ERF_POS.
  linkTypes: [197, 175, 176],
  notes: 'Ethernet, PPP and Cisco HDLC, AAL5, IP; more than Zeek reads',
  decode: erf,
});

const TYPE = 8;
const TYPE_MASK = 0x7f;
/** In the type, and in the first byte of an extension header. */
const MORE = 0x80;
const HEADER = 16;
const EXTENSION = 8;

/** Offset and padding before an Ethernet frame. */
const ETHERNET_PADDING = 2;
/** Before frames of channels, and the header of an ATM cell. */
const CHANNEL = 4;
const CELL = 4;

const TRUNCATED = ~fateOf('truncated_link_header');

function erf(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  if (end - pos <= HEADER) return TRUNCATED;
  const type = bytes[pos + TYPE];
  let at = pos + HEADER;
  for (let more = type & MORE; more !== 0; at += EXTENSION) {
    if (end - at <= EXTENSION) return TRUNCATED;
    more = bytes[at] & MORE;
  }
  c.pos = at;
  const next = frame(c, type & TYPE_MASK);
  return next >= 0 && end <= c.pos ? TRUNCATED : next;
}

/** A frame of a type at `c.pos`. */
function frame(c: PacketCursor, type: number): number {
  switch (type) {
    case 2: // ETH
    case 11: // COLOR_ETH
    case 16: // DSM_COLOR_ETH
    case 20: // COLOR_HASH_ETH
      c.pos += ETHERNET_PADDING;
      return ETHERNET.code;
    case 1: // HDLC_POS
    case 10: // COLOR_HDLC_POS
    case 15: // DSM_COLOR_HDLC_POS
    case 19: // COLOR_HASH_POS
      return PPP_SERIAL.code;
    case 5: // MC_HDLC
    case 17: // COLOR_MC_HDLC_POS
      c.pos += CHANNEL;
      return PPP_SERIAL.code;
    case 4: // AAL5
      c.pos += CELL;
      return adaptationLayer5(c);
    case 9: // MC_AAL5
      c.pos += CHANNEL + CELL;
      return adaptationLayer5(c);
    case 22: // IPV4
    case 23: // IPV6
      return IP.code;
    default:
      return notIp(c, SPACE_ERF, type);
  }
}
