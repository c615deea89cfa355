/**
 * IPv6 (RFC 8200) with its extension headers: hop-by-hop, routing, destination
 * options and AH are skipped, a fragment header ends the packet unless it is
 * atomic (RFC 6946). A routing header of type 0 or 2 with segments left names the
 * final destination, and a home address option (RFC 6275) the source, as in Zeek.
 *
 * An extension header that is longer than its packet is taken for the transport, as in Zeek: the packet then belongs to
 * a flow without ports. One that was not captured whole hides the transport, and the packet belongs to no flow. ESP and
 * mobility headers cannot be decoded further: such packets are flows of those protocols.
 *
 * A payload length of 0 means that of the jumbo payload option (RFC 2675), or else (segmentation offload) the bytes that
 * were on the wire. A length beyond them is reported, and the packet is one that was cut.
 */
import { META_TRUNCATED } from '../columns.ts';
import { FATE_FRAGMENT, fateOf } from '../fate.ts';
import { clip, int32, type PacketCursor, uint16 } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { IP_PROTOCOLS } from '../protocolnumbers.ts';

export const IPV6 = protocol({
  name: 'IPv6',
  toldBy: 'version 6 of IP',
  notes:
    'hop-by-hop, routing, destination options and AH, fragments, home address and routing header types 0 and 2; packets of ESP and with a mobility header are flows without ports, which Zeek does not have',
  decode: ipv6,
});

const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const SOURCE = 8;
const DESTINATION = 24;
const HEADER = 40;

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const ESP = 50;
const AH = 51;
const NO_NEXT = 59;
const DESTINATION_OPTIONS = 60;
const MOBILITY = 135;

const FRAGMENT_HEADER = 8;
const ESP_HEADER = 8;
const MIN_FRAGMENT = 64;
const HOME_ADDRESS = 201;
const PAD_1 = 0;
const JUMBO_PAYLOAD = 194;
/** Payload that the length field can say: a jumbogram has more. */
const MAX_LENGTH = 0xffff;
/** The largest jumbogram that any system sends (Linux: eight times 64 KiB); one beyond the wire that says more is not cut, but none. */
const MAX_JUMBO = 8 * 0x10000;
/** The most bytes that can lie behind a header alone in an Ethernet frame: padding to 60 bytes, and a frame check sequence. */
const MAX_TRAILER = 10;
/** By next-header value: 1 for extension headers that are skipped, and the fragment header. */
const EXTENSIONS = new Uint8Array(256);
for (const type of [HOP_BY_HOP, ROUTING, FRAGMENT, AH, DESTINATION_OPTIONS]) EXTENSIONS[type] = 1;

const TRUNCATED_IP = ~fateOf('truncated_IP');
const INVALID_HEADER_SIZE = ~fateOf('invalid_IP_header_size');
const TRUNCATED_HEADER = ~fateOf('internally_truncated_header');
const INCOMPLETE_FRAGMENT = ~fateOf('incompletely_captured_fragment');
const NO_NEXT_HEADER = ~fateOf('ipv6_no_next');

/** Length in bytes of extension header `type` at `at`, two bytes of which are captured; 0 if `type` is not one. */
function extensionLength(type: number, bytes: Uint8Array, at: number): number {
  switch (type) {
    case HOP_BY_HOP:
    case ROUTING:
    case DESTINATION_OPTIONS:
    case MOBILITY:
      return 8 + 8 * bytes[at + 1];
    case AH:
      return 8 + 4 * bytes[at + 1];
    case FRAGMENT:
      return FRAGMENT_HEADER;
    case ESP:
      return ESP_HEADER;
    default:
      return 0;
  }
}

