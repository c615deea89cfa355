/** Link layers, tags and labels: where IP begins, and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { META_TRUNCATED } from '../../../shared/packet/columns.ts';
import type { FateName } from '../../../shared/packet/fate.ts';
import { bytes, ethernet, hex, ipv6, text, udp, V6_ONE, V6_TWO, Workbench } from '../harness.ts';
import { datagram, hexOf, LAYERS } from '../layers.ts';

const FLOW = '17 10.0.0.1:1000 10.0.0.2:53';

for (const [name, linkType, frame] of LAYERS) {
  test(`${name} leads to the datagram`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(frame, linkType), 'session');
    assert.equal(bench.flow(), FLOW);
    assert.equal(bench.payload(), 5);
    assert.deepEqual(bench.odd, []);
  });

  const datagramEnd = Buffer.from(frame).indexOf(datagram) + datagram.length;
  const headerEnd = datagramEnd - 'query'.length;
  const portsEnd = headerEnd - 4;

  test(`${name} cut at any byte is a session from the ports on, and before them refused by name`, () => {
    for (let capLen = 0; capLen < frame.length; capLen++) {
      const bench = new Workbench();
      const fate = bench.decode(frame, linkType, capLen);
      assert.equal(fate === 'session', capLen >= portsEnd, `${fate} at ${capLen}`);
      assert.equal(bench.decode(frame, linkType, capLen), fate, 'the same bytes have the same fate');
      assert.equal(bench.columns.length, fate === 'session' ? 2 : 0);
      const odd = fate === 'session' ? 'internally_truncated_header' : fate;
      assert.deepEqual(bench.odd, fate === 'not_ip' || capLen >= headerEnd ? [] : [odd, odd]);
    }
  });

  test(`${name} whose record hides that it was cut is the same packet, and is reported`, () => {
    for (let capLen = portsEnd; capLen < datagramEnd; capLen++) {
      const bench = new Workbench();
      assert.equal(bench.decode(frame, linkType, capLen, capLen), 'session');
      const { columns } = bench;
      assert.deepEqual([bench.flow(), bench.payload(), columns.ipLen[0]], [FLOW, 5, datagram.length]);
      assert.equal(columns.meta[0], META_TRUNCATED);
      const said = name.includes('802.3') ? 'truncated_ethernet_frame' : 'truncated_IP_len';
      assert.ok(bench.odd.includes(said), bench.odd.join());
    }
  });

  test(`${name} with bytes behind the datagram is the same packet: they are a trailer`, () => {
    const bench = new Workbench();
    assert.equal(bench.decode(bytes(frame, 'deadbeef'), linkType), 'session');
    assert.deepEqual([bench.flow(), bench.payload(), bench.columns.ipLen[0]], [FLOW, 5, datagram.length]);
    assert.deepEqual([bench.columns.meta[0], bench.odd], [0, []]);
  });
}

test('every family number of IPv6 on the BSDs is known', () => {
  const packet = ipv6(udp(1000, 53, text('query')), 17);
  for (const family of ['18000000', '1c000000', '1e000000', '0000001e']) {
    const bench = new Workbench();
    assert.equal(bench.decode(bytes(family, packet), 0), 'session');
    assert.equal(bench.flow(), '17 2001:db8::1:1000 2001:db8::2:53');
  }
});

test('every link type of raw IP is known: a wrong version there has another name than under an unknown link type', () => {
  for (const linkType of [12, 14, 101, 228, 229])
    assert.equal(
      new Workbench().decode(hex('50'.padEnd(80, '0')), linkType),
      'unknown_ip_version',
      `link type ${linkType}`,
    );
  for (const linkType of [20, 98, 227, 230])
    assert.equal(
      new Workbench().decode(hex('50'.padEnd(80, '0')), linkType),
      'unknown_link_type',
      `link type ${linkType}`,
    );
});

test('frames without IP are not_ip', () => {
  const padding = new Uint8Array(46);
  const frames: [string, number, Uint8Array][] = [
    ['ARP', 1, ethernet('0806 0001080006040001', padding)],
    ['PPPoE discovery', 1, ethernet('8863', padding)],
    ['spanning tree over LLC', 1, ethernet('0026 424203', padding)],
    ['Novell raw 802.3', 1, ethernet('0026 ffff', padding)],
    ['SNAP of an organisation', 1, ethernet('0026 aaaa03 00000c 2000', padding)],
    ['LCP', 9, bytes('c021', padding)],
    ['CLNP on loopback', 0, bytes('07000000', padding)],
    ['netlink in a cooked capture', 113, bytes('0000 0338 0000 0000000000000000 0000', padding)],
  ];
  for (const [name, linkType, frame] of frames) {
    const bench = new Workbench();
    assert.equal(bench.decode(frame, linkType), 'not_ip', name);
    assert.deepEqual(bench.odd, [], 'nothing is odd about it');
  }
});

test('faults of rare headers have names', () => {
  const cases: [number, Uint8Array, FateName][] = [
    [239, hex('02000000'), 'truncated_nflog_header'],
    [239, bytes('02010000', datagram), 'unknown_nflog_version'],
    [239, hex('02000000 08000100 00000000'), 'nflog_no_pcap_payload'],
    [239, hex('02000000 08000100 00000000 02000100 0000000000'), 'nflog_bad_tlv_len'],
    [239, bytes('07000000 08000900', datagram), 'not_ip'],
    // Its header and nothing behind it.
    [276, bytes('0800 0000 00000002 0001 00 06 0200000000010000'), 'truncated_Linux_SLL2_header'],
    [192, hex('00000800'), 'truncated_PPI_header'],
    [192, bytes('0000ff00 01000000', datagram), 'truncated_PPI_header'],
    [192, bytes('00000800 c0000000', datagram), 'unknown_link_type'],
    [10, hex('50'), 'FDDI_analyzer_failed'],
    [50, hex('ff030021'), 'truncated_ppp_header'],
    [1, ethernet('8926', hex('8000000481')), 'truncated_vntag_header'],
    [1, ethernet('88e7', hex('00000065020000000001')), 'truncated_PBB_header'],
  ];
  for (const [linkType, packet, fate] of cases) assert.equal(new Workbench().decode(packet, linkType), fate);
});

test('an unknown link type is tried as raw IP, as in Zeek, and otherwise refused by name', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(datagram, 147), 'session');
  assert.equal(bench.flow(), FLOW);
  assert.equal(new Workbench().decode(ethernet('0800', datagram), 147), 'unknown_link_type');
  assert.equal(new Workbench().decode(hex(''), 147), 'unknown_link_type');
});

test('numbers between length and EtherType are undefined', () => {
  assert.equal(new Workbench().decode(ethernet('05dd', datagram)), 'undefined_ether_type');
  assert.equal(new Workbench().decode(ethernet('8100 0001 05ff', datagram)), 'undefined_vlan_protocol');
});

test('an 802.3 length beyond the frame is reported as truncated_ethernet_frame, beyond the snaplen it is not', () => {
  for (const tag of ['', '8100 0001']) {
    const bench = new Workbench();
    assert.equal(bench.decode(ethernet(`${tag} 0100 aaaa03 000000 0800`, datagram)), 'session');
    assert.deepEqual([bench.flow(), bench.payload(), bench.odd], [FLOW, 5, ['truncated_ethernet_frame']]);
    const cut = new Workbench();
    const frame = ethernet(`${tag} ${hexOf(datagram.length + 8)} aaaa03 000000 0800`, datagram);
    assert.equal(cut.decode(frame, 1, frame.length - 3), 'session');
    assert.deepEqual([cut.flow(), cut.payload(), cut.odd], [FLOW, 5, []]);
  }
});

test('VLAN ids are kept as id + 1, outermost and second', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(ethernet('8100 6064 0800', datagram)), 'session');
  assert.equal(bench.decode(ethernet('88a8 0fff 8100 0000 0800', datagram)), 'session');
  assert.equal(bench.decode(ethernet('9100 0001 9100 0002 8100 0003 0800', datagram)), 'session');
  assert.equal(bench.decode(ethernet('0800', datagram)), 'session');
  assert.deepEqual([...bench.columns.vlan.subarray(0, 4)], [101, 4096, 2, 0]);
  assert.deepEqual([...bench.columns.innerVlan.subarray(0, 4)], [0, 1, 3, 0]);
  assert.deepEqual(bench.odd, ['triple_tagged_vlan_unsupported']);
  assert.equal(bench.flows.count, 1, 'VLANs are not in the key');
});

test('VLAN ids separate flows when they are part of the key', () => {
  const bench = new Workbench(true);
  for (const tags of ['0800', '8100 0001 0800', '8100 0002 0800', '8100 0001 8100 0002 0800', '8100 0001 0800'])
    assert.equal(bench.decode(ethernet(tags, datagram)), 'session');
  assert.deepEqual([...bench.columns.flow.subarray(0, 5)], [0, 1, 2, 3, 1]);
});

test('a stack of VLAN, MPLS and PPPoE leads to IPv6', () => {
  const inner = ipv6(udp(1000, 53, text('query')), 17, V6_TWO, V6_ONE);
  const bench = new Workbench();
  assert.equal(bench.decode(ethernet('88a8 0005 8100 0006 8864 1100 0001 0020 0281 00010140', inner)), 'session');
  assert.equal(bench.flow(), '17 2001:db8::1:53 2001:db8::2:1000');
  assert.equal(bench.fromB(), true);
  assert.deepEqual([bench.columns.vlan[0], bench.columns.innerVlan[0]], [6, 7]);
});

test('LLC and SNAP after a VLAN tag lead to IP, without trailing bytes', () => {
  const bench = new Workbench();
  const frame = ethernet(
    `8100 0001 ${hexOf(datagram.length + 8)} aaaa03 000000 0800`,
    bytes(datagram, hex('00'.repeat(20))),
  );
  assert.equal(bench.decode(frame), 'session');
  assert.equal(bench.flow(), FLOW);
});

test('endless tags are refused without reading beyond the record', () => {
  for (const tags of ['8100 0001', '8926 00000000', `88e7 00000000 ${'00'.repeat(12)}`])
    assert.equal(
      new Workbench().decode(ethernet(tags.repeat(5000), hex(''))),
      'max_packet_analyzer_depth_exceeded',
      tags,
    );
  assert.equal(new Workbench().decode(ethernet('8100 0001'.repeat(20), hex('')), 1), 'truncated_VLAN_header');
  assert.equal(new Workbench().decode(ethernet(`8847 ${'00000000'.repeat(5000)}`, hex(''))), 'truncated_link_header');
});

test('25 headers are read, Ethernet, tags, IP and UDP together, and the packet is refused at one more', () => {
  for (const [tags, fate] of [
    [22, 'session'],
    [23, 'max_packet_analyzer_depth_exceeded'],
  ] as const)
    assert.equal(new Workbench().decode(ethernet(`${'8100 0001 '.repeat(tags)}0800`, datagram)), fate, `${tags} tags`);
});

test('an Ethernet frame is decoded only if longer than 16 bytes, as in Zeek', () => {
  assert.equal(new Workbench().decode(ethernet('0806', new Uint8Array(2))), 'truncated_ethernet_frame');
  assert.equal(new Workbench().decode(ethernet('0806', new Uint8Array(3))), 'not_ip');
});
