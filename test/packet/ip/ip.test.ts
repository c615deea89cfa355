/** IPv4 and IPv6: lengths, fragments, extension headers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { META_TRUNCATED } from '../../../shared/packet/columns.ts';
import { be16, be32, bytes, ethernet, hex, ipv4, ipv6, tcp, text, udp, V6_ONE, V6_TWO, Workbench } from '../harness.ts';

const RAW = 101;
const FINAL = 'fd000000000000000000000000000009';

test('a packet to a smaller address is sent by end B', () => {
  const bench = new Workbench();
  bench.decode(ipv4(udp(9, 7, text('x')), { src: '200.0.0.1', dst: '100.0.0.1' }), RAW);
  assert.equal(bench.flow(), '17 100.0.0.1:7 200.0.0.1:9');
  assert.equal(bench.fromB(), true);
});

test('Ethernet padding is not payload', () => {
  const bench = new Workbench();
  assert.equal(
    bench.decode(ethernet('0800', bytes(ipv4(tcp(1, 2, text('ab'), {}), { proto: 6 }), new Uint8Array(18)))),
    'session',
  );
  assert.equal(bench.payload(), 2);
  assert.equal(bench.columns.ipLen[0], 42);
  assert.equal(bench.columns.meta[0] & META_TRUNCATED, 0);
});

test('padding after an IP packet without payload is not a TCP header', () => {
  assert.equal(
    new Workbench().decode(ethernet('0800', bytes(ipv4(hex(''), { proto: 6 }), new Uint8Array(26)))),
    'truncated_header',
  );
});

test('payload that the snaplen cut off counts, and the row is marked', () => {
  const bench = new Workbench();
  const packet = ipv4(tcp(1, 2, new Uint8Array(1000)), { proto: 6 });
  assert.equal(bench.decode(packet, RAW, 68), 'session');
  assert.equal(bench.payload(), 1000);
  assert.equal(bench.columns.meta[0], META_TRUNCATED);
  assert.deepEqual([bench.columns.capLen[0], bench.columns.origLen[0]], [68, 1040]);
});

test('total length 0 of segmentation offload means the bytes of the record', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(ipv4(tcp(1, 2, new Uint8Array(3000)), { proto: 6, total: 0 }), RAW), 'session');
  assert.equal(bench.payload(), 3000);
  assert.equal(bench.columns.ipLen[0], 3040);
  assert.deepEqual(bench.odd, ['ip_hdr_len_zero']);
});

test('of a packet of total length 0 that the snaplen cut, the bytes on the wire count', () => {
  const bench = new Workbench();
  const frame = ethernet('0800', ipv4(tcp(1, 2, new Uint8Array(3000)), { proto: 6, total: 0 }));
  assert.equal(bench.decode(frame, 1, 96), 'session');
  assert.deepEqual([bench.payload(), bench.columns.ipLen[0], bench.columns.meta[0]], [3000, 3040, META_TRUNCATED]);
});

test('a length beyond the record is reported, and the packet counts as its header says', () => {
  const datagram = udp(1000, 53, new Uint8Array(1000));
  for (const packet of [ipv4(datagram), ipv6(datagram, 17)]) {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, RAW, 96, 96), 'session');
    assert.deepEqual([bench.payload(), bench.columns.ipLen[0]], [1000, packet.length]);
    assert.deepEqual([bench.columns.meta[0], bench.odd], [META_TRUNCATED, ['truncated_IP_len']]);
  }
});

test('options are skipped', () => {
  const bench = new Workbench();
  bench.decode(ipv4(udp(5, 6, text('abc')), { options: '94040000' }), RAW);
  assert.equal(bench.flow(), '17 10.0.0.1:5 10.0.0.2:6');
  assert.equal(bench.payload(), 3);
});

test('damaged IPv4 headers have names', () => {
  const good = ipv4(udp(1, 2, text('payload')));
  const change = (at: number, value: number) => good.map((byte, i) => (i === at ? value : byte));
  assert.equal(new Workbench().decode(good.subarray(0, 19), RAW), 'truncated_IP');
  assert.equal(new Workbench().decode(change(0, 0x55), RAW), 'unknown_ip_version');
  assert.equal(new Workbench().decode(change(0, 0x44), RAW), 'IPv4_min_header_size');
  assert.equal(new Workbench().decode(change(0, 0x4f), RAW), 'invalid_IP_header_size');
  assert.equal(
    new Workbench().decode(ipv4(udp(1, 2, text('x')), { options: '01'.repeat(40) }), RAW, 40),
    'internally_truncated_header',
  );
  assert.equal(new Workbench().decode(ipv4(hex(''), { proto: 59 }), RAW), 'ipv6_no_next');
});

test('a record with fewer bytes on the wire than captured is read by its captured bytes', () => {
  const packet = ipv4(udp(1, 2, text('payload')));
  assert.equal(new Workbench().decode(packet, RAW, packet.length, 3), 'session');
});

test('fragments become fragment rows, first, middle and last', () => {
  const bench = new Workbench();
  const part = new Uint8Array(64).fill(7);
  assert.equal(bench.decode(ipv4(part, { id: 0xbeef, more: true }), RAW), 'fragment');
  assert.equal(bench.decode(ipv4(part, { id: 0xbeef, offset: 64, more: true }), RAW), 'fragment');
  assert.equal(bench.decode(ipv4(part, { id: 0xbeef, offset: 240 }), RAW), 'fragment');
  const { fragments } = bench;
  assert.equal(bench.columns.length, 0);
  assert.deepEqual([...fragments.fragOffset.subarray(0, 3)], [0, 64, 240]);
  assert.deepEqual([...fragments.fragLength.subarray(0, 3)], [64, 64, 64]);
  assert.deepEqual([...fragments.more.subarray(0, 3)], [1, 1, 0]);
  assert.deepEqual([...fragments.headLen.subarray(0, 3)], [64, 64, 16], 'only bytes below 256 are kept');
  assert.equal(fragments.id[2], 0xbeef);
  assert.equal(fragments.proto[2], 17);
});

test('DF on a fragment and a small fragment are odd', () => {
  const bench = new Workbench();
  bench.decode(ipv4(new Uint8Array(8), { more: true, df: true }), RAW);
  assert.deepEqual(bench.odd, ['fragment_with_DF', 'excessively_small_fragment']);
});

test('a truncated first fragment is taken as a packet, other truncated fragments are refused', () => {
  const bench = new Workbench();
  const first = ipv4(udp(1000, 53, new Uint8Array(992)), { more: true });
  assert.equal(bench.decode(first, RAW, 96), 'session');
  assert.equal(bench.flow(), '17 10.0.0.1:1000 10.0.0.2:53');
  assert.equal(bench.payload(), 992);
  assert.equal(bench.columns.meta[0], META_TRUNCATED);
  assert.equal(
    bench.decode(ipv4(new Uint8Array(1000), { offset: 1000, more: true }), RAW, 96),
    'incompletely_captured_fragment',
  );
  assert.equal(bench.fragments.length, 0);
});

test('IPv6 extension headers are skipped', () => {
  const bench = new Workbench();
  const chain = bytes(
    '2b 00 0104 00000000',
    '3c 00 05000000 0000',
    '33 00 0104 00000000',
    '11 01 0000 00000001 00000002',
    udp(7, 8, text('abcd')),
  );
  assert.equal(bench.decode(ipv6(chain, 0), RAW), 'session');
  assert.equal(bench.flow(), '17 2001:db8::1:7 2001:db8::2:8');
  assert.equal(bench.payload(), 4);
  assert.equal(bench.columns.ipLen[0], 40 + chain.length);
});

test('a routing header of type 0 or 2 with segments left names the destination', () => {
  for (const type of ['00', '02']) {
    const bench = new Workbench();
    bench.decode(ipv6(bytes(`11 02 ${type} 01 00000000`, FINAL, udp(7, 8, text('abcd'))), 43), RAW);
    assert.equal(bench.flow(), '17 2001:db8::1:7 fd00::9:8');
    const done = new Workbench();
    done.decode(ipv6(bytes(`11 02 ${type} 00 00000000`, FINAL, udp(7, 8, text('abcd'))), 43), RAW);
    assert.equal(done.flow(), '17 2001:db8::1:7 2001:db8::2:8');
  }
});

test('a home address option names the source', () => {
  const bench = new Workbench();
  bench.decode(ipv6(bytes('11 02 0102 0000 c910', FINAL, udp(7, 8, text('abcd'))), 60), RAW);
  assert.equal(bench.flow(), '17 2001:db8::2:8 fd00::9:7');
});

test('an extension header that is cut off is a flow without ports', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(ipv6(bytes('11 05 0000 00000000'), 0), RAW), 'session');
  assert.equal(bench.flow(), '0 2001:db8::1:0 2001:db8::2:0');
});

test('ESP and mobility headers are flows of IPv6, behind other extension headers too', () => {
  const skipped = bytes('0000 010400000000');
  for (const [packet, flow, payload] of [
    [ipv6(new Uint8Array(40), 50), '50', 40],
    [ipv6(bytes('32', skipped.subarray(1), new Uint8Array(40)), 0), '50', 40],
    [ipv6(hex('00000001'), 50), '50', 4],
    [ipv6(bytes('3b 01 0500 0000 0000', new Uint8Array(8)), 135), '135', 16],
  ] as const) {
    const bench = new Workbench();
    assert.equal(bench.decode(packet, RAW), 'session');
    assert.deepEqual([bench.flow(), bench.payload()], [`${flow} 2001:db8::1:0 2001:db8::2:0`, payload]);
  }
  assert.equal(new Workbench().decode(ipv6(new Uint8Array(8), 59), RAW), 'ipv6_no_next');
});

test('AH over IPv4 is skipped: what it protects is the flow', () => {
  const header = '04 0000 00000100 00000007 0011223344556677 8899aabb';
  const datagram = udp(7, 8, text('abcd'));
  const bench = new Workbench();
  assert.equal(bench.decode(ipv4(bytes('11', header, datagram), { proto: 51 }), RAW), 'session');
  assert.deepEqual([bench.flow(), bench.payload()], ['17 10.0.0.1:7 10.0.0.2:8', 4]);
  // In tunnel mode.
  const inner = ipv4(datagram, { src: '192.168.0.1', dst: '192.168.0.2' });
  assert.equal(bench.decode(ipv4(bytes('04', header, inner), { proto: 51 }), RAW), 'session');
  assert.deepEqual([bench.flow(), bench.tunnel()], ['17 192.168.0.1:7 192.168.0.2:8', 'ip 10.0.0.1>10.0.0.2']);
  // With ESP inside there is a flow of ESP.
  assert.equal(bench.decode(ipv4(bytes('32', header, new Uint8Array(16)), { proto: 51 }), RAW), 'session');
  assert.deepEqual([bench.flow(), bench.payload()], ['50 10.0.0.1:0 10.0.0.2:0', 16]);
  assert.deepEqual(bench.odd, []);
});

test('AH that is no whole header, or longer than its packet, is a flow of its own', () => {
  for (const content of [
    '11040000 00000100 000000',
    '11000000 00000100 00000007',
    '11090000 00000100 00000007',
    '3b010000 00000100 00000007',
  ]) {
    const bench = new Workbench();
    assert.equal(bench.decode(ipv4(hex(content), { proto: 51 }), RAW), 'session');
    assert.equal(bench.flow(), '51 10.0.0.1:0 10.0.0.2:0', content);
  }
});

test('damaged IPv6 headers have names', () => {
  const good = ipv6(udp(1, 2, text('payload')), 17);
  assert.equal(new Workbench().decode(good.subarray(0, 39), RAW), 'truncated_IP');
  assert.equal(
    new Workbench().decode(
      ipv6(bytes('11 01 010c', new Uint8Array(12), udp(1, 2, text('x'))), 60, V6_ONE, V6_TWO, 8),
      RAW,
    ),
    'invalid_IP_header_size',
  );
});

test('IPv6 payload length 0 of segmentation offload means the bytes of the record', () => {
  for (const [payload, next] of [
    [tcp(1, 2, new Uint8Array(100)), 6],
    [udp(1, 2, new Uint8Array(100)), 17],
  ] as const) {
    const packet = ipv6(payload, next, V6_ONE, V6_TWO, 0);
    const bench = new Workbench();
    assert.equal(bench.decode(packet, RAW), 'session');
    assert.deepEqual([bench.payload(), bench.columns.ipLen[0], bench.odd], [100, packet.length, []]);
    const cut = new Workbench();
    assert.equal(cut.decode(packet, RAW, 70), 'session');
    assert.deepEqual([cut.payload(), cut.columns.ipLen[0]], [100, packet.length]);
    assert.equal(cut.columns.meta[0], META_TRUNCATED);
  }
});

test('IPv6 payload length 0 means none before a frame’s padding, and with no next header', () => {
  const padded = bytes(ipv6(hex(''), 17), new Uint8Array(6));
  assert.equal(new Workbench().decode(ethernet('86dd', padded)), 'truncated_header');
  assert.equal(new Workbench().decode(bytes(ipv6(hex(''), 59), new Uint8Array(40)), RAW), 'ipv6_no_next');
});

/** A jumbogram: hop-by-hop header of 8 bytes with the option, behind one byte of padding and a PadN when asked. */
function jumbogram(next: number, payload: Uint8Array, padded = false): Uint8Array {
  const length = payload.length + (padded ? 16 : 8);
  const header = padded
    ? bytes([next, 1], '00 01 01 00 00 00', 'c204', be32(length), '0000')
    : bytes([next, 0], 'c204', be32(length));
  return ipv6(bytes(header, payload), 0, V6_ONE, V6_TWO, 0);
}