/** Take the final destination out of a routing header of `length` bytes: its last 16 bytes, for the known types. */
function routing(c: PacketCursor, at: number, length: number): void {
  const { bytes } = c;
  const type = bytes[at + 2];
  const size = bytes[at + 1];
  if (type === 0) c.odd('routing0_hdr', '');
  if (bytes[at + 3] === 0 || size < 2) return;
  if ((type === 0 && size % 2 === 0) || (type === 2 && size === 2)) {
    const last = at + length - 16;
    c.dst0 = int32(bytes, last);
    c.dst1 = int32(bytes, last + 4);
    c.dst2 = int32(bytes, last + 8);
    c.dst3 = int32(bytes, last + 12);
  }
}

/** Take the home address out of a destination options header that ends at `end`. */
function destinationOptions(c: PacketCursor, at: number, end: number): void {
  const { bytes } = c;
  let option = at + 2;
  while (option < end) {
    const type = bytes[option];
    if (type === 0) {
      option++;
      continue;
    }
    if (option + 2 > end || option + 2 + bytes[option + 1] > end) {
      c.odd('bad_ipv6_dest_opt_len', '');
      return;
    }
    if (type === HOME_ADDRESS && bytes[option + 1] === 16) {
      c.src0 = int32(bytes, option + 2);
      c.src1 = int32(bytes, option + 6);
      c.src2 = int32(bytes, option + 10);
      c.src3 = int32(bytes, option + 14);
    }
    option += 2 + bytes[option + 1];
  }
}

/**
 * Skip extension headers from `c.pos` on, the first of which is `type`, up to a
 * fragment, ESP or mobility header or the transport.
 *
 * @returns the type of the header at `c.pos`
 */
function skipExtensions(c: PacketCursor, type: number): number {
  const { bytes, end } = c;
  let routed = false;
  while (end - c.pos >= 2) {
    if (type === FRAGMENT || type === ESP || type === MOBILITY) return type;
    const at = c.pos;
    const length = extensionLength(type, bytes, at);
    if (length === 0 || length > end - at) return type;
    if (type === ROUTING) {
      if (routed) c.odd('multiple_routing_headers', '');
      else routing(c, at, length);
      routed = true;
    } else if (type === DESTINATION_OPTIONS) {
      destinationOptions(c, at, at + length);
    }
    c.pos = at + length;
    type = bytes[at];
  }
  return type;
}

/** What follows the header of `type` at `c.pos`, after all extensions. */
function upperLayer(c: PacketCursor, type: number): number {
  c.proto = type;
  if (type === NO_NEXT) return NO_NEXT_HEADER;
  return IP_PROTOCOLS.next(type, c);
}

/**
 * What follows the fragment header of a whole datagram: further extension headers and the transport. `c.announced` is
 * reduced by what is skipped. A fragment header inside it is not joined again: directly after the first it ends the
 * extension headers, as in Zeek, and further on it is skipped.
 *
 * @param type the next-header value of the fragment header
 */
export function ipv6Fragmentable(c: PacketCursor, type: number): number {
  const start = c.pos;
  if (type === FRAGMENT && c.end - start >= FRAGMENT_HEADER) {
    c.proto = c.bytes[start];
    c.pos = start + FRAGMENT_HEADER;
    c.announced -= FRAGMENT_HEADER;
    return c.proto === NO_NEXT ? NO_NEXT_HEADER : IP_PROTOCOLS.next(c.proto, c);
  }
  let last = skipExtensions(c, type);
  while (last === FRAGMENT && c.end - c.pos >= FRAGMENT_HEADER) {
    last = c.bytes[c.pos];
    c.pos += FRAGMENT_HEADER;
    last = skipExtensions(c, last);
  }
  c.announced -= c.pos - start;
  return upperLayer(c, last);
}

