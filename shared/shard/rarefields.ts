/**
 * The `more` column: fields that few rows of a shard have. Empty, or one byte of RARE_* bits and then, in this order
 * and big-endian, the fields of these bits:
 *
 *   key      1 byte form (bit 0 IPv6, bit 1 one-way ICMP, bit 2 sent by end B, bit 7 VLAN and network words follow), 1 byte IP protocol,
 *            4 bytes ports, both addresses (4 or 16 bytes each), then 8 bytes VLAN and network words if said
 *   time     8 bytes: the whole difference as a double, where it is negative or beyond 32 bits
 *   offset   8 bytes: likewise
 *   capture  4 bytes: number of the capture from this row on
 *   tags     4 bytes: VLAN columns (outer, inner) of this flow from this row on, then 1 to 75 bytes: the tunnel
 *            (packet/flow/tunneltable.ts) of this direction of it
 *   hint     1 byte
 *   age      4 bytes microseconds, 2 bytes nanoseconds
 */
import { int32, put32 } from '../algorithm/bytes.ts';
import { KEY_FLAG_V6, KEY_NETWORK, KEY_PORTS, KEY_PROTO, KEY_VLAN } from '../packet/flow/flowtable.ts';
import { MAX_TUNNEL_BYTES } from '../packet/flow/tunneltable.ts';

export const RARE_KEY = 0x01;
export const RARE_TIME = 0x02;
export const RARE_OFFSET = 0x04;
export const RARE_CAPTURE = 0x08;
export const RARE_TAGS = 0x10;
export const RARE_HINT = 0x20;
export const RARE_AGE = 0x40;

/** The most bytes one row can have. */
export const MAX_RARE_BYTES = 1 + (2 + 4 + 32 + 8) + 8 + 8 + 4 + (4 + MAX_TUNNEL_BYTES) + 1 + 6;

/** The form byte holds the flags of the key's protocol word (KEY_FLAG_*, moved down), and this. */
const FORM_EXTENDED = 0x80;
const FORM_V6 = KEY_FLAG_V6 >> 8;

/** Writes the key whose words begin at `from`. @returns the offset behind it */
export function putKey(words: Uint32Array, from: number, out: Uint8Array, to: number): number {
  const proto = words[from + KEY_PROTO];
  const v6 = (proto & KEY_FLAG_V6) !== 0;
  const extended = (words[from + KEY_VLAN] | words[from + KEY_NETWORK]) !== 0;
  out[to++] = (proto >>> 8) | (extended ? FORM_EXTENDED : 0);
  out[to++] = proto & 0xff;
  to = put32(out, to, words[from + KEY_PORTS]);
  for (let i = v6 ? 0 : 3; i < 4; i++) to = put32(out, to, words[from + i]);
  for (let i = v6 ? 4 : 7; i < 8; i++) to = put32(out, to, words[from + i]);
  if (extended) {
    to = put32(out, to, words[from + KEY_VLAN]);
    to = put32(out, to, words[from + KEY_NETWORK]);
  }
  return to;
}

/** Reads the key at `at` into KEY_WORDS words. @returns the offset behind it */
export function getKey(bytes: Uint8Array, at: number, words: Uint32Array): number {
  const form = bytes[at];
  words.fill(0);
  words[KEY_PROTO] = bytes[at + 1] | ((form & ~FORM_EXTENDED) << 8);
  words[KEY_PORTS] = int32(bytes, at + 2);
  at += 6;
  for (let i = (form & FORM_V6) !== 0 ? 0 : 3; i < 4; i++, at += 4) words[i] = int32(bytes, at);
  for (let i = (form & FORM_V6) !== 0 ? 4 : 7; i < 8; i++, at += 4) words[i] = int32(bytes, at);
  if ((form & FORM_EXTENDED) !== 0) {
    words[KEY_VLAN] = int32(bytes, at);
    words[KEY_NETWORK] = int32(bytes, at + 4);
    at += 8;
  }
  return at;
}

const double = new DataView(new ArrayBuffer(8));

export function putDouble(out: Uint8Array, at: number, value: number): number {
  double.setFloat64(0, value);
  for (let i = 0; i < 8; i++) out[at + i] = double.getUint8(i);
  return at + 8;
}

export function getDouble(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) double.setUint8(i, bytes[at + i]);
  return double.getFloat64(0);
}
