/**
 * Frame Relay: an address of two to four bytes (Q.922), then either the control byte of unnumbered information and a
 * network layer protocol identifier (RFC 2427), or an EtherType (Cisco's encapsulation). In some captures a byte says the
 * direction first; in those of multilink bundles (FRF.16) a header of fragments, of which whole frames are read.
 */
import { fateOf } from '../../fate.ts';
import { type PacketCursor, uint16 } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { ETHER_TYPES } from '../../protocolnumbers.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_LINK_TYPE } from '../../undecodednames.ts';
import { MIN_ETHERTYPE } from '../ethertype.ts';
import { nlpid } from './nlpid.ts';

const FRELAY = 107;
const MFR = 182;

export const FRAME_RELAY = protocol({
  name: 'Frame Relay',
  linkTypes: [FRELAY],
  notes: 'RFC 2427 and Cisco’s encapsulation; more than Zeek reads',
  decode: frameRelay,
});

export const FRAME_RELAY_WITH_DIRECTION = protocol({
  name: 'Frame Relay with direction',
  linkTypes: [206],
  notes: 'likewise',
  decode: withDirection,
});

export const MULTILINK_FRAME_RELAY = protocol({
  name: 'multilink Frame Relay',
  linkTypes: [MFR],
  notes: 'frames that are not in fragments; more than Zeek reads',
  decode: multilink,
});

/** Set in the last byte of the address. */
const LAST = 1;
const MIN_ADDRESS = 2;
const MAX_ADDRESS = 4;
const UNNUMBERED_INFORMATION = 3;

/** First byte of FRF.16: begin, end, control. */
const BEGIN_END_CONTROL = 0xe0;
const BEGIN_AND_END = 0xc0;
const MULTILINK_HEADER = 2;

const TRUNCATED = ~fateOf('truncated_link_header');

function frameRelay(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  if (end - pos <= MIN_ADDRESS) return TRUNCATED;
  let at = pos;
  while (at < end && at - pos < MAX_ADDRESS && (bytes[at] & LAST) === 0) at++;
  // The address ends with the byte at `at`.
  at++;
  if (at - pos < MIN_ADDRESS || at - pos > MAX_ADDRESS) return notIp(c, SPACE_LINK_TYPE, FRELAY);
  if (end - at <= 2) return TRUNCATED;
  if (bytes[at] !== UNNUMBERED_INFORMATION) {
    const type = uint16(bytes, at);
    c.pos = at + 2;
    // Anything smaller is a numbered frame of signalling.
    return type >= MIN_ETHERTYPE ? ETHER_TYPES.next(type, c) : notIp(c, SPACE_LINK_TYPE, FRELAY);
  }
  at++;
  c.pos = bytes[at] === 0 ? at + 1 : at;
  return nlpid(c, 0);
}

function withDirection(c: PacketCursor): number {
  c.pos++;
  return frameRelay(c);
}

function multilink(c: PacketCursor): number {
  if (c.end - c.pos <= MULTILINK_HEADER) return TRUNCATED;
  if ((c.bytes[c.pos] & BEGIN_END_CONTROL) !== BEGIN_AND_END) return notIp(c, SPACE_LINK_TYPE, MFR);
  c.pos += MULTILINK_HEADER;
  return frameRelay(c);
}
