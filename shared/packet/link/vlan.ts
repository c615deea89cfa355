/**
 * VLAN tags (IEEE 802.1Q, 802.1ad, 0x9100), in stacks of any height. The outermost and the second id are kept; tags
 * below them are skipped and reported.
 */
import { fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { ETHER_TYPES } from '../protocolnumbers.ts';
import { MAX_LENGTH_FIELD, MIN_ETHERTYPE } from './ethertype.ts';
import { llc } from './llc.ts';

export const VLAN = protocol({
  name: 'VLAN tags',
  // 802.1Q, 802.1ad, and QinQ before 802.1ad.
  etherTypes: [0x8100, 0x88a8, 0x9100],
  notes: 'in stacks; tags other than 0x8100 below a VLAN tag are more than Zeek reads',
  decode: vlan,
});

const CONTROL = 0;
const TYPE = 2;
const HEADER = 4;
const ID_MASK = 0xfff;

const TRUNCATED = ~fateOf('truncated_VLAN_header');
const UNDEFINED = ~fateOf('undefined_vlan_protocol');

function vlan(c: PacketCursor): number {
  const at = c.pos;
  if (c.end - at <= HEADER) return TRUNCATED;
  const id = (uint16(c.bytes, at + CONTROL) & ID_MASK) + 1;
  if (c.vlan === 0) c.vlan = id;
  else if (c.innerVlan === 0) c.innerVlan = id;
  else c.odd('triple_tagged_vlan_unsupported', `VLAN ${id - 1} below two others`);
  c.pos = at + HEADER;
  const type = uint16(c.bytes, at + TYPE);
  if (type >= MIN_ETHERTYPE) return ETHER_TYPES.next(type);
  if (type > MAX_LENGTH_FIELD) return UNDEFINED;
  if (c.end - c.pos < 2) return TRUNCATED;
  if (c.end - c.pos > type) c.end = c.pos + type;
  return llc(c);
}
