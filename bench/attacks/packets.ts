/** Packets of attacks: as few bytes as do. */

const NOTHING = new Uint8Array(0);
export const TCP = 6;
export const UDP = 17;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

/** Flags and offset of a fragment: `more` and its place in units of 8 bytes. */
export function fragment(offset: number, more: boolean): number {
  return (offset >> 3) | (more ? 0x2000 : 0);
}

/** @param src, dst addresses as numbers */
export function ip(proto: number, src: number, dst: number, payload: Uint8Array, id = 0, fragmentField = 0): Buffer {
  const packet = Buffer.alloc(20 + payload.length);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length & 0xffff, 2);
  packet.writeUInt16BE(id & 0xffff, 4);
  packet.writeUInt16BE(fragmentField, 6);
  packet[8] = 64;
  packet[9] = proto;
  packet.writeUInt32BE(src >>> 0, 12);
  packet.writeUInt32BE(dst >>> 0, 16);
  packet.set(payload, 20);
  return packet;
}

export function udp(from: number, to: number, payload: Uint8Array = NOTHING): Buffer {
  const datagram = Buffer.alloc(8 + payload.length);
  datagram.writeUInt16BE(from, 0);
  datagram.writeUInt16BE(to, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  datagram.set(payload, 8);
  return datagram;
}

export function tcp(
  from: number,
  to: number,
  seq: number,
  ack: number,
  flags: number,
  payload: Uint8Array = NOTHING,
): Buffer {
  const segment = Buffer.alloc(20 + payload.length);
  segment.writeUInt16BE(from, 0);
  segment.writeUInt16BE(to, 2);
  segment.writeUInt32BE(seq >>> 0, 4);
  segment.writeUInt32BE(ack >>> 0, 8);
  segment[12] = 0x50;
  segment[13] = flags;
  segment.writeUInt16BE(1000, 14);
  segment.set(payload, 20);
  return segment;
}

/** The key of an IPv4 GRE tunnel in four bytes behind its header. */
export function gre(key: number, inner: Uint8Array): Buffer {
  const packet = Buffer.alloc(8 + inner.length);
  packet.writeUInt16BE(0x2000, 0);
  packet.writeUInt16BE(0x0800, 2);
  packet.writeUInt32BE(key >>> 0, 4);
  packet.set(inner, 8);
  return packet;
}