test('a jumbogram has the length of its option, whatever was captured of it', () => {
  for (const padded of [false, true]) {
    const packet = jumbogram(6, tcp(1, 2, new Uint8Array(70_000)), padded);
    const frame = ethernet('86dd', packet);
    for (const [capLen, origLen] of [
      [frame.length, frame.length],
      [200, frame.length],
      [200, 200],
    ]) {
      const bench = new Workbench();
      assert.equal(bench.decode(frame, 1, capLen, origLen), 'session');
      assert.deepEqual([bench.payload(), bench.columns.ipLen[0]], [70_000, packet.length]);
      assert.deepEqual(bench.odd, origLen === 200 ? ['truncated_IP_len'] : []);
    }
    const trailer = new Workbench();
    trailer.decode(bytes(frame, 'deadbeef'));
    assert.equal(trailer.payload(), 70_000);
  }
});

test('UDP’s length is 0 in a jumbogram, and there alone', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(jumbogram(17, udp(1, 2, new Uint8Array(70_000), 0)), RAW), 'session');
  assert.deepEqual([bench.payload(), bench.odd], [70_000, []]);
  assert.equal(bench.decode(ipv4(udp(1, 2, new Uint8Array(100), 0)), RAW), 'session');
  assert.deepEqual([bench.payload(), bench.odd], [0, ['UDP_datagram_length_mismatch']]);
});

