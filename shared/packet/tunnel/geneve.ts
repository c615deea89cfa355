/** GENEVE (RFC 8926): eight bytes with the network identifier, options, then Ethernet or IP. Options are skipped. */
import { FATE_SESSION } from '../fate.ts';
import { IP } from '../ip/ipv4.ts';
import { ETHERNET } from '../link/ethernet.ts';
import { capturedFrom, int32, type PacketCursor, uint16 } from '../packetcursor.ts';
import { type TunnelKind, udpTunnel } from '../protocol.ts';
import { LAYER_HAS_ID } from '../tunnellayers.ts';
import { notIp } from '../undecoded.ts';
import { SPACE_ETHER_TYPE } from '../undecodednames.ts';

const KIND: TunnelKind = { number: 6, name: 'geneve', id: 'vni', isNetwork: true };

export const GENEVE = udpTunnel({
  name: 'GENEVE',
  udpPorts: [6081],
  notes: 'with options',
  kinds: [KIND],
  decode: geneve,
});

const PROTOCOL = 2;
const VNI = 4;
const HEADER = 8;
const OPTION_WORDS = 0x3f;

/** @returns what is inside, or the complement of FATE_SESSION for a datagram that is not GENEVE */
function geneve(c: PacketCursor): number {
  const { bytes, pos } = c;
  if (c.end - pos < HEADER) return ~FATE_SESSION;
  const version = bytes[pos] >> 6;
  if (version !== 0) {
    c.odd('geneve_invalid_version', `${version}`);
    return ~FATE_SESSION;
  }
  const header = HEADER + (bytes[pos] & OPTION_WORDS) * 4;
  const captured = capturedFrom(c);
  if (captured < header) return ~FATE_SESSION;
  if (captured === header) {
    c.odd('geneve_empty_packet', '');
    return ~FATE_SESSION;
  }
  c.tunnelKind = KIND.number | LAYER_HAS_ID;
  c.tunnelId = int32(bytes, pos + VNI) >>> 8;
  c.pos = pos + header;
  const type = uint16(bytes, pos + PROTOCOL);
  switch (type) {
    case 0x6558: // Ethernet
      return ETHERNET.code;
    case 0x0800: // IPv4
    case 0x86dd: // IPv6
      return IP.code;
    default:
      return notIp(c, SPACE_ETHER_TYPE, type);
  }
}
