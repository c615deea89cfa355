/** Addresses of hosts whose packets are left out of results. */
import { isIPv4, isIPv6 } from 'node:net';
import { ipv4Text, ipv6Text } from './address.ts';
import type { PacketCursor } from './packetcursor.ts';

/** Words before the IPv4 address in an IPv4-mapped one (RFC 4291, 2.5.5.2). */
const MAPPED = 0xffff;

/**
 * The four 32-bit words of an address; an IPv4 address is in the last, as an IPv4-mapped one.
 * @returns undefined for text that is no address, or has a zone
 */
function wordsOf(text: string): Uint32Array | undefined {
  if (isIPv4(text)) return Uint32Array.of(0, 0, MAPPED, ipv4Number(text));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const dotted = /[^:]*[.][^:]*$/.exec(text)?.[0];
  const number = dotted === undefined ? 0 : ipv4Number(dotted);
  const plain =
    dotted === undefined
      ? text
      : `${text.slice(0, -dotted.length)}${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`;
  const [before, behind] = plain.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const groups =
    behind === undefined
      ? before
      : [...before, ...new Array<string>(8 - before.length - behind.length).fill('0'), ...behind];
  return Uint32Array.from(
    { length: 4 },
    (_, word) => Number.parseInt(groups[2 * word], 16) * 0x10000 + Number.parseInt(groups[2 * word + 1], 16),
  );
}

function ipv4Number(text: string): number {
  return text.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
}

const isV4 = (words: Uint32Array): boolean => words[0] === 0 && words[1] === 0 && words[2] === MAPPED;

/** An address in the form that the tables have; undefined for text that is none. */
export function canonicalAddress(text: string): string | undefined {
  const words = wordsOf(text);
  if (words === undefined) return undefined;
  return isV4(words) ? ipv4Text(words[3]) : ipv6Text(words, 0);
}

/** A set of hosts. An IPv4-mapped address is the IPv4 address, as in the tables. */
export class HostSet {
  /** Words of the hosts, by the last one: however many there are, a packet is compared with few. */
  private readonly byLast = new Map<number, Uint32Array[]>();
  /** Their bytes as a header has them: of IPv4 addresses four. */
  private readonly patterns: readonly Buffer[];

  /** @throws Error for text that is no address */
  constructor(addresses: readonly string[]) {
    const hosts = addresses.map((text) => {
      const words = wordsOf(text);
      if (words === undefined) throw new Error(`'${text}' is no address`);
      return words;
    });
    for (const host of hosts) this.byLast.set(host[3], [...(this.byLast.get(host[3]) ?? []), host]);
    this.patterns = hosts.map((words) => {
      const bytes = Buffer.alloc(16);
      for (const [at, word] of words.entries()) bytes.writeUInt32BE(word, 4 * at);
      return isV4(words) ? bytes.subarray(12) : bytes;
    });
  }

  /** Whether one of the ends of the IP packet under the cursor is one of them. */
  hasEnd(c: PacketCursor): boolean {
    if (c.v6 === 0) return this.has(0, 0, MAPPED, c.src3) || this.has(0, 0, MAPPED, c.dst3);
    return this.has(c.src0, c.src1, c.src2, c.src3) || this.has(c.dst0, c.dst1, c.dst2, c.dst3);
  }

  /** Whether bytes [from, to) hold the address of one of them, wherever. */
  isIn(bytes: Uint8Array, from: number, to: number): boolean {
    const part = Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.max(0, to - from));
    return this.patterns.some((pattern) => part.includes(pattern));
  }

  /** Words signed or not. */
  private has(w0: number, w1: number, w2: number, w3: number): boolean {
    const alike = this.byLast.get(w3 >>> 0);
    if (alike === undefined) return false;
    for (const host of alike) if (host[2] === w2 >>> 0 && host[1] === w1 >>> 0 && host[0] === w0 >>> 0) return true;
    return false;
  }
}
