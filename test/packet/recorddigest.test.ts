/** The digest of a capture's records, which breaks ties in the order of captures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { PacketDecoder } from '../../shared/packet/decode.ts';
import { FATE_FRAGMENT, FATE_SESSION, FATES } from '../../shared/packet/fate.ts';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { FragmentColumns } from '../../shared/packet/fragmentcolumns.ts';
import { RecordDigest } from '../../shared/packet/recorddigest.ts';
import { ethernet, ipv4, ipv6, tcp, text, udp } from './harness.ts';

interface PacketIn {
  bytes: Uint8Array;
  us?: number;
  ns?: number;
  origLen?: number;
  linkType?: number;
}

/** Digest of packets as the map takes it, in steps of any length. */
function digestOf(packets: readonly PacketIn[], step = Number.POSITIVE_INFINITY): string {
  const columns = new PacketColumns(8);
  const flows = new FlowTable();
  const fragments = new FragmentColumns(8);
  const decoder = new PacketDecoder({ keyVlan: false }, columns, flows, fragments, { anomaly() {} });
  const fates = new Float64Array(FATES.length);
  const digest = new RecordDigest();
  for (const [i, { bytes, us = 1000, ns = 0, origLen = bytes.length, linkType = 1 }] of packets.entries()) {
    const fate = decoder.packet(bytes, 0, bytes.length, origLen, us, ns, linkType, i * 100);
    fates[fate]++;
    if (fate !== FATE_SESSION && fate !== FATE_FRAGMENT)
      digest.undecoded(bytes, 0, bytes.length, origLen, us, ns, linkType);
  }
  const isIn = (offset: number, from: number): boolean => offset >= from * 100 && offset < (from + step) * 100;
  const upTo = (offsets: Float64Array, length: number, start: number, from: number): number => {
    let end = start;
    while (end < length && isIn(offsets[end], from)) end++;
    return end;
  };
  for (let from = 0, row = 0, fragment = 0; from < packets.length; from += step) {
    const rowEnd = upTo(columns.offset, columns.length, row, from);
    const fragmentEnd = upTo(fragments.offset, fragments.length, fragment, from);
    digest.records(columns, flows, row, rowEnd, fragments, fragment, fragmentEnd);
    [row, fragment] = [rowEnd, fragmentEnd];
  }
  return digest.finish(fates);
}

const v4 = (payload = udp(1, 2, text('abc')), options: Parameters<typeof ipv4>[1] = {}): Uint8Array =>
  ethernet('0800', ipv4(payload, options));
const v6 = (src: string, dst: string): Uint8Array => ethernet('86dd', ipv6(udp(1, 2, text('abc')), 17, src, dst));
const segment = (options: Parameters<typeof tcp>[3]): Uint8Array => v4(tcp(1, 2, text('abc'), options), { proto: 6 });
const v6Fragment = (next: number): Uint8Array =>
  ethernet('86dd', ipv6(Uint8Array.from([next, 0, 0, 1, 0, 0, 0, 9, ...new Array<number>(16).fill(1)]), 44));

