/**
 * Which tunnel a UDP datagram carries by its ports: it is a tunnel when one of them is the tunnel's and the other is not
 * that of another service. Zeek uses the responder's port, known from the session's first packet; here every packet is
 * judged alone.
 */

/** Ports that are servers rather than clients (what Zeek's default scripts register), those of tunnels apart. */
export const UDP_SERVICES: readonly number[] = [
  53, 67, 88, 123, 137, 161, 162, 389, 443, 514, 1812, 3389, 4011, 5060, 5353, 5355, 20000,
];
const SERVICES = new Set(UDP_SERVICES);

export class TunnelPorts {
  private readonly codes: Int16Array;
  /** The smallest and the largest port of a tunnel: most datagrams need only two comparisons. */
  private lowest = 0x10000;
  private highest = -1;

  constructor(codes = new Int16Array(0x10000).fill(-1)) {
    this.codes = codes;
  }

  /** Whether a port is a tunnel's, or a service's. */
  isTaken(port: number): boolean {
    return this.codes[port] >= 0 || SERVICES.has(port);
  }

  /** @param code of the tunnel's protocol */
  set(port: number, code: number): void {
    this.codes[port] = code;
    this.lowest = Math.min(this.lowest, port);
    this.highest = Math.max(this.highest, port);
  }

  /** These, and further ports of one tunnel, which are no other's then. */
  with(ports: readonly number[], code: number): TunnelPorts {
    const copy = new TunnelPorts(this.codes.slice());
    copy.lowest = this.lowest;
    copy.highest = this.highest;
    for (const port of ports) copy.set(port, code);
    return copy;
  }

  /** The tunnel of a port, -1 for none. */
  private of(port: number): number {
    return port < this.lowest || port > this.highest ? -1 : this.codes[port];
  }

  /** The code of the tunnel by a datagram's ports, -1 for none. */
  tunnel(source: number, destination: number): number {
    const named = this.of(destination);
    if (named >= 0) return SERVICES.has(source) ? -1 : named;
    const back = this.of(source);
    return back >= 0 && SERVICES.has(destination) ? -1 : back;
  }
}
