/**
 * The flow table: dense numbers for flow keys.
 *
 * A key is an innermost 5-tuple with its ends in canonical order (end A has the smaller address, or at equal addresses
 * the smaller port), plus the VLAN and virtual network when the configuration puts them into the key. It is kept as
 * twelve 32-bit words, so that a lookup needs no object and no string.
 */
import { finish } from '../../algorithm/murmur.ts';
import { draw, hashOfSums, hashOfWords } from './keyhash.ts';
import { TunnelTable } from './tunneltable.ts';

/** 32-bit words a key takes. */
export const KEY_WORDS = 12;
/** Word index of end A's address: four words, IPv4 in the last, the others 0. */
export const KEY_ADDR_A = 0;
/** Word index of end B's address. */
export const KEY_ADDR_B = 4;
/** Word index of the ports: A's in the high half, B's in the low half. */
export const KEY_PORTS = 8;
/** Word index of the protocol: IP protocol in bits 0..7, KEY_FLAG_* bits above. */
export const KEY_PROTO = 9;
/** Word index of the VLANs in the key: (outer id + 1) in the low half, (inner id + 1) in the high half; 0 if not part of the key. */
export const KEY_VLAN = 10;
/** Word index of the innermost virtual network (VNI + 1) in the key; 0 without one, or if not part of the key. */
export const KEY_NETWORK = 11;

/** Protocol-word flag: the addresses are IPv6. */
export const KEY_FLAG_V6 = 0x100;
/** Protocol-word flag: a one-way ICMP flow, whose second "port" is the code (Zeek's rule). */
export const KEY_FLAG_ONE_WAY = 0x200;

/**
 * Protocol-word flag, only beside KEY_FLAG_ONE_WAY: end B sends, else end A. The two directions of a one-way
 * message are two flows, and (type, code) one way may read like (code, type) the other way.
 */
export const KEY_FLAG_ONE_WAY_FROM_B = 0x400;

/** Which part of a key decides its bucket: everything, the tuple without the protocol, or the two addresses alone. */
export type ShardBy = '5tuple' | '4tuple' | '2tuple';

/** How flows are assigned to buckets: fixed for a data set. */
export interface Sharding {
  /** Number of buckets P. */
  buckets: number;
  /** Seed of the shard hash, 32 bits. */
  seed: number;
  by: ShardBy;
}

/** Numbers of IP protocols (IANA). SCTP's ports are no part of a flow (sctp.ts). */
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_SCTP = 132;

/** Both ports of the key at word `at` as a session shows them: none for SCTP, whose keys have them for the Community ID alone. */
export function shownPorts(words: Uint32Array, at: number): number {
  return (words[at + KEY_PROTO] & 0xff) === IPPROTO_SCTP ? 0 : words[at + KEY_PORTS];
}

/** IP protocols that have ports: TCP, UDP, SCTP. Only their ports enter the shard hash. */
export function hasPorts(proto: number): boolean {
  return proto === IPPROTO_TCP || proto === IPPROTO_UDP || proto === IPPROTO_SCTP;
}

/** This process's random numbers. */
const DRAWN = draw(KEY_WORDS);

