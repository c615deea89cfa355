/**
 * Time stamps that Arista switches put in front of the EtherType of mirrored frames (EtherType 0xD28B, subtype 1): a
 * version, seconds and nanoseconds in 48 or 64 bits. A packet's time is that of its record all the same.
 */
import { fateOf } from '../../fate.ts';
import { type PacketCursor, uint16 } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_ETHER_TYPE } from '../../undecodednames.ts';
import { behindTag } from '../typeorlength.ts';

const ETHERTYPE_ARISTA = 0xd28b;

export const ARISTA_TIMESTAMP = protocol({
  name: 'Arista timestamp',
  etherTypes: [ETHERTYPE_ARISTA],
  notes: 'more than Zeek reads',
  decode: timestamp,
});

const VERSION = 2;
/** Subtype and version. */
const HEADER = 4;
const SUBTYPE_TIMESTAMP = 1;
/** In the version's low byte: 0x10 for 64 bits, 0x20 for 48; the high byte says TAI or UTC. */
const BITS_64 = 0x10;
const BITS_48 = 0x20;
const TYPE = 2;

const TRUNCATED = ~fateOf('truncated_link_header');

function timestamp(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < HEADER) return TRUNCATED;
  const version = bytes[pos + VERSION + 1];
  if (uint16(bytes, pos) !== SUBTYPE_TIMESTAMP || (version !== BITS_64 && version !== BITS_48))
    return notIp(c, SPACE_ETHER_TYPE, ETHERTYPE_ARISTA);
  return behindTag(c, HEADER + (version === BITS_64 ? 8 : 6) + TYPE);
}
