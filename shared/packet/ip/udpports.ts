/**
 * UDP ports that tell what a datagram carries: Zeek's defaults. A datagram belongs
 * to a tunnel when one of its ports is the tunnel's and the other is no other
 * service's. Zeek asks for the responder's port, which it knows from the session's
 * first packet; here every packet is judged alone.
 */
import { NEXT_AYIYA, NEXT_GENEVE, NEXT_GRE_IN_UDP, NEXT_GTP, NEXT_TEREDO, NEXT_VXLAN } from '../packetcursor.ts';

/** Ports that are servers rather than clients (what Zeek's default scripts register), those of tunnels included. */
export const UDP_SERVER_PORTS: readonly number[] = [
  53, 67, 88, 123, 137, 161, 162, 389, 443, 514, 1812, 2123, 2152, 3389, 3544, 4011, 4754, 4789, 5060, 5072, 5353, 5355,
  6081, 20000,
];

/** The smallest and the largest port of a tunnel: most datagrams are done with after two comparisons. */
const LOWEST = 2123;
const HIGHEST = 6081;

/** The tunnel of a port, -1 for none. */
function tunnelOf(port: number): number {
  if (port < LOWEST || port > HIGHEST) return -1;
  switch (port) {
    case 4789:
      return NEXT_VXLAN;
    case 6081:
      return NEXT_GENEVE;
    case 2152: // user data
    case 2123: // control
      return NEXT_GTP;
    case 3544:
      return NEXT_TEREDO;
    case 4754:
      return NEXT_GRE_IN_UDP;
    case 5072:
      return NEXT_AYIYA;
    default:
      return -1;
  }
}

const SERVICES = new Set(UDP_SERVER_PORTS.filter((port) => tunnelOf(port) < 0));

/** The tunnel that a datagram's ports name, -1 for none. */
export function tunnelPort(source: number, destination: number): number {
  const named = tunnelOf(destination);
  if (named >= 0) return SERVICES.has(source) ? -1 : named;
  const back = tunnelOf(source);
  return back >= 0 && SERVICES.has(destination) ? -1 : back;
}
