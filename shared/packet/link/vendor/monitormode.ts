/**
 * Headers of monitor mode before 802.11 frames, older than radiotap: AVS, with a magic number and its length, big-endian,
 * and Prism, with its length in the byte order of the capturing host. Drivers write AVS under Prism's link type too.
 */
import { fateOf } from '../../fate.ts';
import { int32, type PacketCursor } from '../../packetcursor.ts';
import { protocol } from '../../protocol.ts';
import { IEEE80211 } from '../ieee80211.ts';

export const MONITOR_MODE = protocol({
  name: 'Prism and AVS headers of 802.11',
  linkTypes: [119, 163],
  notes: 'more than Zeek reads',
  decode: monitorMode,
});

const AVS_MAGIC = 0x80211000;
const AVS_VERSION = 0x00000fff;
const LENGTH = 4;
const MIN_HEADER = 8;

const TRUNCATED = ~fateOf('truncated_link_header');

function monitorMode(c: PacketCursor): number {
  const { bytes, pos, end } = c;
  if (end - pos <= MIN_HEADER) return TRUNCATED;
  const big = int32(bytes, pos + LENGTH) >>> 0;
  const isAvs = (int32(bytes, pos) & ~AVS_VERSION) >>> 0 === AVS_MAGIC;
  // A length of some hundred bytes is a number beyond millions in the other byte order.
  const length = isAvs || big <= 0xffff ? big : bytes[pos + LENGTH] | (bytes[pos + LENGTH + 1] << 8);
  if (length < MIN_HEADER || length >= end - pos) return TRUNCATED;
  c.pos = pos + length;
  return IEEE80211.code;
}
