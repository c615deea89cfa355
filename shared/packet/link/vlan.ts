/**
 * VLAN tags (IEEE 802.1Q, 802.1ad, and others before it), in stacks of any height. The outermost and the second id are kept; tags
 * below them are skipped and reported.
 */
import { fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { ETHER_TYPES } from '../protocolnumbers.ts';
import { SPACE_ETHER_TYPE } from '../undecodednames.ts';
import { MAX_LENGTH_FIELD, MIN_ETHERTYPE } from './ethertype.ts';
import { llc } from './llc.ts';

export const VLAN = protocol({
  name: 'VLAN tags',
  // 802.1Q, 802.1ad, and QinQ before 802.1ad, which every maker numbered as it liked.
  etherTypes: [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300],
  notes: 'in stacks; tags other than 0x8100 below a VLAN tag, and 0x9200 and 0x9300, are more than Zeek reads',
  decode: vlan,
});

const CONTROL = 0;
const TYPE = 2;
const HEADER = 4;
/** The bits of a tag that are the id. */
export const VLAN_ID = 0xfff;

const TRUNCATED = ~fateOf('truncated_VLAN_header');
const UNDEFINED = ~fateOf('undefined_vlan_protocol');

/** Takes down the id of a VLAN tag, outermost first. */
export function addVlan(c: PacketCursor, id: number): void {
  if (c.vlan === 0) c.vlan = id + 1;
  else if (c.innerVlan === 0) c.innerVlan = id + 1;
  else c.odd('triple_tagged_vlan_unsupported', `VLAN ${id} below two others`);
}

function vlan(c: PacketCursor): number {
  const at = c.pos;
  if (c.end - at <= HEADER) return TRUNCATED;
  addVlan(c, uint16(c.bytes, at + CONTROL) & VLAN_ID);
  c.pos = at + HEADER;
  const type = uint16(c.bytes, at + TYPE);
  if (type >= MIN_ETHERTYPE) return ETHER_TYPES.next(type, c);
  if (type > MAX_LENGTH_FIELD) {
    c.undecoded(SPACE_ETHER_TYPE, type);
    return UNDEFINED;
  }
  if (c.end - c.pos < 2) return TRUNCATED;
  return llc(c, type);
}