/** One round of murmur3's 32-bit mixing. */
function mix(h: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  h ^= Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

/**
 * The hash that decides a flow's bucket: version 1, with the data set's seed. Results never depend on it, only which
 * task does the work. It must stay the same in every process and over years, so an attacker who knows the seed can
 * construct flows that all go into one bucket. That costs balance only: a heavy bucket is a partition of its own, and
 * its tables have hashes of their own (keyhash.ts).
 *
 * @param words key words, read from `at`
 * @returns unsigned 32-bit hash
 */
export function shardHash(words: Uint32Array, at: number, seed: number, by: ShardBy): number {
  let h = seed | 0;
  for (let i = 0; i < 8; i++) h = mix(h, words[at + i]);
  if (by !== '2tuple') {
    const proto = words[at + KEY_PROTO] & 0xff;
    if (hasPorts(proto)) h = mix(h, words[at + KEY_PORTS]);
    if (by === '5tuple') h = mix(h, proto);
    h = mix(h, words[at + KEY_VLAN]);
    h = mix(h, words[at + KEY_NETWORK]);
  }
  return finish(h) >>> 0;
}

/** Bucket of a shard hash: equal slices of the hash space, numbered in hash order. */
export function bucketOf(hash: number, buckets: number): number {
  return Math.floor((hash * buckets) / 0x100000000);
}

/** Flow keys with dense numbers 0, 1, 2, ... in order of first lookup. */
export class FlowTable {
  /** Flows known. */
  count = 0;
  /** Key words of flow f are at f * KEY_WORDS. */
  words: Uint32Array;
  /** The tunnels of the packets whose flow numbers are this table's. */
  readonly tunnels = new TunnelTable();
  /** The same words as signed numbers: comparing these, V8 boxes no address or port. */
  private signed: Int32Array;
  /** Two numbers a slot, side by side so that a lookup touches one cache line: flow (-1: free) and hash of its key. */
  private slots: Int32Array;
  private mask: number;
  private readonly drawn: Int32Array;

  /** @param drawn random numbers of the hash for KEY_WORDS words; tests pass their own */
  constructor(expectedFlows = 1024, drawn: Int32Array = DRAWN) {
    this.drawn = drawn;
    let size = 1024;
    while (size < expectedFlows * 2) size *= 2;
    this.slots = new Int32Array(size * 2).fill(-1);
    this.mask = size - 1;
    this.words = new Uint32Array((size / 2) * KEY_WORDS);
    this.signed = new Int32Array(this.words.buffer);
  }

  /** Remove every flow, keep the memory. */
  clear(): void {
    this.count = 0;
    this.slots.fill(-1);
    this.tunnels.clear();
  }

  /**
   * The number of an IPv4 flow, added if it is new. All are 32-bit numbers, signed or unsigned; the addresses are
   * already in canonical (unsigned) order.
   */
  lookup4(a: number, b: number, ports: number, proto: number, vlan: number, network: number): number {
    a |= 0;
    b |= 0;
    ports |= 0;
    vlan |= 0;
    network |= 0;
    // hashOfWords inlined, as this runs for each packet. The numbers of a word begin at four times its index.
    const d = this.drawn;
    const aLow = a & 0xffff;
    const aHigh = a >>> 16;
    const bLow = b & 0xffff;
    const bHigh = b >>> 16;
    const portsLow = ports & 0xffff;
    const portsHigh = ports >>> 16;
    let one = (Math.imul(d[12], aLow) + Math.imul(d[13], aHigh)) | 0;
    let other = (Math.imul(d[14], aLow) + Math.imul(d[15], aHigh)) | 0;
    one = (one + Math.imul(d[28], bLow) + Math.imul(d[29], bHigh)) | 0;
    other = (other + Math.imul(d[30], bLow) + Math.imul(d[31], bHigh)) | 0;
    one = (one + Math.imul(d[32], portsLow) + Math.imul(d[33], portsHigh)) | 0;
    other = (other + Math.imul(d[34], portsLow) + Math.imul(d[35], portsHigh)) | 0;
    one = (one + Math.imul(d[36], proto)) | 0;
    other = (other + Math.imul(d[38], proto)) | 0;
    if ((vlan | network) !== 0) {
      one = (one + Math.imul(d[40], vlan & 0xffff) + Math.imul(d[41], vlan >>> 16)) | 0;
      other = (other + Math.imul(d[42], vlan & 0xffff) + Math.imul(d[43], vlan >>> 16)) | 0;
      one = (one + Math.imul(d[44], network & 0xffff) + Math.imul(d[45], network >>> 16)) | 0;
      other = (other + Math.imul(d[46], network & 0xffff) + Math.imul(d[47], network >>> 16)) | 0;
    }
    const h = hashOfSums(one, other);
    let slot = h & this.mask;
    for (;;) {
      const flow = this.slots[slot * 2];
      if (flow < 0) break;
      if (this.slots[slot * 2 + 1] === h) {
        const w = this.signed;
        const at = flow * KEY_WORDS;
        if (
          w[at + 3] === a &&
          w[at + 7] === b &&
          w[at + 8] === ports &&
          w[at + 9] === proto &&
          w[at + 10] === vlan &&
          w[at + 11] === network
        )
          return flow;
      }
      slot = (slot + 1) & this.mask;
    }
    const flow = this.insert(h, slot);
    const w = this.signed;
    const at = flow * KEY_WORDS;
    w[at] = w[at + 1] = w[at + 2] = 0;
    w[at + 3] = a;
    w[at + 4] = w[at + 5] = w[at + 6] = 0;
    w[at + 7] = b;
    w[at + 8] = ports;
    w[at + 9] = proto;
    w[at + 10] = vlan;
    w[at + 11] = network;
    return flow;
  }

  /** The number of the flow whose KEY_WORDS words are in `key` at `at`, added if it is new. Either IP version. */
  lookup(key: Uint32Array, at = 0): number {
    if ((key[at + KEY_PROTO] & KEY_FLAG_V6) === 0)
      return this.lookup4(key[at + 3], key[at + 7], key[at + 8], key[at + 9], key[at + 10], key[at + 11]);
    const h = hashOfWords(this.drawn, 0, key, at, KEY_WORDS);
    let slot = h & this.mask;
    for (;;) {
      const flow = this.slots[slot * 2];
      if (flow < 0) break;
      if (this.slots[slot * 2 + 1] === h && this.same(flow * KEY_WORDS, key, at)) return flow;
      slot = (slot + 1) & this.mask;
    }
    const flow = this.insert(h, slot);
    for (let i = 0; i < KEY_WORDS; i++) this.words[flow * KEY_WORDS + i] = key[at + i];
    return flow;
  }

  /** Slots that a lookup of every flow would touch. Walks the whole table, for tests. */
  probes(): number {
    let probes = 0;
    for (let slot = 0; slot <= this.mask; slot++)
      if (this.slots[slot * 2] >= 0) probes += ((slot - this.slots[slot * 2 + 1]) & this.mask) + 1;
    return probes;
  }

  private same(mine: number, key: Uint32Array, at: number): boolean {
    for (let i = 0; i < KEY_WORDS; i++) if (this.words[mine + i] !== key[at + i]) return false;
    return true;
  }

  private insert(tag: number, slot: number): number {
    const flow = this.count++;
    this.slots[slot * 2] = flow;
    this.slots[slot * 2 + 1] = tag;
    if (flow * KEY_WORDS === this.words.length) {
      const words = new Uint32Array(this.words.length * 2);
      words.set(this.words);
      this.words = words;
      this.signed = new Int32Array(words.buffer);
    }
    if (this.count * 2 > this.mask) this.rehash();
    return flow;
  }

  private rehash(): void {
    const old = this.slots;
    const size = (this.mask + 1) * 2;
    this.mask = size - 1;
    this.slots = new Int32Array(size * 2).fill(-1);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] < 0) continue;
      let slot = old[i + 1] & this.mask;
      while (this.slots[slot * 2] >= 0) slot = (slot + 1) & this.mask;
      this.slots[slot * 2] = old[i];
      this.slots[slot * 2 + 1] = old[i + 1];
    }
  }
}
