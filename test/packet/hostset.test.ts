/** Hosts whose packets are left out: their addresses, and what decoding appends of records that have them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decoderOf, FORGOTTEN } from '../../shared/packet/forgettingdecoder.ts';
import { FragmentJoiner, joinAll } from '../../shared/packet/fragment/fragmentjoin.ts';
import { canonicalAddress } from '../../shared/packet/hostset.ts';
import { bytes, ethernet, hex, ipv4, ipv6, udp, V6_ONE, V6_TWO, Workbench } from './harness.ts';

const RAW = 101;
const HOST = '10.9.8.7';
const HOST_BYTES = Buffer.from(hex('0a090807'));
const NET = { src: '10.0.0.1', dst: '10.0.0.2' };

/** A workbench whose decoder leaves hosts out. */
function forgetting(...forgotten: string[]): Workbench {
  const bench = new Workbench();
  const { columns, flows, fragments, odd } = bench;
  bench.decoder = decoderOf({ keyVlan: false, forgotten }, columns, flows, fragments, {
    anomaly: (name) => void odd.push(name),
  });
  return bench;
}

/** Whether a packet is left out, and that it leaves nothing behind then. */
function isLeftOut(bench: Workbench, packet: Uint8Array): boolean {
  const before = [bench.columns.length, bench.fragments.length, bench.fragments.headBytes, bench.odd.length];
  const fate = bench.decoder.packet(packet, 0, packet.length, packet.length, bench.us, 0, RAW, 24);
  const after = [bench.columns.length, bench.fragments.length, bench.fragments.headBytes, bench.odd.length];
  if (fate === FORGOTTEN) assert.deepEqual(after, before);
  return fate === FORGOTTEN;
}

const vxlan = (frame: Uint8Array): Uint8Array => udp(50000, 4789, bytes('08000000', '00002a', '00', frame));
const message = udp(5000, 9000, new Uint8Array(40));

test('addresses are told in the form of the tables, however they are written; other text is none', () => {
  for (const [text, canonical] of [
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:a01:203', '10.1.2.3'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::', '::'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['1::', '1::'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['10.1.2', undefined],
    ['10.1.2.300', undefined],
    ['10.0.0.0/8', undefined],
    ['fe80::1%eth0', undefined],
    ['', undefined],
  ] as const)
    assert.equal(canonicalAddress(text), canonical, text);
});

test('a packet of a host is left out as source, destination, and in the other form of its address', () => {
  const bench = forgetting(HOST, '2001:db8::1');
  assert.equal(isLeftOut(bench, ipv4(message, { ...NET, src: HOST })), true);
  assert.equal(isLeftOut(bench, ipv4(message, { ...NET, dst: HOST })), true);
  assert.equal(isLeftOut(bench, ipv6(message, 17)), true);
  assert.equal(isLeftOut(bench, ipv6(message, 17, V6_TWO, V6_ONE)), true);
  assert.equal(isLeftOut(bench, ipv6(message, 17, '00000000000000000000ffff0a090807', V6_TWO)), true);
  assert.equal(isLeftOut(bench, ipv6(message, 17, '00000000000000000000aaaa0a090807', V6_TWO)), false);
  assert.equal(isLeftOut(bench, ipv4(message, NET)), false);
  assert.equal(bench.columns.length, 2);
});

test('a tunnel with a host at any level is left out whole, with its outer packets and what it reports', () => {
  const bench = forgetting(HOST);
  const inner = (src: string): Uint8Array => ethernet('0800', ipv4(message, { src, dst: '10.0.1.2' }));
  assert.equal(isLeftOut(bench, ipv4(vxlan(inner(HOST)), NET)), true);
  assert.equal(isLeftOut(bench, ipv4(vxlan(inner('10.0.1.1')), { ...NET, dst: HOST })), true);
  assert.equal(isLeftOut(bench, ipv4(ipv4(message, NET), { ...NET, proto: 4, src: HOST })), true);
  assert.equal(isLeftOut(bench, ipv4(ipv4(message, { ...NET, src: HOST }), { ...NET, proto: 4 })), true);
  // Outer packet of another host, and what is odd in it.
  assert.equal(isLeftOut(bench, ipv4(ipv4(new Uint8Array(3), NET), { ...NET, proto: 4, src: HOST })), true);
  assert.equal(isLeftOut(bench, ipv4(ipv4(new Uint8Array(3), NET), { ...NET, proto: 4 })), false);
  assert.deepEqual(bench.odd, ['truncated_header']);
  assert.equal(isLeftOut(bench, ipv4(vxlan(inner('10.0.1.1')), NET)), false);
  assert.deepEqual(bench.levels(), [1, 0]);
});

test('fragments of a host are left out, and heads of tunnels that hold its address', () => {
  const bench = forgetting(HOST);
  const datagram = vxlan(ethernet('0800', ipv4(message, { src: HOST, dst: '10.0.1.2' })));
  const [head, tail] = [datagram.subarray(0, 64), datagram.subarray(64)];
  assert.equal(isLeftOut(bench, ipv4(head, { ...NET, id: 1, more: true })), true);
  assert.equal(isLeftOut(bench, ipv4(tail, { ...NET, id: 1, offset: 64 })), false);
  assert.equal(isLeftOut(bench, ipv4(message, { ...NET, src: HOST, id: 2, more: true })), true);
  assert.equal(Buffer.from(bench.fragments.heads.subarray(0, bench.fragments.headBytes)).includes(HOST_BYTES), false);
});

test('fragments of others stay, whatever bytes they hold: a ping, a name server’s answer, a tunnel’s later part', () => {
  const bench = forgetting(HOST);
  const filled = Buffer.alloc(64, HOST_BYTES);
  const answer = Buffer.concat([Uint8Array.of(0, 53, 0x30, 0x39, 0, 72, 0, 0), filled]);
  assert.equal(isLeftOut(bench, ipv4(filled, { ...NET, proto: 1, id: 1, more: true })), false);
  assert.equal(isLeftOut(bench, ipv4(answer, { ...NET, id: 2, more: true })), false);
  assert.equal(isLeftOut(bench, ipv4(filled, { ...NET, proto: 4, id: 3, offset: 64 })), false);
  assert.equal(bench.fragments.length, 3);
});

test('a datagram that is found to be a host’s only when it is joined gives no row, and its fragments count', () => {
  const bench = forgetting(HOST);
  const datagram = vxlan(ethernet('0800', ipv4(message, { src: '10.0.1.2', dst: HOST })));
  // The border lies in the middle of the address.
  const border = Buffer.from(datagram).indexOf(HOST_BYTES) + 2;
  assert.equal(border % 8, 0);
  assert.equal(isLeftOut(bench, ipv4(datagram.subarray(0, border), { ...NET, id: 1, more: true })), false);
  assert.equal(isLeftOut(bench, ipv4(datagram.subarray(border), { ...NET, id: 1, offset: border })), false);
  const { columns, flows } = new Workbench();
  const joiner = new FragmentJoiner({ keyVlan: false, forgotten: [HOST] }, columns, flows, 1, () => {});
  joinAll(joiner, bench.fragments);
  assert.deepEqual([columns.length, joiner.completed[0], joiner.neverCompleted[0]], [0, 2, 0]);
});
