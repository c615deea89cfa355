/**
 * IPv4 (RFC 791) and the choice of IP version. A total length of 0 (segmentation offload) means the bytes that were on
 * the wire. A total length beyond them is reported, and the packet is one that was cut. Options are skipped, checksums
 * are not verified. Refused: headers shorter than 20 bytes or cut off.
 */
import { META_TRUNCATED } from '../columns.ts';
import { FATE_FRAGMENT, fateOf } from '../fate.ts';
import { clip, int32, type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { IP_PROTOCOLS } from '../protocolnumbers.ts';
import { IPV6 } from './ipv6.ts';

export const IP = protocol({
  name: 'IP',
  linkTypes: [228, 229],
  etherTypes: [0x0800, 0x86dd],
  pppProtocols: [0x0021, 0x0057],
  notes: 'the version is read from its first bits, whatever the layer below says; IPv4 with options',
  decode: ip,
});

const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FRAGMENT = 6;
const PROTOCOL = 9;
const SOURCE = 12;
const DESTINATION = 16;
const MIN_HEADER = 20;

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;
/** No path requires a fragment other than the last to be smaller than this (Zeek's limit). */
const MIN_FRAGMENT = 64;
/** Next-header value "none"; Zeek applies it to IPv4 as well. */
const NO_NEXT = 59;

const TRUNCATED_IP = ~fateOf('truncated_IP');
const UNKNOWN_VERSION = ~fateOf('unknown_ip_version');
const INVALID_HEADER_SIZE = ~fateOf('invalid_IP_header_size');
const TRUNCATED_HEADER = ~fateOf('internally_truncated_header');
const SMALL_HEADER = ~fateOf('IPv4_min_header_size');
const INCOMPLETE_FRAGMENT = ~fateOf('incompletely_captured_fragment');
const NO_NEXT_HEADER = ~fateOf('ipv6_no_next');

/** An IP packet of either version, by its first four bits, whatever the layer below says. */
function ip(c: PacketCursor): number {
  const { bytes, pos: start } = c;
  const captured = c.end - start;
  if (captured < MIN_HEADER) return TRUNCATED_IP;
  const first = bytes[start];
  if (first >> 4 !== 4) return first >> 4 === 6 ? IPV6.code : UNKNOWN_VERSION;

  const header = (first & 15) << 2;
  let total = uint16(bytes, start + TOTAL_LENGTH);
  if (total === 0) {
    c.odd('ip_hdr_len_zero', '');
    total = c.wireEnd - start;
    c.sized = 0;
  }
  if (header > total) return INVALID_HEADER_SIZE;
  if (header > captured) return TRUNCATED_HEADER;
  if (header < MIN_HEADER) return SMALL_HEADER;

  c.v6 = 0;
  c.src3 = int32(bytes, start + SOURCE);
  c.dst3 = int32(bytes, start + DESTINATION);
  const proto = bytes[start + PROTOCOL];
  c.proto = proto;
  c.mark = uint16(bytes, start + IDENTIFICATION);
  c.ipLen = total;
  c.announced = total - header;
  c.pos = start + header;
  if (start + total > c.wireEnd) c.odd('truncated_IP_len', '');
  const whole = clip(c, start, total);
  if (!whole) c.meta |= META_TRUNCATED;

  const fragment = uint16(bytes, start + FRAGMENT);
  if ((fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) !== 0) {
    if (whole) {
      if ((fragment & DONT_FRAGMENT) !== 0) c.odd('fragment_with_DF', '');
      c.fragId = c.mark;
      c.fragOffset = (fragment & FRAGMENT_OFFSET) << 3;
      c.fragLength = total - header;
      c.fragMore = (fragment & MORE_FRAGMENTS) === 0 ? 0 : 1;
      c.fragHeaderLen = header;
      if (c.fragMore === 1 && total < MIN_FRAGMENT) c.odd('excessively_small_fragment', `${total} bytes`);
      return ~FATE_FRAGMENT;
    }
    // A datagram with bytes missing can never be joined; its first fragment still shows the transport header.
    if ((fragment & FRAGMENT_OFFSET) !== 0) return INCOMPLETE_FRAGMENT;
    c.odd('incompletely_captured_fragment', 'first fragment, taken as a packet');
  }
  if (proto === NO_NEXT) return NO_NEXT_HEADER;
  return IP_PROTOCOLS.next(proto, c);
}