test('a jumbo option that says less than 65,536 bytes, or more than any system sends, is none', () => {
  for (const length of [100, 65_535, 8 * 65_536 + 1, 0xffffffff]) {
    const packet = ipv6(bytes('0600c204', be32(length), tcp(1, 2, new Uint8Array(50))), 0, V6_ONE, V6_TWO, 0);
    const bench = new Workbench();
    assert.equal(bench.decode(ethernet('86dd', packet)), 'session');
    assert.deepEqual([bench.payload(), bench.columns.ipLen[0]], [50, packet.length]);
  }
});

test('IPv6 whose extension headers the capture cut off is refused by name, not taken for another protocol', () => {
  const chain = bytes('3c01 0104 00000000 0000000000000000', '1100 0104 00000000', udp(7, 8, text('abcd')));
  const packet = ipv6(chain, 0);
  for (const origLen of [packet.length, 0])
    for (let capLen = 40; capLen < packet.length; capLen++) {
      const fate = new Workbench().decode(packet, RAW, capLen, origLen === 0 ? capLen : origLen);
      assert.equal(fate, capLen < 40 + 24 + 4 ? 'internally_truncated_header' : 'session', `${capLen} bytes`);
    }
  const fragment = ipv6(bytes(fragmentHeader(17, 0, 1), udp(7, 8, new Uint8Array(100))), 44);
  assert.equal(new Workbench().decode(fragment, RAW, 45), 'internally_truncated_header');
});

