/**
 * Addresses as text, as Zeek's logs have them: IPv4 dotted, IPv6 in the canonical
 * form of RFC 5952. An IPv4-mapped address is the IPv4 address that it maps, and an
 * IPv4-compatible one has its low 32 bits dotted, as inet_ntop prints them.
 */
import { KEY_FLAG_V6, KEY_PROTO } from './flow/flowtable.ts';

const BYTES: string[] = [];
for (let byte = 0; byte < 256; byte++) BYTES.push(String(byte));

/** Dotted text of an IPv4 address given as a 32-bit number, signed or not. */
export function ipv4Text(address: number): string {
  return `${BYTES[address >>> 24]}.${BYTES[(address >>> 16) & 255]}.${BYTES[(address >>> 8) & 255]}.${BYTES[address & 255]}`;
}

/** Group `i` (0..7) of the IPv6 address whose four words are in `words` at `at`. */
function group(words: Uint32Array, at: number, i: number): number {
  const word = words[at + (i >> 1)];
  return (i & 1) === 0 ? word >>> 16 : word & 0xffff;
}

/** Canonical text of the IPv6 address whose four 32-bit words are in `words` at `at`. */
export function ipv6Text(words: Uint32Array, at: number): string {
  // The longest run of zero groups, the first of equals; a single group is written out.
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && group(words, at, end) === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    i = end + 1;
  }
  if (start === 0 && length === 5 && group(words, at, 5) === 0xffff) return ipv4Text(words[at + 3]);
  const embedded = start === 0 && length === 6;
  const groups = embedded ? 6 : 8;
  let text = '';
  for (let i = 0; i < groups; i++) {
    if (i === start) {
      text += '::';
      i += length - 1;
    } else {
      if (text !== '' && i !== start + length) text += ':';
      text += group(words, at, i).toString(16);
    }
  }
  return embedded ? text + ipv4Text(words[at + 3]) : text;
}

/**
 * Text of one end's address of a flow key.
 *
 * @param words key words of the flow table, the key's first at `key`
 * @param end KEY_ADDR_A or KEY_ADDR_B
 */
export function addressText(words: Uint32Array, key: number, end: number): string {
  return (words[key + KEY_PROTO] & KEY_FLAG_V6) === 0 ? ipv4Text(words[key + end + 3]) : ipv6Text(words, key + end);
}
