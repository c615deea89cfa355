/** A packet as one line, in the manner of tcpdump. */

import { addressText, ipv4Text, ipv6Text } from '../../shared/packet/address.ts';
import {
  META_BROKEN,
  META_DATAGRAM,
  META_FRAGMENT,
  META_FROM_B,
  META_TRUNCATED,
  type PacketColumns,
} from '../../shared/packet/columns.ts';
import {
  type FlowTable,
  hasPorts,
  KEY_ADDR_A,
  KEY_ADDR_B,
  KEY_FLAG_ONE_WAY,
  KEY_FLAG_V6,
  KEY_PORTS,
  KEY_PROTO,
  KEY_WORDS,
} from '../../shared/packet/flow/flowtable.ts';
import { END_WORDS, type FragmentColumns } from '../../shared/packet/fragmentcolumns.ts';
import { tunnelText } from '../../shared/packet/tunneltext.ts';
import { timeText } from '../../shared/text/timetext.ts';

const TCP = 6;
const ICMP = 1;
const ICMPV6 = 58;
const PROTOCOLS = new Map([
  [ICMP, 'ICMP'],
  [2, 'IGMP'],
  [TCP, 'TCP'],
  [17, 'UDP'],
  [41, 'IPv6'],
  [44, 'IPv6 fragment'],
  [47, 'GRE'],
  [50, 'ESP'],
  [51, 'AH'],
  [ICMPV6, 'ICMPv6'],
  [89, 'OSPF'],
  [103, 'PIM'],
  [112, 'VRRP'],
  [132, 'SCTP'],
]);

/** Letters of TCP flags in tcpdump's order; AE, which it has no letter for, is e. */
const FLAG_LETTERS: readonly [number, string][] = [
  [1, 'F'],
  [2, 'S'],
  [4, 'R'],
  [8, 'P'],
  [16, '.'],
  [32, 'U'],
  [64, 'E'],
  [128, 'W'],
  [256, 'e'],
];
const ACK = 16;

function protocolText(proto: number): string {
  return PROTOCOLS.get(proto) ?? `IP protocol ${proto}`;
}

export function tcpFlagsText(flags: number): string {
  const letters = FLAG_LETTERS.filter(([bit]) => (flags & bit) !== 0).map(([, letter]) => letter);
  return letters.length === 0 ? '[none]' : `[${letters.join('')}]`;
}

/** Row `row` of `columns`, whose flow numbers are those of `flows`. */
export function packetLine(columns: PacketColumns, row: number, flows: FlowTable): string {
  const { words } = flows;
  const key = columns.flow[row] * KEY_WORDS;
  const meta = columns.meta[row];
  const fromB = (meta & META_FROM_B) !== 0;
  const proto = words[key + KEY_PROTO] & 0xff;
  const portA = words[key + KEY_PORTS] >>> 16;
  const portB = words[key + KEY_PORTS] & 0xffff;
  const [srcPort, dstPort] = fromB ? [portB, portA] : [portA, portB];
  let src = addressText(words, key, fromB ? KEY_ADDR_B : KEY_ADDR_A);
  let dst = addressText(words, key, fromB ? KEY_ADDR_A : KEY_ADDR_B);
  if (hasPorts(proto)) {
    src += `.${srcPort}`;
    dst += `.${dstPort}`;
  }
  const parts = [protocolText(proto)];
  if (proto === TCP) {
    const flags = columns.tcpFlags[row];
    parts[0] += ` ${tcpFlagsText(flags)}`;
    parts.push(`seq ${columns.seq[row]}`);
    if ((flags & ACK) !== 0) parts.push(`ack ${columns.ack[row]}`);
    parts.push(`win ${columns.window[row]}`);
  } else if (proto === ICMP || proto === ICMPV6) {
    // A message without a counterpart has its code in the second port, the others their counterpart's type.
    const oneWay = (words[key + KEY_PROTO] & KEY_FLAG_ONE_WAY) !== 0;
    parts[0] += oneWay ? ` type ${srcPort} code ${dstPort}` : ` type ${srcPort}`;
  }
  parts.push(`length ${columns.payloadLen[row]}`);
  if ((meta & META_FRAGMENT) !== 0) parts.push('fragment');
  if ((meta & META_DATAGRAM) !== 0) parts.push('reassembled');
  if ((meta & META_TRUNCATED) !== 0) parts.push('truncated by the snaplen');
  if ((meta & META_BROKEN) !== 0) parts.push('broken header');
  const tags = vlanText(columns.vlan[row], columns.innerVlan[row]);
  const carrier = columns.tunnel[row] === 0 ? '' : `${tunnelText(flows.tunnels, columns.tunnel[row])}: `;
  return `${ownTime(columns, row)} ${carrier}${src} > ${dst}: ${tags}${parts.join(', ')}`;
}

/** A fragment's row holds the time of its datagram, and how much older it is itself. */
function ownTime({ us, ns, ageUs, ageNs }: PacketColumns, row: number): string {
  const below = ns[row] - ageNs[row];
  return below < 0 ? timeText(us[row] - ageUs[row] - 1, below + 1000) : timeText(us[row] - ageUs[row], below);
}

/** Row `row` of fragment columns. */
export function fragmentLine(fragments: FragmentColumns, row: number): string {
  const { ends, keyProto } = fragments;
  const v6 = (keyProto[row] & KEY_FLAG_V6) !== 0;
  const at = row * END_WORDS;
  const address = (end: number): string => (v6 ? ipv6Text(ends, end) : ipv4Text(ends[end + 3]));
  const parts = [
    `${protocolText(fragments.proto[row])} fragment id 0x${fragments.id[row].toString(16)}`,
    `offset ${fragments.fragOffset[row]}`,
    `length ${fragments.fragLength[row]}`,
  ];
  if (fragments.more[row] === 0) parts.push('last');
  const time = timeText(fragments.us[row], fragments.ns[row]);
  const tags = vlanText(fragments.vlan[row], fragments.innerVlan[row]);
  const carrier = fragments.tunnel[row] === 0 ? '' : `${tunnelText(fragments.tunnels, fragments.tunnel[row])}: `;
  return `${time} ${carrier}${address(at)} > ${address(at + 4)}: ${tags}${parts.join(', ')}`;
}

/** VLAN columns (id + 1, 0 is none) as a prefix. */
function vlanText(outer: number, inner: number): string {
  if (outer === 0) return '';
  return inner === 0 ? `vlan ${outer - 1}, ` : `vlan ${outer - 1} in vlan ${inner - 1}, `;
}
