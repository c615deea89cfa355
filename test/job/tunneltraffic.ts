/**
 * Traffic in tunnels: the same inner conversations through every kind of tunnel, plain
 * and cut into fragments inside of the tunnel, outside of it, or both. Outer source
 * ports and identifiers differ by direction, as in mirrored traffic.
 */
import { be16, be32, bytes, ethernet, type Ipv4Options, ipv4, tcp, text, udp } from '../packet/harness.ts';
import type { Packet } from './cutting.ts';
import { between, pick } from './harness.ts';

/** Puts a packet into a tunnel; `reply` is the direction of the inner conversation. */
type Carrier = (packet: Uint8Array, reply: boolean, port: number) => Uint8Array;

const SIDES = ['192.0.2.1', '192.0.2.2'];

function over(proto: number, reply: boolean, payload: Uint8Array): Uint8Array {
  return ipv4(payload, { proto, src: SIDES[reply ? 1 : 0], dst: SIDES[reply ? 0 : 1] });
}

const CARRIERS: Record<string, Carrier> = {
  none: (packet) => packet,
  vxlan: (packet, reply, port) =>
    over(17, reply, udp(port, 4789, bytes('08000000 00002a00', ethernet('0800', packet)))),
  geneve: (packet, reply, port) =>
    over(17, reply, udp(port, 6081, bytes('02000800 00000000 01080101 11223344', packet))),
  gtp: (packet, reply) =>
    over(17, reply, udp(2152, 2152, bytes('30ff', be16(packet.length), be32(reply ? 7 : 8), packet))),
  gre: (packet, reply) => over(47, reply, bytes('2000 0800', be32(reply ? 1 : 2), packet)),
  erspan: (packet) => over(47, false, bytes('1000 88be 00000001 10050063 00000000', ethernet('0800', packet))),
  ip: (packet, reply) => over(4, reply, packet),
  vxlanGpe: (packet, reply, port) => over(17, reply, udp(port, 4790, bytes('0c000001 00002a00', packet))),
  etherIp: (packet, reply) => over(97, reply, bytes('3000', ethernet('0800', packet))),
  l2tp: (packet, reply) =>
    over(
      17,
      reply,
      udp(1701, 1701, bytes('4002', be16(12 + packet.length), '0001', be16(reply ? 7 : 8), 'ff03 0021', packet)),
    ),
  l2tpv3: (packet, reply) => over(115, reply, bytes(be32(reply ? 7 : 8), '11223344', ethernet('0800', packet))),
  greOverVxlan: (packet, reply, port) => CARRIERS.vxlan(CARRIERS.gre(packet, reply, port), reply, port),
};

/** An IPv4 packet without options as fragments that end at multiples of `size`. */
function cut(packet: Uint8Array, size: number, id: number): Uint8Array[] {
  const payload = packet.subarray(20);
  const address = (at: number): string => packet.subarray(at, at + 4).join('.');
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < payload.length; offset += size) {
    const options: Ipv4Options = {
      proto: packet[9],
      src: address(12),
      dst: address(16),
      id,
      offset,
      more: offset + size < payload.length,
    };
    pieces.push(ipv4(payload.subarray(offset, offset + size), options));
  }
  return pieces;
}

/** Inner conversations of a few packets each, in random tunnels; in order of time. */
export function tunnelTraffic(next: () => number, conversations: number): Packet[] {
  const packets: Packet[] = [];
  const names = Object.keys(CARRIERS);
  let id = 1;
  for (let n = 0; n < conversations; n++) {
    const carrier = CARRIERS[pick(next, names)];
    const port = 40_000 + n;
    const isTcp = next() < 0.5;
    let us = 1_700_000_000_000_000 + between(next, 0, 30_000_000);
    for (let i = between(next, 1, 8); i > 0; i--) {
      const reply = next() < 0.5;
      const hosts = { src: reply ? '10.0.1.2' : '10.0.1.1', dst: reply ? '10.0.1.1' : '10.0.1.2' };
      const [from, to] = reply ? [80, port] : [port, 80];
      const payload = text('x'.repeat(next() < 0.3 ? between(next, 200, 1200) : between(next, 0, 40)));
      const inner = ipv4(isTcp ? tcp(from, to, payload, { seq: i * 100 }) : udp(from, to, payload), {
        ...hosts,
        proto: isTcp ? 6 : 17,
      });
      const parts = payload.length > 100 && next() < 0.7 ? cut(inner, 96, id++) : [inner];
      for (const part of parts) {
        const carried = carrier(part, reply, between(next, 49_152, 65_535));
        const pieces = carried.length > 120 && next() < 0.5 ? cut(carried, 80, id++) : [carried];
        for (const piece of pieces) {
          us += between(next, 1, 200_000);
          const frame = ethernet('0800', piece);
          packets.push({ us, ns: 0, bytes: frame, origLen: frame.length, linkType: 1 });
        }
      }
    }
  }
  // Fragments of different datagrams come between one another, and sometimes out of order.
  return packets.sort((a, b) => a.us - b.us);
}
