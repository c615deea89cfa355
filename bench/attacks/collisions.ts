/**
 * Flows, and tunnels, that had one and the same hash where tables hash without a seed: their functions can be
 * run backwards. With a seed drawn by the process they are flows like any other.
 */
import type { Attack } from './attack.ts';
import { Pcap } from './capturefile.ts';
import { gre, ip, UDP, udp } from './packets.ts';

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** The number whose product with the odd number `a` is 1, in 32 bits. */
function inverse(a: number): number {
  let x = a;
  for (let i = 0; i < 6; i++) x = Math.imul(x, 2 - Math.imul(a, x));
  return x;
}

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;
const STEP = 0xe6546b64;

/** One round of murmur3. */
function mix(h: number, word: number): number {
  h ^= Math.imul(rotate(Math.imul(word, C1), 15), C2);
  return (Math.imul(rotate(h, 13), 5) + STEP) | 0;
}

/** The word that takes a state to another: the round backwards. */
function wordTo(h: number, target: number): number {
  const before = rotate(Math.imul((target - STEP) | 0, inverse(5)), 19);
  return Math.imul(rotate(Math.imul(before ^ h, inverse(C2)), 17), inverse(C1));
}

/** Ports at which tunnels are looked for, and others that change what a flow is. */
const SPECIAL = new Set([0, 53, 123, 2123, 2152, 3544, 3545, 4754, 4789, 5072, 6081]);

export const FLOW_COLLISIONS: Attack = {
  name: 'flows of one hash',
  what: 'UDP flows whose keys collide in a table that hashes with murmur3 and no seed',
  size: 25_000,
  unit: 'flows',
  make(folder, size) {
    const file = new Pcap(`${folder}/flows.pcap`);
    for (let i = 0, made = 0; made < size; i++) {
      const [a, b] = [0x0a000000 + (i & 0xffff), 0x0b000001 + (i >>> 16) * 7];
      const ports = wordTo(mix(mix(UDP, a), b), 0x12345678);
      if (SPECIAL.has(ports >>> 16) || SPECIAL.has(ports & 0xffff)) continue;
      file.record(ip(UDP, a, b, udp(ports >>> 16, ports & 0xffff)), made++ * 10);
    }
    file.end();
  },
  bound: { cpuPerMB: 1.5, peakMB: 600 },
};

export const TUNNEL_COLLISIONS: Attack = {
  name: 'tunnels of one hash',
  what: 'GRE tunnels that collide in a table that hashes by multiplication and no seed; one inner packet',
  size: 25_000,
  unit: 'tunnels',
  make(folder, size) {
    const file = new Pcap(`${folder}/tunnels.pcap`);
    const inner = ip(UDP, 0x0a000001, 0x0a000002, udp(1000, 2000));
    const factor = 0x9e3779b1;
    const undo = inverse(factor);
    for (let i = 0; i < size; i++) {
      const [src, dst] = [0xc0000000 + (i & 0xffff), 0xc1000000 + (i >>> 16)];
      let h = 1;
      for (const word of [0x42, 0, 0, 0, src, 0, 0, 0, dst]) h = Math.imul(h ^ word, factor) ^ (h >>> 15);
      const key = Math.imul(0x2468ace0 ^ (h >>> 15), undo) ^ h;
      file.record(ip(47, src, dst, gre(key, inner)), i * 10);
    }
    file.end();
  },
  bound: { cpuPerMB: 1.5, peakMB: 600 },
};
