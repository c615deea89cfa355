/**
 * All protocols that are decoded, in the order of docs/decoding.md. A new decoder is added to this list only: which
 * numbers lead to it, and how its fields are shown, is in the decoder's own file.
 */
import { REGISTERED_LINK_TYPES } from '../capture/linktypes.ts';
import { fateOf } from './fate.ts';
import { AH } from './ip/ah.ts';
import { ICMP } from './ip/icmp.ts';
import { ICMPV6 } from './ip/icmpv6.ts';
import { IP } from './ip/ipv4.ts';
import { IPV6 } from './ip/ipv6.ts';
import { OTHER } from './ip/other.ts';
import { SCTP } from './ip/sctp.ts';
import { TCP } from './ip/tcp.ts';
import { UDP_SERVICES } from './ip/tunnelports.ts';
import { UDP } from './ip/udp.ts';
import { UDP_TUNNELS } from './ip/udptunnels.ts';
import { ETHERNET } from './link/ethernet.ts';
import { FDDI } from './link/fddi.ts';
import { IPNET } from './link/host/ipnet.ts';
import { ENC, PFLOG } from './link/host/packetfilter.ts';
import { PKTAP, PKTAP_AS_USER2 } from './link/host/pktap.ts';
import { AMSDU, IEEE80211 } from './link/ieee80211.ts';
import { LOOPBACK } from './link/loopback.ts';
import { MPLS } from './link/mpls.ts';
import { NFLOG } from './link/nflog.ts';
import { PBB } from './link/pbb.ts';
import { PPI } from './link/ppi.ts';
import { PPP, PPP_SERIAL, PPP_WITH_DIRECTION, PPPOE } from './link/ppp.ts';
import { RADIOTAP } from './link/radiotap.ts';
import { RAW } from './link/raw.ts';
import { SLL, SLL2 } from './link/sll.ts';
import { ARISTA_TIMESTAMP } from './link/tag/aristatime.ts';
import { CISCO_METADATA, CISCO_TTAG } from './link/tag/ciscotags.ts';
import { BROADCOM, BROADCOM_PREPENDED, DSA, EDSA, EDSA_TYPE } from './link/tag/dsa.ts';
import { ETAG } from './link/tag/etag.ts';
import { HSR } from './link/tag/hsr.ts';
import { MACSEC } from './link/tag/macsec.ts';
import { NSH } from './link/tag/nsh.ts';
import { TRILL } from './link/tag/trill.ts';
import { UNKNOWN } from './link/unknown.ts';
import { DOCSIS } from './link/vendor/docsis.ts';
import { ERF } from './link/vendor/erf.ts';
import {
  JUNIPER_ATM,
  JUNIPER_CISCO_HDLC,
  JUNIPER_ETHERNET,
  JUNIPER_FRAME_RELAY,
  JUNIPER_MULTILINK,
  JUNIPER_PPP,
  JUNIPER_PPPOE_ATM,
  JUNIPER_SERVICES,
} from './link/vendor/juniper.ts';
import { MONITOR_MODE } from './link/vendor/monitormode.ts';
import { NETANALYZER, NETANALYZER_TRANSPARENT } from './link/vendor/netanalyzer.ts';
import { VLAN } from './link/vlan.ts';
import { VNTAG } from './link/vntag.ts';
import { ATM, SUN_ATM } from './link/wan/atm.ts';
import { CISCO_HDLC, CISCO_HDLC_WITH_DIRECTION } from './link/wan/chdlc.ts';
import { FRAME_RELAY, FRAME_RELAY_WITH_DIRECTION, MULTILINK_FRAME_RELAY } from './link/wan/framerelay.ts';
import { IP_OVER_FIBRE_CHANNEL, IP_OVER_IEEE1394, IP_OVER_INFINIBAND, TOKEN_RING } from './link/wan/ipover.ts';
import { BSD_OS_SERIAL, SLIP } from './link/wan/slip.ts';
import type { Protocol, TunnelKind } from './protocol.ts';
import { ETHER_TYPES, IP_PROTOCOLS, LINK_TYPES, PPP_PROTOCOLS } from './protocolnumbers.ts';
import { AYIYA } from './tunnel/ayiya.ts';
import { ETHERIP } from './tunnel/etherip.ts';
import { GENEVE } from './tunnel/geneve.ts';
import { GRE, GRE_IN_UDP } from './tunnel/gre.ts';
import { GTP } from './tunnel/gtp.ts';
import { IP_IN_IP } from './tunnel/ipinip.ts';
import { L2TP } from './tunnel/l2tp.ts';
import { L2TPV3 } from './tunnel/l2tpv3.ts';
import { TEREDO } from './tunnel/teredo.ts';
import { VXLAN, VXLAN_GPE, VXLAN_OF_LINUX } from './tunnel/vxlan.ts';

