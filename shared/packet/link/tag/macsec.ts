/**
 * MACsec (IEEE 802.1AE, EtherType 0x88E5) as far as it only protects: the tag with a packet number and perhaps the
 * channel's identifier, then the EtherType in the clear. Encrypted frames are not IP.
 */
import { fateOf } from '../../fate.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_ETHER_TYPE } from '../../undecodednames.ts';
import { behindTag } from '../typeorlength.ts';

const ETHERTYPE_MACSEC = 0x88e5;

export const MACSEC = protocol({
  name: 'MACsec',
  etherTypes: [ETHERTYPE_MACSEC],
  notes: 'frames that are not encrypted; more than Zeek reads',
  decode: macsec,
});

/** First byte: version, channel identifier present, encrypted, changed. */
const VERSION = 0x80;
const HAS_CHANNEL = 0x20;
const ENCRYPTED = 0x08;
const CHANGED = 0x04;

/** Flags, short length, packet number. */
const TAG = 6;
const CHANNEL = 8;
const TYPE = 2;

const TRUNCATED = ~fateOf('truncated_link_header');

function macsec(c: PacketCursor): number {
  if (c.end === c.pos) return TRUNCATED;
  const flags = c.bytes[c.pos];
  if ((flags & (VERSION | ENCRYPTED | CHANGED)) !== 0) return notIp(c, SPACE_ETHER_TYPE, ETHERTYPE_MACSEC);
  return behindTag(c, TAG + ((flags & HAS_CHANNEL) === 0 ? 0 : CHANNEL) + TYPE);
}
