/**
 * Which tunnel a UDP datagram carries, by its ports (Zeek's defaults) or by its first bytes. By ports it is a tunnel
 * when one of them is the tunnel's and the other is not that of another service. Zeek uses the responder's port, known
 * from the session's first packet; here every packet is judged alone.
 */
import { int32 } from '../packetcursor.ts';
import type { Protocol } from '../protocol.ts';

/** Ports that are servers rather than clients (what Zeek's default scripts register), those of tunnels apart. */
export const UDP_SERVICES: readonly number[] = [
  53, 67, 88, 123, 137, 161, 162, 389, 443, 514, 1812, 3389, 4011, 5060, 5353, 5355, 20000,
];
const SERVICES = new Set(UDP_SERVICES);

/** A tunnel detected by its bytes alone has at least an IPv4 header after them. */
const MIN_TUNNEL = 20;

export class UdpTunnels {
  private readonly codes = new Int16Array(0x10000).fill(-1);
  /** The smallest and the largest port of a tunnel: most datagrams need only two comparisons. */
  private lowest = 0x10000;
  private highest = -1;
  /** The patterns that a tunnel's payload may begin with. */
  private readonly beginnings: { mask: number; value: number; tunnel: Protocol }[] = [];
  /** By the value of a payload's first, and of its second byte: a bit for each pattern that matches it. */
  private readonly firstByte = new Uint32Array(256);
  private readonly secondByte = new Uint32Array(256);

  /** @throws Error for a port that another protocol has */
  enter(tunnel: Protocol): void {
    for (const port of tunnel.udpPorts) {
      if (this.codes[port] >= 0 || SERVICES.has(port))
        throw new Error(`${tunnel.name}: UDP port ${port} is another protocol's`);
      this.codes[port] = tunnel.code;
      this.lowest = Math.min(this.lowest, port);
      this.highest = Math.max(this.highest, port);
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

  /** The tunnel of a port, -1 for none. */
  private of(port: number): number {
    return port < this.lowest || port > this.highest ? -1 : this.codes[port];
  }

  /** The tunnel by a datagram's ports, -1 for none. */
  ofPorts(source: number, destination: number): number {
    const named = this.of(destination);
    if (named >= 0) return SERVICES.has(source) ? -1 : named;
    const back = this.of(source);
    return back >= 0 && SERVICES.has(destination) ? -1 : back;
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
