/** Packets of the golden captures: every link type, protocol and tunnel, whole, cut at every byte and with every byte changed. */
import { type BuiltRecord, random } from '../capture/build.ts';
import { between, pick } from '../job/harness.ts';
import { be16, bytes, ethernet, hex, ipv4, ipv6, tcp, text, udp } from '../packet/harness.ts';
import { PACKETS } from '../packet/kinds.ts';
import { datagram, LAYERS } from '../packet/layers.ts';

/** Time of the first packet: a day's last minute, so that files of two days are written. */
export const START_US = 1_700_006_340_000_000;

/** Link type and frames. */
export type Kind = [name: string, linkType: number, frame: Uint8Array];

const body = bytes('aaaa03 000000 0800', datagram);
const wireless = (control: string, rest: Uint8Array, more = ''): Uint8Array =>
  bytes(control, '00'.repeat(22), more, rest);
const subframe = (payload: Uint8Array): Uint8Array =>
  bytes('00'.repeat(12), be16(payload.length), payload, '00'.repeat((2 + payload.length) % 4));
const fragment = (offset: number): Uint8Array =>
  bytes('aaaa03 000000 0800', ipv4(new Uint8Array(24), { id: 7, offset, more: offset === 0 }));
const outer = (payload: Uint8Array, proto: number): Uint8Array =>
  ipv4(payload, { proto, src: '192.0.2.1', dst: '192.0.2.2' });
const six = ipv6(udp(7, 8, text('abcd')), 17);

/** Frames beyond those of the link layers and transports. */
const MORE: Kind[] = [
  ['802.11', 105, wireless('0801', body)],
  ['802.11 with four addresses', 105, wireless('8803', body, '00'.repeat(8))],
  ['802.11, encrypted', 105, wireless('8841', body, '0000')],
  ['an aggregate', 105, wireless('8801', bytes(subframe(body), subframe(fragment(0)), subframe(body)), '8000')],
  ['an aggregate of fragments', 105, wireless('8801', bytes(subframe(fragment(0)), subframe(fragment(24))), '8000')],
  ['radiotap', 127, bytes('0000 0c00 00000000 01020304', wireless('0801', body))],
  ['IPv6', 229, six],
  ['raw IP under its other old number', 14, six],
  ['loopback with IPv6', 0, bytes('1c000000', six)],
  ['VXLAN on Linux’s port', 101, outer(udp(50000, 8472, bytes('08000000 00002a00', ethernet('0800', datagram))), 17)],
  ['EtherIP', 101, outer(bytes('3000', ethernet('0800', datagram)), 97)],
  [
    'L2TP',
    101,
    outer(
      udp(1701, 1701, bytes('4a02', be16(20 + datagram.length), '0001 0002 0003 0004 0002 0000 ff03 0021', datagram)),
      17,
    ),
  ],
  ['L2TP with LCP', 101, outer(udp(1701, 1701, bytes('0002 0001 0002 c021 01010004')), 17)],
  ['L2TPv3 over UDP', 101, outer(udp(1701, 1701, bytes('00030000 00000007 11223344', ethernet('0800', datagram))), 17)],
  ['L2TPv3', 101, outer(bytes('00000007 1122334455667788 40000001 ff030021', datagram), 115)],
  ['AH', 101, outer(bytes('11040000 00000100 00000007 0011223344556677 8899aabb', udp(7, 8, text('abcd'))), 51)],
  ['VXLAN-GPE', 101, outer(udp(50000, 4790, bytes('0c000001 00002a00', datagram)), 17)],
  ['AYIYA', 101, outer(udp(50000, 5072, bytes('44521129 4f000000', '11'.repeat(16), '22'.repeat(20), six)), 17)],
  ['IPv4 in IPv4', 101, outer(datagram, 4)],
  ['IPv6 in IPv4', 101, outer(six, 41)],
  ['IPv4 where IPv6 should be', 101, outer(datagram, 41)],
  ['GRE in UDP', 101, outer(udp(50000, 4754, bytes('2000 0800 00000007', datagram)), 17)],
  ['GRE with routing', 101, outer(bytes('4000 0800', datagram), 47)],
  ['GRE with flags that nobody knows', 101, outer(bytes('0008 0800', datagram), 47)],
  ['enhanced GRE with another protocol', 101, outer(bytes('0001 0800', datagram), 47)],
  ['enhanced GRE with LCP', 101, outer(bytes('0001 880b ff03c021', new Uint8Array(12)), 47)],
  ['ESP', 101, ipv6(new Uint8Array(40), 50)],
  ['mobility', 101, ipv6(new Uint8Array(40), 135)],
  ['no next header', 101, ipv6(hex(''), 59)],
  ['a Teredo bubble', 101, outer(udp(1, 3544, ipv6(hex(''), 59)), 17)],
  [
    'three tunnels',
    101,
    outer(bytes('0000 0800', outer(bytes('0000 0800', outer(bytes('0000 0800', datagram), 47)), 47)), 47),
  ],
  ['tags without end', 1, ethernet('8100 0001'.repeat(100), hex(''))],
  ['SNAP cut short', 1, ethernet('8100 0001 0006 aaaa03 000000', hex(''))],
  ['LLC of two bytes', 1, ethernet('8100 0001 0002 aaaa', hex(''))],
  ['no EtherType', 1, ethernet('05dd', datagram)],
  ['two routing headers', 101, ipv6(bytes('2b000104 00000000', '11000104 00000000', udp(7, 8, text('abcd'))), 43)],
  ['a number between length and EtherType', 1, ethernet('8100 0001 05ff', datagram)],
  ['a fragment that was cut', 101, ipv4(new Uint8Array(80), { offset: 80, more: true, total: 200 })],
  ['a fragment beyond the largest datagram', 101, ipv4(new Uint8Array(24), { id: 9, offset: 65_520 })],
  ['a packet shorter than its header', 101, ipv4(hex(''), { total: 12 })],
  ['a packet longer than its record', 101, ipv4(udp(1000, 53, text('query')), { total: 400 })],
  [
    'a jumbogram, most of it cut off',
    101,
    ipv6(bytes('0600 c204 00011170', tcp(1, 2, text('abcd'))), 0, undefined, undefined, 0),
  ],
  ['IPv6 without a length', 101, ipv6(tcp(1, 2, text('abcdefghijkl')), 6, undefined, undefined, 0)],
  [
    'TCP with options',
    101,
    ipv4(tcp(1, 2, text('abcd'), { options: '0101080a0000000100000002', flags: 0x18 }), { proto: 6 }),
  ],
  ['IPv6 in IPv4 with a trailer', 1, ethernet('0800', bytes(outer(six, 41), 'deadbeef'))],
  ['SSH', 101, ipv4(tcp(40000, 22, text('SSH-2.0-x\r\n')), { proto: 6 })],
  ['FTP', 101, ipv4(tcp(21, 40001, text('220 ready\r\n')), { proto: 6 })],
  ['FTP, a command', 101, ipv4(tcp(40001, 21, text('USER x\r\n')), { proto: 6 })],
  ['DNS, an answer', 101, ipv4(udp(53, 40002, bytes('0001 8180 0001 0001 0000 0000', new Uint8Array(20))))],
  ['NTP', 101, ipv4(udp(40003, 123, bytes('24', new Uint8Array(47))))],
  ['SCTP with a chunk', 101, ipv4(bytes(be16(5000), be16(5001), new Uint8Array(24)), { proto: 132 })],
  ['ICMPv6', 101, ipv6(bytes('8000 0000 0001 0002', text('ping')), 58)],
  ['an Ethernet pseudowire', 1, ethernet('8847 00010140', ethernet('0800', datagram))],
  ['an Ethernet pseudowire with a control word', 219, bytes('00010140 00000001', ethernet('0800', datagram))],
  ['another protocol', 101, ipv4(new Uint8Array(30), { proto: 89 })],
];

