/**
 * EtherIP (RFC 3378): a version of four bits, twelve reserved ones, then an Ethernet frame. Early senders put the version
 * into the second four bits. Anything else is a packet like those of other IP protocols.
 */
import { other } from '../ip/other.ts';
import { ETHERNET } from '../link/ethernet.ts';
import { type PacketCursor, uint16 } from '../packetcursor.ts';
import { ipTunnel, type TunnelKind } from '../protocol.ts';

const KIND: TunnelKind = { number: 11, name: 'etherip' };

export const ETHERIP = ipTunnel({
  name: 'EtherIP',
  ipProtocols: [97],
  notes: 'more than Zeek reads',
  kinds: [KIND],
  decode: etherIp,
});

const HEADER = 2;
const VERSION_3 = 0x3000;
const VERSION_3_MISPLACED = 0x0300;

function etherIp(c: PacketCursor): number {
  if (c.end - c.pos <= HEADER) return other(c);
  const version = uint16(c.bytes, c.pos);
  if (version !== VERSION_3 && version !== VERSION_3_MISPLACED) return other(c);
  c.tunnelKind = KIND.number;
  c.pos += HEADER;
  return ETHERNET.code;
}