export const LINK_LAYERS: readonly Protocol[] = [
  ETHERNET,
  VLAN,
  MPLS,
  PPPOE,
  VNTAG,
  ETAG,
  PBB,
  TRILL,
  CISCO_METADATA,
  CISCO_TTAG,
  HSR,
  MACSEC,
  NSH,
  ARISTA_TIMESTAMP,
  DSA,
  EDSA,
  EDSA_TYPE,
  BROADCOM,
  BROADCOM_PREPENDED,
  IEEE80211,
  AMSDU,
  RADIOTAP,
  MONITOR_MODE,
  PPP,
  PPP_SERIAL,
  PPP_WITH_DIRECTION,
  CISCO_HDLC,
  CISCO_HDLC_WITH_DIRECTION,
  FRAME_RELAY,
  FRAME_RELAY_WITH_DIRECTION,
  MULTILINK_FRAME_RELAY,
  ATM,
  SUN_ATM,
  SLIP,
  BSD_OS_SERIAL,
  IP_OVER_INFINIBAND,
  IP_OVER_FIBRE_CHANNEL,
  IP_OVER_IEEE1394,
  TOKEN_RING,
  SLL,
  SLL2,
  LOOPBACK,
  NFLOG,
  PFLOG,
  ENC,
  IPNET,
  FDDI,
  PPI,
  PKTAP,
  PKTAP_AS_USER2,
  JUNIPER_ETHERNET,
  JUNIPER_PPP,
  JUNIPER_FRAME_RELAY,
  JUNIPER_CISCO_HDLC,
  JUNIPER_PPPOE_ATM,
  JUNIPER_ATM,
  JUNIPER_MULTILINK,
  JUNIPER_SERVICES,
  ERF,
  NETANALYZER,
  NETANALYZER_TRANSPARENT,
  DOCSIS,
  RAW,
  UNKNOWN,
];

export const INTERNET: readonly Protocol[] = [IP, IPV6, TCP, UDP, ICMP, ICMPV6, SCTP, AH, OTHER];

/** Those recognized by their first bytes are tried in this order. */
export const TUNNELS: readonly Protocol[] = [
  IP_IN_IP,
  GRE,
  GRE_IN_UDP,
  VXLAN,
  VXLAN_OF_LINUX,
  VXLAN_GPE,
  GENEVE,
  GTP,
  L2TP,
  L2TPV3,
  ETHERIP,
  AYIYA,
  TEREDO,
];

const PROTOCOLS = [...LINK_LAYERS, ...INTERNET, ...TUNNELS];

/** By code, which is also the index. */
export const BY_CODE: readonly Protocol[] = PROTOCOLS.toSorted((a, b) => a.code - b.code);

const FATE_UNKNOWN_LINK_TYPE = fateOf('unknown_link_type');

for (const protocol of PROTOCOLS) {
  if (BY_CODE[protocol.code] !== protocol)
    throw new Error(`${protocol.name}: a decoder is missing from this list, or listed twice`);
  ETHER_TYPES.enter(protocol.etherTypes, protocol);
  PPP_PROTOCOLS.enter(protocol.pppProtocols, protocol);
  UDP_TUNNELS.enter(protocol);
}
// Protocols that take all other numbers come last, and before them what is registered and has no decoder.
for (const protocol of PROTOCOLS) enterNumbers(protocol, false);
LINK_TYPES.refuse(REGISTERED_LINK_TYPES, FATE_UNKNOWN_LINK_TYPE);
for (const protocol of PROTOCOLS) enterNumbers(protocol, true);

/** Enters the numbers that name a protocol, or those of one that takes all others. */
function enterNumbers(protocol: Protocol, others: boolean): void {
  if ((protocol.linkTypes === 'others') === others) LINK_TYPES.enter(protocol.linkTypes, protocol);
  if ((protocol.ipProtocols === 'others') === others) IP_PROTOCOLS.enter(protocol.ipProtocols, protocol);
}

/** By the number that shards contain. */
export const TUNNEL_KINDS = new Map<number, TunnelKind>();
for (const kind of TUNNELS.flatMap(({ kinds }) => kinds)) {
  if ((TUNNEL_KINDS.get(kind.number) ?? kind) !== kind)
    throw new Error(`${kind.name}: number ${kind.number} is another kind's`);
  if (!Number.isInteger(kind.number) || kind.number < 1 || kind.number > 63)
    throw new Error(`${kind.name}: number ${kind.number} does not fit into the six bits of a shard`);
  TUNNEL_KINDS.set(kind.number, kind);
}

/** The name of what a UDP port means already, VXLAN apart; undefined for nothing. */
export function meaningOfUdpPort(port: number): string | undefined {
  const code = UDP_TUNNELS.ports.tunnel(port, port);
  if (code >= 0) return code === VXLAN.code || code === VXLAN_OF_LINUX.code ? undefined : BY_CODE[code].name;
  return UDP_SERVICES.includes(port) ? 'a service with a port of its own, such as DNS' : undefined;
}

/** UDP ports that are servers rather than clients, ascending. */
export const UDP_SERVER_PORTS: readonly number[] = [
  ...UDP_SERVICES,
  ...TUNNELS.flatMap(({ udpPorts, isUnknownToZeek }) => (isUnknownToZeek ? [] : udpPorts)),
].sort((a, b) => a - b);
