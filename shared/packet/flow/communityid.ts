/**
 * Community ID, version 1 (Corelight's specification): "1:" and the base64 of the SHA-1 over seed, both addresses,
 * protocol, a zero byte and, for protocols that have them, both ports, in network byte order. The ends are ordered as
 * in the flow keys; a one-way ICMP message keeps its own direction.
 */
import { hash } from 'node:crypto';
import {
  hasPorts,
  KEY_ADDR_A,
  KEY_ADDR_B,
  KEY_FLAG_ONE_WAY_FROM_B,
  KEY_FLAG_V6,
  KEY_PORTS,
  KEY_PROTO,
} from './flowtable.ts';

const ICMP = 1;
const ICMPV6 = 58;

/** Longest input: seed, two IPv6 addresses, protocol and padding, two ports. */
const input = new Uint8Array(2 + 32 + 2 + 4);
const view = new DataView(input.buffer);
/** Views of the four possible lengths, so that none is allocated per flow. */
const INPUT_V4 = input.subarray(0, 12);
const INPUT_V4_PORTS = input.subarray(0, 16);
const INPUT_V6 = input.subarray(0, 36);
const INPUT_V6_PORTS = input;

/**
 * Community ID of the flow whose key words are in `words` at `at`.
 *
 * @param seed 0..65535, 0 unless sites agree on another
 * @param encoding how the hash is written; the specification's default is base64
 */
export function communityId(words: Uint32Array, at: number, seed = 0, encoding: 'base64' | 'hex' = 'base64'): string {
  const flags = words[at + KEY_PROTO];
  const proto = flags & 0xff;
  const fromB = (flags & KEY_FLAG_ONE_WAY_FROM_B) !== 0;
  const source = at + (fromB ? KEY_ADDR_B : KEY_ADDR_A);
  const destination = at + (fromB ? KEY_ADDR_A : KEY_ADDR_B);
  view.setUint16(0, seed);
  let end = 2;
  for (let i = (flags & KEY_FLAG_V6) === 0 ? 3 : 0; i < 4; i++, end += 4) view.setUint32(end, words[source + i]);
  for (let i = (flags & KEY_FLAG_V6) === 0 ? 3 : 0; i < 4; i++, end += 4) view.setUint32(end, words[destination + i]);
  input[end] = proto;
  input[end + 1] = 0;
  const ported = hasPorts(proto) || proto === ICMP || proto === ICMPV6;
  if (ported) {
    const ports = words[at + KEY_PORTS];
    view.setUint32(end + 2, fromB ? (ports << 16) | (ports >>> 16) : ports);
  }
  const bytes = end === 10 ? (ported ? INPUT_V4_PORTS : INPUT_V4) : ported ? INPUT_V6_PORTS : INPUT_V6;
  return `1:${hash('sha1', bytes, encoding)}`;
}
