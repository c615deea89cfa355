/** Serial lines, Frame Relay, ATM and other networks: what is no IP there, and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FateName } from '../../../shared/packet/fate.ts';
import { bytes, hex, ipv6, text, udp, Workbench } from '../harness.ts';
import { datagram } from '../layers.ts';

const six = ipv6(udp(1000, 53, text('query')), 17);
const FLOW_SIX = '17 2001:db8::1:1000 2001:db8::2:53';

test('IPv6 is found by its own numbers', () => {
  const cases: [number, string][] = [
    [9, '57'],
    [50, '8f00 86dd'],
    [204, '01 0057'],
    [104, '0f00 86dd'],
    [107, '1841 03 8e'],
    [107, '1841 86dd'],
    [100, 'fefe03 8e'],
    [100, '0057'],
    [242, '86dd 0000'],
    [0, '0a000000'],
    [0, '17000000'],
    [109, '18000000 00001000 00000000'],
    [117, `3d1e0000 ${'00'.repeat(60)}`],
    [226, `021a0000 ${'00'.repeat(20)}`],
  ];
  for (const [linkType, header] of cases) {
    const bench = new Workbench();
    assert.equal(bench.decode(bytes(header, six), linkType), 'session', `${linkType} ${header}`);
    assert.equal(bench.flow(), FLOW_SIX);
    assert.deepEqual(bench.odd, []);
  }
});

test('what such networks carry besides IP is not_ip', () => {
  const padding = new Uint8Array(40);
  const cases: [string, number, string][] = [
    ['keep-alive of Cisco HDLC', 104, '8f00 8035'],
    ['IPCP', 204, '01 ff03 8021'],
    ['IPCP of pppd', 166, '00 03 8021'],
    ['an address of Frame Relay of one byte', 107, '19 03 cc'],
    ['an address of Frame Relay without end', 107, '18404040 40 03 cc'],
    ['signalling of Frame Relay', 107, '0001 0308'],
    ['a numbered frame of Frame Relay', 107, '1841 0201'],
    ['a fragment of a Frame Relay bundle', 182, '8001 1841 03cc'],
    ['control of a Frame Relay bundle', 182, 'e000 01'],
    ['SNAP of an organisation', 107, '1841 03 80 00000c 2000'],
    ['bridged spanning tree over ATM', 100, 'aaaa03 0080c2 000e 0000'],
    ['IS-IS over ATM', 100, 'fefe03 83'],
    ['something over ATM', 100, '12345678'],
    ['signalling of SunATM', 123, '06 00 0005'],
    ['control of LAN emulation', 123, '01 00 0064 ff00'],
    ['PPP of BSD/OS with LCP', 103, '00'.repeat(24)],
    ['ARP over InfiniBand', 242, '0806 0000'],
    ['a management frame of token ring', 6, '1000 020000000001 020000000002'],
    ['IPX in loopback of BSD', 0, '17000000'],
    ['OSI through an IPsec device', 109, '07000000 00001000 00000000'],
  ];
  for (const [name, linkType, header] of cases) {
    const bench = new Workbench();
    assert.equal(bench.decode(bytes(header, padding), linkType), 'not_ip', name);
    assert.deepEqual(bench.odd, [], 'nothing is odd about it');
  }
});

test('a control word of SLIP whose IP is somewhere else is refused as IP is', () => {
  assert.equal(new Workbench().decode(bytes('00 45', '00'.repeat(13), datagram), 8), 'unknown_ip_version');
});

test('SLIP without its header is read', () => {
  const bench = new Workbench();
  assert.equal(bench.decode(datagram, 8), 'session');
  assert.equal(bench.flow(), '17 10.0.0.1:1000 10.0.0.2:53');
});

test('headers without anything behind them are refused by name', () => {
  const cases: [number, string, FateName][] = [
    [104, '0f00 0800', 'truncated_link_header'],
    [205, '00', 'truncated_link_header'],
    [204, '00', 'truncated_ppp_header'],
    [166, '00 03', 'truncated_ppp_header'],
    [107, '1841', 'truncated_link_header'],
    [107, '1841 03', 'truncated_link_header'],
    [107, '1841 03 cc', 'truncated_link_header'],
    [107, '1841 03 80 000000 08', 'truncated_link_header'],
    [206, '00', 'truncated_link_header'],
    [182, 'c001', 'truncated_link_header'],
    [100, 'aaaa03', 'truncated_link_header'],
    [100, 'aaaa03 0080c2 0001 0000', 'truncated_link_header'],
    [123, '02 00 0064', 'truncated_link_header'],
    [8, '00'.repeat(16), 'truncated_link_header'],
    [102, '00'.repeat(24), 'truncated_link_header'],
    [242, '0800 0000', 'truncated_link_header'],
    [242, '60'.repeat(44), 'truncated_link_header'],
    [122, '00'.repeat(16), 'truncated_link_header'],
    [138, '00'.repeat(18), 'truncated_link_header'],
    [6, `1040 ${'00'.repeat(12)}`, 'truncated_link_header'],
    [6, `1040 020000000001 820000000002 1f30 ${'00'.repeat(29)}`, 'truncated_link_header'],
  ];
  for (const [linkType, header, fate] of cases) {
    const bench = new Workbench();
    assert.equal(bench.decode(hex(header), linkType), fate, `${linkType} ${header}`);
    assert.deepEqual(bench.odd, [fate]);
  }
});
