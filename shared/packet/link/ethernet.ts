/**
 * Ethernet II, and IEEE 802.3 frames with LLC/SNAP inside. A Cisco FabricPath
 * header (EtherType 0x8903) in front of the frame is skipped.
 * Frames that are cut off in their header are refused. Those whose 802.3 length is beyond what was on the wire were cut.
 */
import { fateOf } from '../fate.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { ETHER_TYPES } from '../protocolnumbers.ts';
import { SPACE_ETHER_TYPE } from '../undecodednames.ts';
import { MAX_LENGTH_FIELD, MIN_ETHERTYPE } from './ethertype.ts';
import { llc } from './llc.ts';

export const ETHERNET = protocol({
  name: 'Ethernet',
  linkTypes: [1],
  notes: 'Ethernet II, and 802.3 with LLC/SNAP; behind a Cisco FabricPath header too',
  decode: ethernet,
});

const TYPE = 12;
const HEADER = 14;
/** Zeek's rule: only longer frames are decoded. */
const MIN_FRAME = 16;
const FABRIC_PATH = 0x8903;
const FABRIC_PATH_HEADER = 16;

const TRUNCATED = ~fateOf('truncated_ethernet_frame');
const TRUNCATED_FABRIC_PATH = ~fateOf('truncated_link_header_cfp');
const UNDEFINED = ~fateOf('undefined_ether_type');

function ethernet(c: PacketCursor): number {
  let start = c.pos;
  if (c.end - start <= MIN_FRAME) return TRUNCATED;
  let type = uint16(c.bytes, start + TYPE);
  if (type === FABRIC_PATH) {
    if (c.end - start <= FABRIC_PATH_HEADER + HEADER) return TRUNCATED_FABRIC_PATH;
    start += FABRIC_PATH_HEADER;
    type = uint16(c.bytes, start + TYPE);
  }
  c.pos = start + HEADER;
  if (type >= MIN_ETHERTYPE) return ETHER_TYPES.next(type, c);
  if (type > MAX_LENGTH_FIELD) {
    c.undecoded(SPACE_ETHER_TYPE, type);
    return UNDEFINED;
  }
  return llc(c, type);
}
