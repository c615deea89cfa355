/**
 * ICMP (RFC 792) with Zeek's pairing: the type is the source port, the type of the reply the destination port, so that
 * request and reply are one flow. A message without a counterpart is a one-way flow, with the code as its second port.
 * Refused: headers without type and code.
 */
import { FATE_SESSION, fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { contentMark } from '../packetmark.ts';
import { protocol } from '../protocol.ts';

export const ICMP = protocol({
  name: 'ICMP',
  ipProtocols: [1],
  decode: icmp,
});

const TYPE = 0;
const CODE = 1;
const TYPE_AND_CODE = 2;
/** Behind the checksum. */
const REST = 4;
const HEADER = 8;

const TRUNCATED = ~fateOf('truncated_header');
const NOT_CAPTURED = ~fateOf('internally_truncated_header');

/** Type of the counterpart, -1 for a message that has none. */
function counterpart(type: number): number {
  switch (type) {
    case 8: // echo
      return 0;
    case 0:
      return 8;
    case 13: // timestamp
      return 14;
    case 14:
      return 13;
    case 15: // information
      return 16;
    case 16:
      return 15;
    case 10: // router solicitation and advertisement
      return 9;
    case 9:
      return 10;
    case 17: // address mask
      return 18;
    case 18:
      return 17;
    default:
      return -1;
  }
}

/** A message of ICMP or ICMPv6; `pair` returns the type of the counterpart or -1. */
export function icmpMessage(c: PacketCursor, pair: (type: number) => number): number {
  const { bytes, pos: at, announced } = c;
  const captured = c.end - at;
  if (announced < TYPE_AND_CODE) return TRUNCATED;
  if (captured < TYPE_AND_CODE) return NOT_CAPTURED;
  if (announced < HEADER) c.odd('truncated_header', '');
  else if (captured < HEADER) c.odd('internally_truncated_header', '');
  const type = bytes[at + TYPE];
  const answer = pair(type);
  c.srcPort = type;
  c.oneWay = answer < 0 ? 1 : 0;
  c.dstPort = answer < 0 ? bytes[at + CODE] : answer;
  // Types that are answers to each other make one flow, whatever their codes.
  c.mark = contentMark(bytes, at + REST, c.end, c.mark ^ uint16(bytes, at));
  c.payloadLen = Math.max(0, announced - HEADER);
  return ~FATE_SESSION;
}

function icmp(c: PacketCursor): number {
  return icmpMessage(c, counterpart);
}
