/** Which tunnel a UDP datagram carries, by its ports (tunnelports.ts) or by its first bytes. */
import { int32 } from '../packetcursor.ts';
import type { Protocol } from '../protocol.ts';
import { TunnelPorts } from './tunnelports.ts';

/** A tunnel detected by its bytes alone has at least an IPv4 header after them. */
const MIN_TUNNEL = 20;

export class UdpTunnels {
  /** By Zeek's default ports, and common ones. */
  readonly ports = new TunnelPorts();
  /** The patterns that a tunnel's payload may begin with. */
  private readonly beginnings: { mask: number; value: number; tunnel: Protocol }[] = [];
  /** By the value of a payload's first, and of its second byte: a bit for each pattern that matches it. */
  private readonly firstByte = new Uint32Array(256);
  private readonly secondByte = new Uint32Array(256);

  /** @throws Error for a port that another protocol has */
  enter(tunnel: Protocol): void {
    for (const port of tunnel.udpPorts) {
      if (this.ports.isTaken(port)) throw new Error(`${tunnel.name}: UDP port ${port} is another protocol's`);
      this.ports.set(port, tunnel.code);
    }
    for (const { mask, value } of tunnel.firstBytes) {
      if (this.beginnings.length === 32) throw new Error(`${tunnel.name}: no bit is left for its first bytes`);
      const bit = 1 << this.beginnings.length;
      for (let byte = 0; byte < 256; byte++) {
        if (((byte << 24) & mask) === (value & 0xff000000)) this.firstByte[byte] |= bit;
        if (((byte << 16) & mask) === (value & 0x00ff0000)) this.secondByte[byte] |= bit;
      }
      this.beginnings.push({ mask, value: value | 0, tunnel });
    }
  }

  /** The tunnel by the first bytes of a datagram's payload, from `at` on; -1 for none. */
  ofBytes(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < MIN_TUNNEL) return -1;
    const possible = this.firstByte[bytes[at]] & this.secondByte[bytes[at + 1]];
    return possible === 0 ? -1 : this.ofBeginning(bytes, at, end);
  }

  private ofBeginning(bytes: Uint8Array, at: number, end: number): number {
    const first = int32(bytes, at);
    for (const { mask, value, tunnel } of this.beginnings)
      if ((first & mask) === value && tunnel.looksLike(bytes, at, end)) return tunnel.code;
    return -1;
  }
}

/** The tunnels in UDP; protocols.ts registers them. */
export const UDP_TUNNELS = new UdpTunnels();