/** One of each, by link type. */
export const KINDS: readonly Kind[] = [...LAYERS, ...PACKETS.map(([name, frame]): Kind => [name, 1, frame]), ...MORE];

/** Most bytes of a frame that are changed: the headers come first. */
const CHANGED = 110;

/** A frame, the frame cut at every byte, and with each byte in turn at its extremes. */
export function damaged(frame: Uint8Array, from: number): BuiltRecord[] {
  const records: BuiltRecord[] = [];
  const add = (content: Uint8Array, origLen = content.length): void => {
    records.push({ us: from + records.length * 7919, ns: records.length % 1000, bytes: content, origLen });
  };
  add(frame);
  for (let length = 0; length < frame.length; length++) add(frame.subarray(0, length), frame.length);
  for (let at = 0; at < Math.min(frame.length, CHANGED); at++)
    for (const value of [0, 255, frame[at] ^ 1]) {
      const other = frame.slice();
      other[at] = value;
      add(other);
    }
  return records;
}

const FLAGS = [2, 2, 18, 16, 16, 16, 24, 17, 4, 20, 194, 0];

/** Conversations of TCP, UDP and ICMP over hours, in random order. */
export function conversations(count: number): BuiltRecord[] {
  const next = random(7);
  const records: BuiltRecord[] = [];
  let us = START_US;
  for (let i = 0; i < count; i++) {
    us += pick(next, [0, 1, 40, 3000, 200_000, 1_000_000, 7_000_000]);
    if (next() < 0.002) us += pick(next, [400_000_000, 4_000_000_000]);
    const flow = between(next, 0, 39);
    const reply = next() < 0.4;
    const server = pick(next, [21, 22, 53, 80, 123, 443, 5000]);
    const ports: [number, number] = reply ? [server, 40_000 + flow] : [40_000 + flow, server];
    const hosts = { src: reply ? '10.0.2.2' : '10.0.2.1', dst: reply ? '10.0.2.1' : '10.0.2.2' };
    const payload = new Uint8Array(pick(next, [0, 0, 1, 48, 100, 900]));
    if (flow < 28) {
      const seq = (0xffff_ff00 + between(next, 0, 2000)) >>> 0;
      const ack = (0xffff_ff00 + between(next, 0, 2000)) >>> 0;
      const segment = tcp(...ports, payload, { seq, ack, flags: pick(next, FLAGS), window: between(next, 0, 65535) });
      const bare = ipv4(segment, { ...hosts, proto: 6 });
      const vlan = flow % 7 === 0 ? '88a8 0065 8100 0007 ' : flow % 5 === 0 ? '8100 0005 ' : '';
      const frame = ethernet(`${vlan}0800`, bare);
      records.push({ us, bytes: next() < 0.1 ? frame.subarray(0, 68) : frame, origLen: frame.length });
    } else if (flow < 36) {
      records.push({ us, bytes: ethernet('0800', ipv4(udp(...ports, payload), hosts)) });
    } else {
      const echo = bytes(reply ? '0000' : '0800', '0000', be16(flow), be16(i & 0xffff), payload);
      records.push({ us, bytes: ethernet('0800', ipv4(echo, { ...hosts, proto: 1 })) });
    }
  }
  return records;
}
