/** L2TP of both versions: what it carries, behind which headers, and messages that carry nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { be16, bytes, ethernet, hex, ipv4, ipv6, random, tcp, text, udp, Workbench } from '../harness.ts';

const RAW = 101;
const outer = { src: '192.0.2.1', dst: '192.0.2.2' };
const packet = ipv4(udp(1000, 2000, text('query')));
const six = ipv6(udp(1000, 2000, text('query')), 17);
const frame = ethernet('0800', packet);
const INNER = '17 10.0.0.1:1000 10.0.0.2:2000';
const INNER6 = '17 2001:db8::1:1000 2001:db8::2:2000';

const over = (...parts: Parameters<typeof bytes>) => ipv4(udp(1701, 1701, bytes(...parts)), outer);

for (const [name, content, flow, session] of [
  ['without optional fields', bytes('0002 0001 0007 ff03 0021', packet), INNER, 7],
  ['with sequence numbers', bytes('0802 0001 0007 0003 0004 ff03 0021', packet), INNER, 7],
  ['with an offset', bytes('0202 0001 0007 0003 eeeeee ff03 0021', packet), INNER, 7],
  ['with priority', bytes('0102 0001 ffff ff03 0021', packet), INNER, 65535],
  ['without address and control', bytes('0002 0001 0007 0021', packet), INNER, 7],
  ['with a short protocol', bytes('0002 0001 0007 21', packet), INNER, 7],
  ['with both', bytes('0002 0001 0007 ff03 57', six), INNER6, 7],
  [
    'with all of them',
    bytes('4b02', be16(20 + packet.length), '0001 0007 0003 0004 0002 eeee ff03 0021', packet),
    INNER,
    7,
  ],
] as const)
  test(`version 2 ${name} carries PPP`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(over(content), RAW), 'session');
    assert.deepEqual([bench.levels(), bench.flow(0)], [[1, 0], '17 192.0.2.1:1701 192.0.2.2:1701']);
    assert.deepEqual([bench.flow(), bench.payload()], [flow, 5]);
    assert.equal(bench.tunnel(), `l2tp 192.0.2.1>192.0.2.2 session=${session}`);
    assert.deepEqual(bench.odd, []);
  });

test('bytes behind the length of version 2 are not the packet’s', () => {
  const unsized = ipv4(udp(1000, 2000, text('query')), { total: 0 });
  const bench = new Workbench();
  bench.decode(over('4002', be16(12 + unsized.length), '0001 0007 ff03 0021', unsized, '00'.repeat(30)), RAW);
  assert.equal(bench.columns.ipLen[1], unsized.length);
});

test('what PPP carries besides IP is counted, and the datagram has its row', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(over('0002 0001 0007 ff03 c021 01010004'), RAW), 'not_ip');
  assert.equal(bench.decode(over('0002 0001 0007 80fd 01010004'), RAW), 'not_ip');
  assert.equal(bench.undecodedNames(), 'ppp_0x80fd_CCP=1,ppp_0xc021_LCP=1');
  assert.equal(bench.columns.length, 2);
});

test('messages of version 2 without a packet are datagrams like any other', () => {
  for (const content of [
    bytes('c802 0014 0001 0000 0000 0000 8000 0000 0006', packet), // Control.
    bytes('0002 0001 0007'),
    bytes('0002 0001 0007 ff03'),
    bytes('0002 0001 0007 ff03 0021'),
    bytes('0002 0001 0007 ff03 0020', packet), // No PPP protocol.
    bytes('4002 0007 0001 0007 ff03 0021', packet), // Shorter than its header.
    bytes('0202 0001 0007 0fff', packet),
    bytes('1002 0001 0007 ff03 0021', packet), // Reserved.
    bytes('0012 0001 0007 ff03 0021', packet),
    bytes('0001 0001 0007 ff03 0021', packet), // Version of L2F.
    hex('0002'),
    hex(''),
  ]) {
    const bench = new Workbench();
    assert.equal(bench.decode(over(content), RAW), 'session');
    assert.deepEqual([bench.levels(), bench.odd], [[0], []], Buffer.from(content).toString('hex'));
  }
});

const CARRIED = [
  ['an Ethernet frame', frame, INNER],
  ['an Ethernet frame with a tag', ethernet('8100 0005 86dd', six), INNER6],
  ['PPP', bytes('ff030021', packet), INNER],
  ['PPP with IPv6', bytes('ff030057', six), INNER6],
  ['HDLC', bytes('0f000800', packet), INNER],
  ['HDLC to all', bytes('8f0086dd', six), INNER6],
  ['IP', packet, INNER],
  ['IPv6', six, INNER6],
] as const;
const COOKIES = ['', '01020304', 'f0e0d0c0 b0a09080'];
const SUBLAYERS = ['', '40000007'];

for (const [name, content, flow] of CARRIED)
  test(`version 3 carries ${name}, behind cookies and sublayers of any length`, () => {
    for (const cookie of COOKIES)
      for (const sublayer of SUBLAYERS) {
        const skipped = bytes('fffffff7', cookie, sublayer, content);
        const bench = new Workbench();
        assert.equal(bench.decode(ipv4(skipped, { ...outer, proto: 115 }), RAW), 'session');
        assert.equal(bench.decode(over('00030000', skipped), RAW), 'session');
        assert.deepEqual(bench.levels(), [0, 1, 0], `${cookie} ${sublayer}`);
        for (const row of [0, 2]) {
          assert.deepEqual([bench.flow(row), bench.payload(row)], [flow, 5]);
          assert.equal(bench.tunnel(row), 'l2tpv3 192.0.2.1>192.0.2.2 session=4294967287');
        }
        assert.deepEqual(bench.odd, []);
      }
  });

test('ARP of version 3 is not IP', () => {
  const arp = ethernet('0806 0001 0800 0604 0001', new Uint8Array(38));
  const bench = new Workbench();
  assert.equal(bench.decode(ipv4(bytes('00000007 01020304', arp), { ...outer, proto: 115 }), RAW), 'not_ip');
  assert.equal(bench.undecodedNames(), 'ethertype_0x0806_ARP=1');
});

test('control messages of version 3, and what cannot be told, are flows of the outer packet', () => {
  const next = random(7);
  const noise = Uint8Array.from({ length: 80 }, () => next(256));
  for (const content of [
    bytes('00000000', frame), // Control.
    bytes('00000007', noise),
    bytes('00000007'),
    bytes('00000007 01020304 40000001 01020304 05', frame.subarray(0, 30)),
    hex('0000'),
    hex(''),
  ]) {
    const bench = new Workbench();
    assert.equal(bench.decode(ipv4(content, { ...outer, proto: 115 }), RAW), 'session');
    assert.equal(bench.decode(over('00030000', content), RAW), 'session');
    assert.deepEqual([bench.levels(), bench.odd], [[0, 0], []], Buffer.from(content).toString('hex'));
    assert.deepEqual([bench.flow(0), bench.payload(0)], ['115 192.0.2.1:0 192.0.2.2:0', content.length]);
    assert.equal(bench.flow(1), '17 192.0.2.1:1701 192.0.2.2:1701');
  }
  const reserved = new Workbench();
  for (const word of ['00030001', '00130000', '80030000']) reserved.decode(over(word, '00000007', frame), RAW);
  assert.deepEqual(reserved.levels(), [0, 0, 0]);
});

test('random bytes behind a session identifier are next to never a packet (seed 3)', () => {
  const next = random(3);
  const bench = new Workbench();
  for (let i = 0; i < 40_000; i++) {
    const noise = Uint8Array.from({ length: 60 }, () => next(256));
    bench.decode(ipv4(bytes('00000007', noise), { ...outer, proto: 115 }), RAW);
  }
  assert.equal(bench.flows.count, 1);
});

test('a packet that the snaplen cut in its payload is still found', () => {
  const big = ipv4(tcp(1, 2, new Uint8Array(1000)), { proto: 6 });
  const whole = ipv4(bytes('00000007 01020304', ethernet('0800', big)), { ...outer, proto: 115 });
  const bench = new Workbench();
  assert.equal(bench.decode(whole, RAW, 100, whole.length), 'session');
  assert.deepEqual([bench.flow(), bench.payload()], ['6 10.0.0.1:1 10.0.0.2:2', 1000]);
});
