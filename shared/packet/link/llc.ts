/**
 * IEEE 802.2 LLC as far as it can carry IP: a SNAP header (both service access
 * points 0xAA) whose organisation code is zero holds an EtherType. Any other
 * LLC frame, and Novell's raw 802.3, is not IP.
 */
import { FATE_NOT_IP, fateOf } from '../fate.ts';
import { clip, type PacketCursor, uint16 } from '../packetcursor.ts';
import { ETHER_TYPES } from '../protocolnumbers.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_LLC, snapSpace } from '../undecodednames.ts';

const DSAP = 0;
const SSAP = 1;
const CONTROL = 2;
const SNAP_SAP = 0xaa;
const GLOBAL_SAP = 0xff;
/** Novell's frames have no LLC header: their first two bytes are a checksum that is not used. */
const NOVELL = 0xffff;
/** Bytes of organisation code and protocol after the LLC header. */
const SNAP_HEADER = 5;

const TRUNCATED_LLC = ~fateOf('truncated_snap_llc_header');
const TRUNCATED_SNAP = ~fateOf('truncated_snap_header');

/** @param length bytes of the frame from `c.pos` on, as IEEE 802.3's length field says: what follows is padding */
export function llc(c: PacketCursor, length: number): number {
  const { bytes, pos } = c;
  if (pos + length > c.wireEnd) c.odd('truncated_ethernet_frame', `802.3 length ${length}`);
  clip(c, pos, length);
  const { end } = c;
  if (end - pos < 2) return ~FATE_NOT_IP;
  const dsap = bytes[pos + DSAP];
  if (dsap !== SNAP_SAP || bytes[pos + SSAP] !== SNAP_SAP)
    return notIp(c, SPACE_LLC, dsap === GLOBAL_SAP && bytes[pos + SSAP] === GLOBAL_SAP ? NOVELL : dsap);
  if (end - pos < 3) return TRUNCATED_LLC;
  // Only unnumbered frames (low bits 11) have a control field of one byte.
  const header = (bytes[pos + CONTROL] & 3) === 3 ? 3 : 4;
  if (end - pos < header + SNAP_HEADER) return TRUNCATED_SNAP;
  const snap = pos + header;
  c.pos = snap + SNAP_HEADER;
  const organisation = (bytes[snap] << 16) | uint16(bytes, snap + 1);
  const protocol = uint16(bytes, snap + 3);
  return organisation === 0 ? ETHER_TYPES.next(protocol, c) : notIp(c, snapSpace(organisation), protocol);
}