/** Pairs of captures that differ in one thing that results can show. */
const DIFFERENT: [what: string, a: PacketIn[], b: PacketIn[]][] = [
  ['time', [{ bytes: v4(), us: 1 }], [{ bytes: v4(), us: 2 }]],
  ['nanoseconds', [{ bytes: v4(), ns: 1 }], [{ bytes: v4(), ns: 2 }]],
  ['source', [{ bytes: v4(undefined, { src: '10.0.0.8' }) }], [{ bytes: v4(undefined, { src: '10.0.0.9' }) }]],
  ['direction', [{ bytes: v4() }], [{ bytes: v4(undefined, { src: '10.0.0.2', dst: '10.0.0.1' }) }]],
  ['port', [{ bytes: v4(udp(1, 2, text('abc'))) }], [{ bytes: v4(udp(1, 3, text('abc'))) }]],
  [
    'order of words in an IPv6 address',
    [{ bytes: v6('20010db8000000010000000200000003', '20010db8000000000000000000000002') }],
    [{ bytes: v6('20010db8000000020000000100000003', '20010db8000000000000000000000002') }],
  ],
  ['payload length', [{ bytes: v4() }], [{ bytes: v4(udp(1, 2, text('abcd'))) }]],
  ['sequence number', [{ bytes: segment({ seq: 1 }) }], [{ bytes: segment({ seq: 2 }) }]],
  ['acknowledgement', [{ bytes: segment({ ack: 1 }) }], [{ bytes: segment({ ack: 2 }) }]],
  ['TCP flags', [{ bytes: segment({ flags: 2 }) }], [{ bytes: segment({ flags: 16 }) }]],
  ['VLAN', [{ bytes: ethernet('8100', vlan(5)) }], [{ bytes: ethernet('8100', vlan(6)) }]],
  ['inner VLAN', [{ bytes: ethernet('88a8', vlan(5, vlan(7))) }], [{ bytes: ethernet('88a8', vlan(5, vlan(8))) }]],
  ['length on the wire', [{ bytes: v4(), origLen: 100 }], [{ bytes: v4(), origLen: 200 }]],
  ['what is no IP', [{ bytes: v4() }], [{ bytes: v4() }, { bytes: ethernet('0806', new Uint8Array(28)) }]],
  [
    'order of packets',
    [{ bytes: v4() }, { bytes: v4(udp(3, 4, text('abc'))) }],
    [{ bytes: v4(udp(3, 4, text('abc'))) }, { bytes: v4() }],
  ],
  [
    'order of packets and fragments',
    [{ bytes: v4() }, { bytes: v4(new Uint8Array(16), { more: true }) }],
    [{ bytes: v4(new Uint8Array(16), { more: true }) }, { bytes: v4() }],
  ],
  [
    'offset of a fragment',
    [{ bytes: v4(new Uint8Array(16), { offset: 8, more: true }) }],
    [{ bytes: v4(new Uint8Array(16), { offset: 16, more: true }) }],
  ],
  [
    'identification of a fragment',
    [{ bytes: v4(new Uint8Array(16), { more: true, id: 1 }) }],
    [{ bytes: v4(new Uint8Array(16), { more: true, id: 2 }) }],
  ],
  [
    'bytes of a fragment',
    [{ bytes: v4(new Uint8Array(16), { more: true }) }],
    [{ bytes: v4(new Uint8Array(16).fill(1), { more: true }) }],
  ],
  ['time of what is no IP', [{ bytes: arp(1), us: 1 }], [{ bytes: arp(1), us: 2 }]],
  ['nanoseconds of what is no IP', [{ bytes: arp(1), ns: 1 }], [{ bytes: arp(1), ns: 2 }]],
  ['bytes of what is no IP', [{ bytes: arp(1) }], [{ bytes: arp(2) }]],
  ['length on the wire of what is no IP', [{ bytes: arp(1), origLen: 60 }], [{ bytes: arp(1), origLen: 64 }]],
  ['first bytes of a long record that is no IP', [{ bytes: arp(1, 300) }], [{ bytes: arp(2, 300) }]],
  ['last bytes of a long record that is no IP', [{ bytes: arp(1, 300, 1) }], [{ bytes: arp(1, 300, 2) }]],
  ['order of what is no IP', [{ bytes: arp(1) }, { bytes: arp(2) }], [{ bytes: arp(2) }, { bytes: arp(1) }]],
  ['link type of what is not decoded', [{ bytes: arp(1), linkType: 195 }], [{ bytes: arp(1), linkType: 215 }]],
  ['protocol of an IPv6 fragment', [{ bytes: v6Fragment(6) }], [{ bytes: v6Fragment(17) }]],
];

/** A frame with ARP: its first and last byte are as given. */
function arp(first: number, bytes = 28, last = 0): Uint8Array {
  const body = new Uint8Array(bytes);
  body[0] = first;
  body[bytes - 1] = last;
  return ethernet('0806', body);
}

function vlan(id: number, inner?: Uint8Array): Uint8Array {
  const type = inner === undefined ? [8, 0] : [0x81, 0];
  return Uint8Array.from([0, id, ...type, ...(inner ?? ipv4(udp(1, 2, text('abc'))))]);
}

for (const [what, a, b] of DIFFERENT)
  test(`captures that differ in ${what} have different digests`, () => {
    assert.notEqual(digestOf(a), digestOf(b));
  });

test('a digest is the same in steps of any length, and wherever the records stand', () => {
  const packets = DIFFERENT.flatMap(([, a, b]) => [...a, ...b]);
  for (const step of [1, 2, 7]) assert.equal(digestOf(packets, step), digestOf(packets));
});
