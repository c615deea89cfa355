/**
 * IEEE 802.11 data frames, with four addresses and QoS, whose body is LLC/SNAP with an EtherType of IP. Management and
 * control frames, data frames without data, and other bodies are not IP; encrypted QoS bodies have a fate of their own.
 * A QoS frame may be an aggregate of several (A-MSDU): decode.ts walks their subframes one by one.
 */
import { fateOf } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { clip, type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_802_11, SPACE_ETHER_TYPE, SPACE_LLC, snapSpace } from '../undecodednames.ts';

export const IEEE80211 = protocol({
  name: '802.11',
  linkTypes: [105],
  notes: 'data frames with three and four addresses, and QoS; encrypted ones are counted as `protected_802_11`',
  decode: ieee80211,
});

export const AMSDU = protocol({
  name: 'A-MSDU of 802.11',
  toldBy: 'a bit of QoS data frames',
  isAggregate: true,
  notes: 'the padding between its subframes is Zeek’s',
  decode: subframe,
});

/** Header of a data frame with three addresses. */
const MIN_HEADER = 24;
const FOURTH_ADDRESS = 6;
const QOS_CONTROL = 2;

/** First byte: frame type and subtype. */
const DATA = 0x08;
const NO_DATA = 0x40;
const QOS = 0x80;
/** Second byte. */
const TO_AND_FROM_DS = 0x03;
const PROTECTED = 0x40;
/** QoS control. */
const AGGREGATE = 0x80;

const LLC_SNAP = 8;
/** Two addresses and a length. */
const SUBFRAME_HEADER = 14;
const SUBFRAME_LENGTH = 12;

const TRUNCATED = ~fateOf('truncated_802_11_header');
const TRUNCATED_LLC = ~fateOf('truncated_802_11_llc_header');
const TRUNCATED_SUBFRAME_HEADER = ~fateOf('truncated_802_11_amsdu_header');
const ENCRYPTED = ~fateOf('protected_802_11');

/** The body of a frame or subframe. */
function body(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < LLC_SNAP) return TRUNCATED_LLC;
  const snap = bytes[pos] === 0xaa && bytes[pos + 1] === 0xaa && bytes[pos + 2] === 3;
  if (!snap) return notIp(c, SPACE_LLC, bytes[pos]);
  const type = uint16(bytes, pos + 6);
  const organisation = (bytes[pos + 3] << 16) | uint16(bytes, pos + 4);
  if (organisation !== 0) return notIp(c, snapSpace(organisation), type);
  c.pos = pos + LLC_SNAP;
  return type === 0x0800 || type === 0x86dd ? IP.code : notIp(c, SPACE_ETHER_TYPE, type);
}

function ieee80211(c: PacketCursor): number {
  const { bytes, pos } = c;
  const length = c.end - pos;
  if (length <= MIN_HEADER) return TRUNCATED;
  const kind = bytes[pos];
  if ((kind & DATA) === 0 || (kind & NO_DATA) !== 0) return notIp(c, SPACE_802_11, kind);
  let header = MIN_HEADER;
  if ((bytes[pos + 1] & TO_AND_FROM_DS) === TO_AND_FROM_DS) header += FOURTH_ADDRESS;
  if (length <= header) return TRUNCATED;
  let aggregate = false;
  if ((kind & QOS) !== 0) {
    aggregate = (bytes[pos + header] & AGGREGATE) !== 0;
    if ((bytes[pos + 1] & PROTECTED) !== 0) return ENCRYPTED;
    header += QOS_CONTROL;
    if (length <= header) return TRUNCATED;
  }
  c.pos = pos + header;
  return aggregate ? AMSDU.code : body(c);
}

/**
 * The subframe of an A-MSDU at `c.pos`: clips the cursor to it. One that says more than there is was cut.
 * @returns what it carries, or the complement of a fate
 */
function subframe(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < SUBFRAME_HEADER) return TRUNCATED_SUBFRAME_HEADER;
  const length = uint16(bytes, pos + SUBFRAME_LENGTH);
  c.pos = pos + SUBFRAME_HEADER;
  if (c.pos + length > c.wireEnd) c.odd('truncated_802_11_amsdu_packet', `subframe of ${length} bytes`);
  clip(c, c.pos, length);
  return body(c);
}

/** Where the subframe after one that ends at `end` begins. */
export function nextSubframe(start: number, end: number, limit: number): number {
  // Zeek's rule; the standard pads to a multiple of four from the subframe's beginning.
  const padding = (end - start - SUBFRAME_HEADER) % 4;
  return limit - end >= padding ? end + padding : end;
}
