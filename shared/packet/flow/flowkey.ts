/**
 * The flow key of the packet under the cursor: the ends in canonical order
 * (smaller address first, at equal addresses smaller port first), as flowtable.ts
 * lays it out, and which of the two ends sent the packet.
 */
import type { PacketCursor } from '../packetcursor.ts';
import {
  type FlowTable,
  KEY_ADDR_A,
  KEY_ADDR_B,
  KEY_FLAG_ONE_WAY,
  KEY_FLAG_ONE_WAY_FROM_B,
  KEY_FLAG_V6,
  KEY_NETWORK,
  KEY_PORTS,
  KEY_PROTO,
  KEY_VLAN,
  KEY_WORDS,
} from './flowtable.ts';

/** Scratch key of the functions below, which never overlap. */
const key = new Uint32Array(KEY_WORDS);

/** Whether the IPv6 source is end B. */
function sourceIsB6(c: PacketCursor): boolean {
  if (c.src0 !== c.dst0) return c.src0 >>> 0 > c.dst0 >>> 0;
  if (c.src1 !== c.dst1) return c.src1 >>> 0 > c.dst1 >>> 0;
  if (c.src2 !== c.dst2) return c.src2 >>> 0 > c.dst2 >>> 0;
  if (c.src3 !== c.dst3) return c.src3 >>> 0 > c.dst3 >>> 0;
  return c.srcPort > c.dstPort;
}

function writeAddress(at: number, w0: number, w1: number, w2: number, w3: number): void {
  key[at] = w0;
  key[at + 1] = w1;
  key[at + 2] = w2;
  key[at + 3] = w3;
}

function flow6(
  c: PacketCursor,
  flows: FlowTable,
  fromB: boolean,
  ports: number,
  proto: number,
  vlans: number,
  network: number,
): number {
  writeAddress(fromB ? KEY_ADDR_B : KEY_ADDR_A, c.src0, c.src1, c.src2, c.src3);
  writeAddress(fromB ? KEY_ADDR_A : KEY_ADDR_B, c.dst0, c.dst1, c.dst2, c.dst3);
  key[KEY_PORTS] = ports;
  key[KEY_PROTO] = proto | KEY_FLAG_V6;
  key[KEY_VLAN] = vlans;
  key[KEY_NETWORK] = network;
  return flows.lookup(key);
}

/** Whether end B of its flow key sent the packet. */
export function sourceIsB(c: PacketCursor): boolean {
  if (c.v6 !== 0) return sourceIsB6(c);
  return c.src3 === c.dst3 ? c.srcPort > c.dstPort : c.src3 >>> 0 > c.dst3 >>> 0;
}

/**
 * The number of the packet's flow, added if it is new.
 *
 * @param fromB result of sourceIsB
 * @param vlans value of the key's VLAN word
 * @param network value of the key's network word
 */
export function flowOf(c: PacketCursor, flows: FlowTable, fromB: boolean, vlans: number, network: number): number {
  const ports = fromB ? (c.dstPort << 16) | c.srcPort : (c.srcPort << 16) | c.dstPort;
  let proto = c.proto;
  if (c.oneWay !== 0) proto |= fromB ? KEY_FLAG_ONE_WAY | KEY_FLAG_ONE_WAY_FROM_B : KEY_FLAG_ONE_WAY;
  if (c.v6 !== 0) return flow6(c, flows, fromB, ports, proto, vlans, network);
  const source = c.src3;
  const destination = c.dst3;
  return fromB
    ? flows.lookup4(destination, source, ports, proto, vlans, network)
    : flows.lookup4(source, destination, ports, proto, vlans, network);
}