/** Fragment header: next header, offset in bytes, more flag, identification. */
function fragmentHeader(next: number, offset: number, more: number, id = 77): Uint8Array {
  return bytes([next, 0], be16(offset | more), be32(id));
}

test('IPv6 fragments become fragment rows with the unfragmentable part for header', () => {
  const bench = new Workbench();
  const part = bytes('2c 00 0104 00000000', fragmentHeader(17, 1232, 1, 0xdeadbeef), new Uint8Array(80));
  assert.equal(bench.decode(ipv6(part, 60), RAW), 'fragment');
  const { fragments } = bench;
  assert.deepEqual(
    [fragments.fragOffset[0], fragments.fragLength[0], fragments.more[0], fragments.headerLen[0], fragments.proto[0]],
    [1232, 80, 1, 48, 17],
  );
  assert.equal(fragments.id[0], 0xdeadbeef);
  assert.deepEqual([...fragments.ends.subarray(0, 8)], [0x20010db8, 0, 0, 1, 0x20010db8, 0, 0, 2]);
});

test('an atomic fragment is a whole packet, its fragment header not counted', () => {
  const bench = new Workbench();
  const packet = ipv6(bytes(fragmentHeader(60, 0, 0), '11 00 0104 00000000', udp(7, 8, text('abcd'))), 44);
  assert.equal(bench.decode(packet, RAW), 'session');
  assert.equal(bench.flow(), '17 2001:db8::1:7 2001:db8::2:8');
  assert.deepEqual([bench.payload(), bench.columns.ipLen[0]], [4, packet.length - 8]);
  assert.equal(bench.fragments.length, 0);
});

test('a fragment header after an atomic one ends the extension headers, one further on is skipped', () => {
  const inner = udp(7, 8, text('abcd'));
  const behind = new Workbench();
  behind.decode(ipv6(bytes(fragmentHeader(44, 0, 0), fragmentHeader(17, 0, 0), inner), 44), RAW);
  assert.equal(behind.flow(), '17 2001:db8::1:7 2001:db8::2:8');
  assert.equal(behind.payload(), 4);
  const many = new Workbench();
  many.decode(
    ipv6(bytes(fragmentHeader(44, 0, 0), fragmentHeader(44, 0, 0), fragmentHeader(17, 0, 0), inner), 44),
    RAW,
  );
  assert.equal(many.flow(), '44 2001:db8::1:0 2001:db8::2:0');
  const further = new Workbench();
  further.decode(ipv6(bytes(fragmentHeader(60, 0, 0), '2c000104 00000000', fragmentHeader(17, 0, 0), inner), 44), RAW);
  assert.equal(further.flow(), '17 2001:db8::1:7 2001:db8::2:8');
  assert.equal(further.payload(), 4);
});
