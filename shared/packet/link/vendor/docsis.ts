/** Frames of cable networks (DOCSIS MAC): control, length, extended header if a bit says so, checksum, Ethernet frame. */
import { fateOf } from '../../fate.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_LINK_TYPE } from '../../undecodednames.ts';
import { ETHERNET } from '../ethernet.ts';

const LINKTYPE_DOCSIS = 143;

export const DOCSIS = protocol({
  name: 'DOCSIS',
  linkTypes: [LINKTYPE_DOCSIS],
  notes: 'frames with a packet; more than Zeek reads',
  decode: docsis,
});

/** First byte: kind of frame, 0 for a packet; extended header present. */
const KIND = 0xc0;
const HAS_EXTENDED = 0x01;
const EXTENDED_LENGTH = 1;
/** Control, parameter, length, checksum. */
const HEADER = 6;

const TRUNCATED = ~fateOf('truncated_link_header');

function docsis(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  if (end - pos <= HEADER) return TRUNCATED;
  if ((bytes[pos] & KIND) !== 0) return notIp(c, SPACE_LINK_TYPE, LINKTYPE_DOCSIS);
  const extended = (bytes[pos] & HAS_EXTENDED) === 0 ? 0 : bytes[pos + EXTENDED_LENGTH];
  c.pos = pos + HEADER + extended;
  return c.pos < end ? ETHERNET.code : TRUNCATED;
}
