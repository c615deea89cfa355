/**
 * Tags that Cisco switches put in front of the EtherType: the security group of TrustSec (CMD, EtherType 0x8909), which
 * has a version, a number of options of four bytes and those, and the time stamp of ACI fabrics (TTag, EtherType
 * 0x8988) of six bytes.
 */
import { fateOf } from '../../fate.ts';
import type { PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { notIp } from '../../undecoded.ts';
import { SPACE_ETHER_TYPE } from '../../undecodednames.ts';
import { behindTag } from '../typeorlength.ts';

const ETHERTYPE_METADATA = 0x8909;

export const CISCO_METADATA = protocol({
  name: 'Cisco metadata (CMD)',
  etherTypes: [ETHERTYPE_METADATA],
  notes: 'more than Zeek reads',
  decode: metadata,
});

export const CISCO_TTAG = protocol({
  name: 'Cisco timestamp tag (TTag)',
  etherTypes: [0x8988],
  notes: 'more than Zeek reads',
  decode: ttag,
});

const VERSION = 1;
const OPTIONS = 1;
const OPTION = 4;
const TYPE = 2;
const TIMESTAMP = 6;

const TRUNCATED = ~fateOf('truncated_link_header');

function metadata(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos <= OPTIONS) return TRUNCATED;
  if (bytes[pos] !== VERSION) return notIp(c, SPACE_ETHER_TYPE, ETHERTYPE_METADATA);
  return behindTag(c, OPTIONS + 1 + bytes[pos + OPTIONS] * OPTION + TYPE);
}

function ttag(c: PacketCursor): number {
  return behindTag(c, TIMESTAMP + TYPE);
}
