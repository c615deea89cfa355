/** The mark of a packet: what it tells apart, and what it does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { PacketDecoder } from '../../shared/packet/decode.ts';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { FragmentColumns } from '../../shared/packet/fragmentcolumns.ts';
import { ethernet, ipv4, ipv6, tcp, text, udp } from './harness.ts';

/** Marks of the rows of a frame, the outermost first. */
function marks(frame: Uint8Array): number[] {
  const columns = new PacketColumns(8);
  const fragments = new FragmentColumns(8);
  const decoder = new PacketDecoder({ keyVlan: false }, columns, new FlowTable(), fragments, { anomaly() {} });
  decoder.packet(frame, 0, frame.length, frame.length, 1000, 0, 1, 24);
  return [...columns.mark.subarray(0, columns.length)];
}

const v4 = (payload: Uint8Array, proto: number, options: Parameters<typeof ipv4>[1] = {}): Uint8Array =>
  ethernet('0800', ipv4(payload, { id: 1, ...options, proto }));
const v6 = (payload: Uint8Array, next: number): Uint8Array => ethernet('86dd', ipv6(payload, next));
const changed = (frame: Uint8Array, at: number): Uint8Array => {
  const other = frame.slice();
  other[at] ^= 0x55;
  return other;
};

const ETHERNET = 14;
const SEGMENT = Uint8Array.from([...tcp(1, 2, new Uint8Array(0)), 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
SEGMENT[12] = 0x80;
const LONG = text('a datagram with a payload of more than thirty-two bytes, all different');
const DATAGRAM = udp(1, 2, LONG);
const ECHO = Uint8Array.of(8, 0, 1, 2, 0, 9, 0, 1, 5, 5, 5, 5);

test('the mark of TCP is the identification, or a hash of the options where there is none', () => {
  assert.deepEqual(marks(v4(SEGMENT, 6, { id: 0x1234 })), [0x1234]);
  for (const frame of [v4(SEGMENT, 6, { id: 0 }), v6(SEGMENT, 6)]) {
    const [mark] = marks(frame);
    assert.ok(mark > 0 && mark < 0x10000);
    for (let back = 1; back <= 12; back++)
      assert.notDeepEqual(marks(changed(frame, frame.length - back)), [mark], `option byte ${back} before the end`);
  }
  assert.deepEqual(marks(v4(tcp(1, 2, text('abc')), 6, { id: 0 })), [0], 'without options');
});

test('datagrams differ in identification, and in each of the first 24 and last 8 bytes of payload', () => {
  const frame = v4(DATAGRAM, 17);
  const [mark] = marks(frame);
  assert.notDeepEqual(marks(v4(DATAGRAM, 17, { id: 2 })), [mark]);
  const payload = frame.length - LONG.length;
  for (let at = 0; at < LONG.length; at++) {
    const [other] = marks(changed(frame, payload + at));
    assert.equal(other !== mark, at < 24 || at >= LONG.length - 8, `byte ${at} of the payload`);
  }
});

test('every byte of a short datagram counts, whatever its length', () => {
  for (let length = 1; length <= 32; length++) {
    const frame = v6(udp(1, 2, new Uint8Array(length).fill(7)), 17);
    const [mark] = marks(frame);
    for (let back = 1; back <= length; back++)
      assert.notDeepEqual(marks(changed(frame, frame.length - back)), [mark], `${back} before the end of ${length}`);
  }
});

test('messages of ICMP differ in type, code, number and content, of IPv6 too', () => {
  for (const frame of [v4(ECHO, 1), v6(Uint8Array.of(128, ...ECHO.subarray(1)), 58)]) {
    const [mark] = marks(frame);
    for (const back of [1, 4, 5, 7, 8, 11, 12])
      assert.notDeepEqual(marks(changed(frame, frame.length - back)), [mark], `${back} before the end`);
  }
});

test('TTL, DSCP, checksums, the link layer and what is behind the packet change no mark', () => {
  for (const frame of [v4(DATAGRAM, 17), v4(SEGMENT, 6), v4(SEGMENT, 6, { id: 0 }), v4(ECHO, 1)]) {
    const expected = marks(frame);
    const ip = ETHERNET;
    // Address of the link layer, DSCP, TTL, checksum of IP.
    for (const at of [0, ip + 1, ip + 8, ip + 10, ip + 11])
      assert.deepEqual(marks(changed(frame, at)), expected, `${at}`);
    const checksum = ip + 20 + ({ 6: 16, 17: 6, 1: 2 }[frame[ip + 9]] ?? 0);
    assert.deepEqual(marks(changed(frame, checksum)), expected, 'checksum of the transport');
    assert.deepEqual(marks(Uint8Array.from([...frame, 1, 2, 3, 4])), expected, 'trailer');
  }
});

test('behind AH the content of the transport counts, in IPv4 as in IPv6, and AH itself does not', () => {
  const header = Uint8Array.of(17, 4, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  for (const frame of [
    v4(Uint8Array.from([...header, ...DATAGRAM]), 51),
    v6(Uint8Array.from([...header, ...DATAGRAM]), 51),
  ]) {
    const [mark] = marks(frame);
    const datagram = frame.length - DATAGRAM.length;
    assert.deepEqual(marks(changed(frame, datagram - 1)), [mark], 'check value');
    assert.notDeepEqual(marks(changed(frame, datagram + 8)), [mark], 'first byte of payload');
  }
});

test('the packet in a tunnel and the one around it have marks of their own', () => {
  const inner = (id: number): Uint8Array => ethernet('0800', ipv4(SEGMENT, { proto: 6, id }));
  const vxlan = (id: number): Uint8Array => Uint8Array.from([8, 0, 0, 0, 0, 0, 42, 0, ...inner(id)]);
  const [outer, own] = marks(v4(udp(1, 4789, vxlan(77)), 17));
  assert.equal(own, 77);
  const [otherOuter, other] = marks(v4(udp(1, 4789, vxlan(77)), 17, { id: 2 }));
  assert.notEqual(otherOuter, outer);
  assert.equal(other, 77);
});
