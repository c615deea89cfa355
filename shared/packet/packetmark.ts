/**
 * The mark of a packet: what tells it from others of its flow with the same lengths, sequence numbers, flags and window.
 * The same packet captured twice has the same mark, also where a router between has changed TTL, DSCP and checksums, or
 * a network card has left checksums to be filled in.
 *
 * TCP: the identification of the IPv4 header; where it is 0, and in IPv6, which has none, 16 bits of a hash of the
 * options. Few values, most of them one more than the last: they take next to nothing in shards.
 *
 * Others: a hash of the identification and of the bytes behind the IP header, ports and checksum aside: the first 24
 * and the last 8 that were captured, in between of a longer packet nothing. Two datagrams of the same lengths that
 * differ in these have the same mark with a chance of 1 in 2^32. The identification alone is not enough: many senders
 * leave it 0, or give all packets the same.
 */
import { IPPROTO_TCP } from './flow/flowtable.ts';
import { int32, type PacketCursor, uint16 } from './packetcursor.ts';

const ICMP = 1;
const UDP = 17;
const ICMPV6 = 58;
const SCTP = 132;

const TCP_DATA_OFFSET = 12;
const TCP_OPTIONS = 20;
const UDP_PAYLOAD = 8;
/** Behind type, code and checksum. */
const ICMP_REST = 4;
/** Behind ports, tag and checksum. */
const SCTP_CHUNKS = 12;

/** Bytes that are hashed at the beginning and at the end. */
const FIRST = 24;
const LAST = 8;

/** The mark of the packet under the cursor, whose transport header begins at `c.transport`: 32 bits, unsigned. */
export function packetMark(c: PacketCursor): number {
  const { bytes, transport: at, end, ipId } = c;
  switch (c.proto) {
    case IPPROTO_TCP: {
      if (ipId !== 0 || end - at <= TCP_OPTIONS) return ipId;
      const optionsEnd = Math.min(end, at + ((bytes[at + TCP_DATA_OFFSET] >> 4) << 2));
      return optionsEnd <= at + TCP_OPTIONS ? 0 : hashOf(bytes, at + TCP_OPTIONS, optionsEnd, 0) >>> 16;
    }
    case UDP:
      return hashOf(bytes, at + UDP_PAYLOAD, end, ipId) >>> 0;
    case ICMP:
    case ICMPV6:
      // Types that are answers to each other make one flow, whatever their codes.
      return hashOf(bytes, at + ICMP_REST, end, ipId ^ (uint16(bytes, at) << 16)) >>> 0;
    case SCTP:
      return hashOf(bytes, at + SCTP_CHUNKS, end, ipId) >>> 0;
    default:
      return hashOf(bytes, at, end, ipId) >>> 0;
  }
}

/** Hash of `seed` and of the bytes from `from` to `end`: the first 24 and the last 8. Signed. */
function hashOf(bytes: Uint8Array, from: number, end: number, seed: number): number {
  let hash = Math.imul(seed ^ 0x2545f491, 0x9e3779b1);
  const firstEnd = Math.min(end, from + FIRST);
  let at = from;
  for (; at + 4 <= firstEnd; at += 4) {
    hash = Math.imul(hash ^ int32(bytes, at), 0x85ebca77);
    hash ^= hash >>> 15;
  }
  if (end - at >= LAST) at = end - LAST;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ int32(bytes, at), 0x85ebca77);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at], 0xc2b2ae3d);
  hash ^= hash >>> 16;
  return Math.imul(hash, 0x27d4eb2f) ^ (hash >>> 13);
}
