/** Radiotap (LINKTYPE_IEEE802_11_RADIOTAP): its header has its length, little-endian; an 802.11 frame follows. */
import { fateOf } from '../fate.ts';
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { IEEE80211 } from './ieee80211.ts';

export const RADIOTAP = protocol({
  name: 'radiotap',
  linkTypes: [127],
  decode: radiotap,
});

const LENGTH = 2;
const MIN_HEADER = 4;

const TRUNCATED = ~fateOf('truncated_radiotap_header');

function radiotap(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < MIN_HEADER) return TRUNCATED;
  const length = bytes[pos + LENGTH] | (bytes[pos + LENGTH + 1] << 8);
  if (length >= c.end - pos) return TRUNCATED;
  c.pos = pos + length;
  return IEEE80211.code;
}
