/**
 * What MPLS labels carry, which no field says (RFC 4928, section 3): IP when its header holds, an Ethernet pseudowire
 * with or without a control word (RFC 4448), or a message of an associated channel (RFC 5586), which may hold IP. Other
 * pseudowires are not IP.
 */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { IP_HOLDS, ipHeader } from '../ip/plausible.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { ETHER_TYPES } from '../protocolnumbers.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_CHANNEL, SPACE_MPLS } from '../undecodednames.ts';
import { ETHERNET } from './ethernet.ts';
import { MAX_LENGTH_FIELD, MIN_ETHERTYPE } from './ethertype.ts';
import { VLAN } from './vlan.ts';

const CONTROL_WORD = 4;
/** First four bits of an associated channel's header, whose last two bytes say what follows. */
const CHANNEL = 1;
const CHANNEL_TYPE = 2;
const CHANNEL_IPV4 = 0x0021;
const CHANNEL_IPV6 = 0x0057;

const SOURCE = 6;
const GROUP_BIT = 1;
const TYPE = 12;
const TAG = 4;
/** Tags that are looked behind. */
const MOST_TAGS = 4;

const TYPE_IPV4 = 0x0800;
const TYPE_IPV6 = 0x86dd;
/** EtherTypes that carry no IP, and are seen between bridges and hosts. */
const OTHER_TYPES = new Set([0x0806, 0x8035, 0x8809, 0x8863, 0x888e, 0x88cc, 0x88f7, 0x8902, 0x9000]);
/** LLC headers of SNAP, spanning tree and IS-IS. */
const OTHER_LLC = new Set([0xaaaa, 0x4242, 0xfefe]);

/** What speaks for an Ethernet header, by growing weight. */
const NOTHING = 0;
const KNOWN_TYPE = 1;
export const IP_INSIDE = 2;

const TRUNCATED = ~fateOf('truncated_link_header');

/** What follows the bottom label, from `c.pos` on: the code of a protocol, or the complement of a fate. */
export function behindLabels(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end <= pos) return TRUNCATED;
  if (ipHeader(c, pos) === IP_HOLDS) return IP.code;
  const nibble = bytes[pos] >> 4;
  if (nibble === CHANNEL) return channel(c);
  const bare = frameAt(c, pos);
  const behindWord = nibble === 0 && isControlWord(bytes, pos) ? frameAt(c, pos + CONTROL_WORD) : NOTHING;
  if (bare === NOTHING && behindWord === NOTHING) return notIp(c, SPACE_MPLS, bytes[pos]);
  if (behindWord >= bare) c.pos = pos + CONTROL_WORD;
  return ETHERNET.code;
}

/** Flags, and bits for fragments, that Ethernet never sets. Beyond the captured bytes nothing is a control word. */
function isControlWord(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0 && (bytes[at + 1] & 0xc0) === 0;
}

function channel(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos <= CONTROL_WORD) return notIp(c, SPACE_MPLS, bytes[pos]);
  const type = uint16(bytes, pos + CHANNEL_TYPE);
  const isIp = type === CHANNEL_IPV4 || type === CHANNEL_IPV6;
  if (!isIp || ipHeader(c, pos + CONTROL_WORD) !== IP_HOLDS) return notIp(c, SPACE_CHANNEL, type);
  c.pos = pos + CONTROL_WORD;
  return IP.code;
}

/** What speaks for an Ethernet frame at `at`: NOTHING, KNOWN_TYPE or IP_INSIDE. */
export function frameAt(c: PacketCursor, at: number): number {
  const { bytes, end } = c;
  let p = at + TYPE;
  if (end - p < 2 || (bytes[at + SOURCE] & GROUP_BIT) !== 0) return NOTHING;
  let type = uint16(bytes, p);
  for (let tags = 0; tags < MOST_TAGS && ETHER_TYPES.codeOf(type) === VLAN.code && end - p >= TAG + 2; tags++) {
    p += TAG;
    type = uint16(bytes, p);
  }
  p += 2;
  if (type === TYPE_IPV4 || type === TYPE_IPV6) {
    const version = type === TYPE_IPV4 ? 4 : 6;
    return end > p && bytes[p] >> 4 === version ? IP_INSIDE : NOTHING;
  }
  if (type >= MIN_ETHERTYPE) return ETHER_TYPES.codeOf(type) >= 0 || OTHER_TYPES.has(type) ? KNOWN_TYPE : NOTHING;
  const isLlc = type <= MAX_LENGTH_FIELD && end - p >= 2 && OTHER_LLC.has(uint16(bytes, p));
  return isLlc && type <= c.wireEnd - p ? KNOWN_TYPE : NOTHING;
}
