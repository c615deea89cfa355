/**
 * The mark of a packet: what tells it from others of its flow with the same lengths, sequence numbers, flags and window.
 * The same packet captured twice has the same mark, also where a router between has changed TTL, DSCP and checksums, or
 * a network card has left checksums to be filled in. 16 bits: most take next to nothing in shards, those of datagrams
 * two bytes each, which is a fifth of their record.
 *
 * TCP: the identification of the IPv4 header; where it is 0, and in IPv6, which has none, a hash of the options.
 *
 * Others: a hash of the identification and of the bytes behind the IP header, ports and checksum aside: the first 24
 * and the last 8 that were captured, in between of a longer packet nothing. Two datagrams of the same lengths that
 * differ in these have the same mark with a chance of 1 in 65,536. The identification alone is not enough: many senders
 * leave it 0, or give all packets the same.
 */
import { int32 } from '../algorithm/bytes.ts';

/** Bytes that are hashed at the beginning and at the end. */
const FIRST = 24;
const LAST = 8;

/**
 * The mark of the bytes from `from` to `end`, of which not all are hashed, and of an identification; without any bytes
 * the identification.
 */
export function contentMark(bytes: Uint8Array, from: number, end: number, id: number): number {
  if (from >= end) return id;
  // A polynomial, of which the upper bits depend on all: one multiplication a word, since it runs for every datagram.
  // Not 0, so that zeros in front count by their number.
  let hash = id ^ 0x2545f491;
  const firstEnd = Math.min(end, from + FIRST);
  let at = from;
  for (; at + 4 <= firstEnd; at += 4) hash = (Math.imul(hash, 0x9e3779b1) + int32(bytes, at)) | 0;
  if (end - at >= LAST) at = end - LAST;
  for (; at + 4 <= end; at += 4) hash = (Math.imul(hash, 0x9e3779b1) + int32(bytes, at)) | 0;
  for (; at < end; at++) hash = (Math.imul(hash, 0x9e3779b1) + bytes[at]) | 0;
  return Math.imul(hash, 0x85ebca77) >>> 16;
}
