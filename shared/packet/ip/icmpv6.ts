/**
 * ICMPv6 (RFC 4443, 4861, 2710, 4620, 6275) with Zeek's pairing of requests and
 * replies; see icmp.ts for the rule.
 */
import type { PacketCursor } from '../packetcursor.ts';
import { protocol } from '../protocol.ts';
import { icmpMessage } from './icmp.ts';

export const ICMPV6 = protocol({
  name: 'ICMPv6',
  ipProtocols: [58],
  decode: icmpv6,
});

/** Type of the counterpart, -1 for a message that has none. */
function counterpart(type: number): number {
  switch (type) {
    case 128: // echo
      return 129;
    case 129:
      return 128;
    case 130: // multicast listener query and report
      return 131;
    case 131:
      return 130;
    case 133: // router solicitation and advertisement
      return 134;
    case 134:
      return 133;
    case 135: // neighbour solicitation and advertisement
      return 136;
    case 136:
      return 135;
    case 139: // node information
      return 140;
    case 140:
      return 139;
    case 144: // home agent address discovery
      return 145;
    case 145:
      return 144;
    default:
      return -1;
  }
}

function icmpv6(c: PacketCursor): number {
  return icmpMessage(c, counterpart);
}