/** A packet with a fragment header at `c.pos`. */
function fragment(c: PacketCursor, start: number, cut: boolean, total: number): number {
  const { bytes } = c;
  const at = c.pos;
  const offset = uint16(bytes, at + 2) & 0xfff8;
  const more = bytes[at + 3] & 1;
  const header = at - start;
  c.proto = bytes[at];
  c.pos = at + FRAGMENT_HEADER;
  c.announced = total - header - FRAGMENT_HEADER;
  if (cut) {
    if (offset !== 0) return INCOMPLETE_FRAGMENT;
    c.odd('incompletely_captured_fragment', 'first fragment, taken as a packet');
    return c.proto === NO_NEXT ? NO_NEXT_HEADER : IP_PROTOCOLS.next(c.proto, c);
  }
  if (offset === 0 && more === 0) {
    c.ipLen = total - FRAGMENT_HEADER;
    return ipv6Fragmentable(c, c.proto);
  }
  c.fragId = int32(bytes, at + 4);
  c.fragOffset = offset;
  c.fragLength = c.announced;
  c.fragMore = more;
  c.fragHeaderLen = header;
  if (more === 1 && total < MIN_FRAGMENT) c.odd('excessively_small_fragment', `${total} bytes`);
  return ~FATE_FRAGMENT;
}

/**
 * Payload length by the jumbo payload option of the hop-by-hop header at `at`; 0 without a valid one.
 * @param wire bytes on the wire behind the IPv6 header
 */
function jumboLength(bytes: Uint8Array, at: number, captured: number, wire: number): number {
  if (captured - at < 2) return 0;
  const end = Math.min(captured, at + extensionLength(HOP_BY_HOP, bytes, at));
  for (let option = at + 2; option + 2 <= end; ) {
    if (bytes[option] === PAD_1) {
      option++;
      continue;
    }
    if (bytes[option] === JUMBO_PAYLOAD && bytes[option + 1] === 4 && option + 6 <= end) {
      const length = int32(bytes, option + 2) >>> 0;
      return length > MAX_LENGTH && length <= Math.max(wire, MAX_JUMBO) ? length : 0;
    }
    option += 2 + bytes[option + 1];
  }
  return 0;
}

/** Length of the packet at `start` whose header says a payload length of 0. */
function unsizedLength(c: PacketCursor, start: number): number {
  const next = c.bytes[start + NEXT_HEADER];
  if (next === HOP_BY_HOP) {
    const jumbo = jumboLength(c.bytes, start + HEADER, c.end, c.wireEnd - start - HEADER);
    if (jumbo !== 0) return HEADER + jumbo;
  }
  const length = c.wireEnd - start;
  return next === NO_NEXT || length <= HEADER + MAX_TRAILER ? HEADER : length;
}

function ipv6(c: PacketCursor): number {
  const { bytes, pos: start } = c;
  const captured = c.end - start;
  if (captured < HEADER) return TRUNCATED_IP;
  const payload = uint16(bytes, start + PAYLOAD_LENGTH);
  const total = payload === 0 ? unsizedLength(c, start) : payload + HEADER;
  if (payload === 0) c.sized = 0;
  c.v6 = 1;
  c.mark = 0;
  c.src0 = int32(bytes, start + SOURCE);
  c.src1 = int32(bytes, start + SOURCE + 4);
  c.src2 = int32(bytes, start + SOURCE + 8);
  c.src3 = int32(bytes, start + SOURCE + 12);
  c.dst0 = int32(bytes, start + DESTINATION);
  c.dst1 = int32(bytes, start + DESTINATION + 4);
  c.dst2 = int32(bytes, start + DESTINATION + 8);
  c.dst3 = int32(bytes, start + DESTINATION + 12);
  c.ipLen = total;
  c.pos = start + HEADER;
  const type = skipExtensions(c, bytes[start + NEXT_HEADER]);
  const isFragment = type === FRAGMENT && c.end - c.pos >= FRAGMENT_HEADER;
  if (c.pos - start + (isFragment ? FRAGMENT_HEADER : 0) > total) return INVALID_HEADER_SIZE;
  c.announced = total - (c.pos - start);
  if (start + total > c.wireEnd) c.odd('truncated_IP_len', '');
  const whole = clip(c, start, total);
  if (!whole) c.meta |= META_TRUNCATED;
  if (isFragment) return fragment(c, start, !whole, total);
  return !whole && EXTENSIONS[type] === 1 ? TRUNCATED_HEADER : upperLayer(c, type);
}
